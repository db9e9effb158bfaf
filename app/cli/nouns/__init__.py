"""The commands of each noun: `boreas NOUN VERB`."""

import click

from app.cli.audit import audit
from app.cli.deploy import deploy
from app.cli.nouns import deployment_actions, deployments
from app.cli.nouns.access import grant, service_account, whoami
from app.cli.nouns.applications import application
from app.cli.nouns.approvals import approval
from app.cli.nouns.audit_log import list_audit
from app.cli.nouns.environments import environment
from app.cli.nouns.freezes import freeze
from app.cli.nouns.plan import plan
from app.cli.nouns.tasks import task
from app.cli.nouns.templates import template
from app.cli.nouns.tokens import token
from app.cli.nouns.versions import version
from app.cli.nouns.workflows import edit, workflow
from app.cli.root import Group
from app.cli.watch import logs, watch


@click.group(
    cls=Group,
    epilog="\b\nExamples:\n  boreas deployment list --status FAILED\n  boreas deployment show dep_0a1b2c\n"
    "  boreas deployment rollback dep_0a1b2c --reason 'errors in checkout'",
)
def deployment() -> None:
    """Versions on their way to environments: list, show, create, retry, rollback and more.

    Of a DEPLOYMENT's id the beginning is enough, where only one has it.
    """


deployment.add_command(deployments.list_, "list")
deployment.add_command(deployments.show)
deployment.add_command(deploy, "create")
for _command in (
    plan,
    watch,
    logs,
    deployments.events,
    deployment_actions.start,
    deployment_actions.pause,
    deployment_actions.resume,
):
    deployment.add_command(_command)
for _command in (
    deployment_actions.cancel,
    deployment_actions.retry,
    deployment_actions.rollback,
    deployment_actions.promote,
    edit,
):
    deployment.add_command(_command)

audit.add_command(list_audit, "list")

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
