"""The command `boreas`: runs the processes of a server, and is the client of people and scripts."""

import click

from app import __version__
from app.cli.apply.command import apply
from app.cli.completion import completion as completion_
from app.cli.decide import approve, reject
from app.cli.deploy import deploy
from app.cli.doctor import doctor
from app.cli.inbox import approvals
from app.cli.logs import logs
from app.cli.migrate import migrate
from app.cli.nouns import NOUNS
from app.cli.process_secrets import protect_memory, take_secrets
from app.cli.root import Root
from app.cli.serve import api, schema, up, worker
from app.cli.topics import help_
from app.cli.watch import watch

EPILOG = """\b
Examples:
  boreas deploy --version v7 --environment staging --follow
  boreas deployment list --status FAILED --since 1d
  boreas logs DEPLOYMENT/web/test
  boreas help exit-codes"""


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__, prog_name="boreas")
def main() -> None:
    """Boreas deploys versions of applications to environments, as graphs of tasks.

    Start with boreas up, which runs everything on this machine. boreas NOUN --help lists the verbs of a noun.
    """
    protect_memory()
    take_secrets()


SHORT = (apply, deploy, watch, approvals, approve, reject, logs)
SERVER = (up, api, worker, migrate, schema, doctor)
ABOUT = (help_, completion_)
for command in (*SHORT, *NOUNS, *SERVER, *ABOUT):
    main.add_command(command)
