"""The command `boreas`: the processes of a server, and what people and scripts do with one."""

import click

from app import __version__
from app.cli.apply import apply
from app.cli.approvals import approvals, approve, reject
from app.cli.audit import audit
from app.cli.deploy import deploy
from app.cli.doctor import doctor
from app.cli.private import close_memory, take_secrets
from app.cli.serve import api, migrate, schema, up, worker
from app.cli.tokens import token
from app.cli.watch import logs, watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="boreas")
def main() -> None:
    """Boreas deploys versions of applications to environments, as graphs of tasks.

    Start with boreas up, which runs everything on this machine.
    """
    close_memory()
    take_secrets()


CLIENT = (apply, deploy, watch, approvals, approve, reject, logs, token)
SERVER = (up, api, worker, migrate, audit, schema, doctor)
for command in (*CLIENT, *SERVER):
    main.add_command(command)
