"""The commands of each noun: `boreas NOUN VERB`."""

import click

from app.cli.deploy import deploy
from app.cli.logs import logs
from app.cli.nouns import deployment_actions as actions
from app.cli.nouns import deployments
from app.cli.nouns.applications import application
from app.cli.nouns.approvals import approval
from app.cli.nouns.audit import audit
from app.cli.nouns.environments import environment
from app.cli.nouns.events import events
from app.cli.nouns.freezes import freeze
from app.cli.nouns.grants import grant
from app.cli.nouns.plan import plan
from app.cli.nouns.service_accounts import service_account
from app.cli.nouns.tasks import task
from app.cli.nouns.templates import template
from app.cli.nouns.tokens import token
from app.cli.nouns.versions import version
from app.cli.nouns.whoami import whoami
from app.cli.nouns.workflows import edit, workflow
from app.cli.root import Group
from app.cli.watch import watch


@click.group(
    cls=Group,
    epilog="\b\nExamples:\n  boreas deployment list --status FAILED\n  boreas deployment show dep_0a1b2c\n"
    "  boreas deployment rollback dep_0a1b2c --reason 'errors in checkout'",
)
def deployment() -> None:
    """Deployments of versions to environments: list, show, create, retry, rollback and more.

    The beginning of a DEPLOYMENT's id is enough if it is unique.
    """


deployment.add_command(deployments.list_, "list")
deployment.add_command(deployments.show)
deployment.add_command(deploy, "create")
for _command in (plan, watch, logs, events, actions.start, actions.pause, actions.resume):
    deployment.add_command(_command)
for _command in (actions.cancel, actions.retry, actions.rollback, actions.promote, edit):
    deployment.add_command(_command)

NOUNS: tuple[click.Command, ...] = (
    deployment,
    task,
    workflow,
    application,
    environment,
    version,
    template,
    approval,
    freeze,
    audit,
    whoami,
    token,
    grant,
    service_account,
)
