"""`boreas migrate`: applies, undoes and lists migrations, and grants rights to database roles."""

import asyncio
from pathlib import Path

import click

from app.cli.console import Failure, expected_failures
from app.cli.serve import settings_or_failure


@click.command()
@click.option("--down", is_flag=True, help="Undo the latest migration; data that only it stores is lost.")
@click.option("--yes", is_flag=True, help="Undo without asking for confirmation.")
@click.option("--app-role", metavar="NAME", help="A database role to grant the rights that boreas api needs.")
@click.option("--worker-role", metavar="NAME", help="A database role to grant the rights that boreas worker needs.")
@click.option("--status", "only_status", is_flag=True, help="List applied and pending migrations; change nothing.")
def migrate(down: bool, yes: bool, only_status: bool, app_role: str | None, worker_role: str | None) -> None:
    """Migrate the database to the schema of this release.

    Running it again, or several at the same time, is safe. BOREAS_DATABASE_URL names the database.

    \b
    The role that migrates owns the tables. Give the API and the workers roles of their own, which cannot change the
    audit log:
        CREATE ROLE boreas_api LOGIN PASSWORD '...';
        CREATE ROLE boreas_worker LOGIN PASSWORD '...';
    and name both in each migration:
        boreas migrate --app-role boreas_api --worker-role boreas_worker
    """
    if down + only_status + bool(app_role or worker_role) > 1:
        raise click.UsageError("--down, --status and the roles exclude each other.")
    url = settings_or_failure().store.database_url
    if url is None:
        raise Failure("Set BOREAS_DATABASE_URL. boreas up migrates its embedded database by itself.")
    with expected_failures():
        if only_status:
            _print_status(url)
        elif down:
            _undo_latest(url, yes)
        else:
            _apply_pending(url)
            _grant(url, app_role, worker_role)


def _print_status(url: str) -> None:
    from app.store.migrations import status
    from app.wiring import migrations_folder

    migrations = asyncio.run(status(url, migrations_folder()))
    for word, names in (("applied", migrations.applied), ("pending", migrations.pending)):
        for name in names:
            note = "   (unknown to this release)" if name in migrations.unknown else ""
            click.echo(f"{word}  {Path(name).stem}{note}")


def _apply_pending(url: str) -> None:
    from app.store.migrations import migrate as apply_pending
    from app.wiring import migrations_folder

    names = asyncio.run(apply_pending(url, migrations_folder()))
    for name in names:
        click.echo(f"applied  {Path(name).stem}")
    if not names:
        click.echo("Nothing to do: the database is up to date.")


def _grant(url: str, app_role: str | None, worker_role: str | None) -> None:
    from app.store import roles

    if app_role or worker_role:
        asyncio.run(roles.grant(url, roles.Roles(app_role, worker_role)))
        click.echo(f"granted  {', '.join(filter(None, (app_role, worker_role)))}")


def _undo_latest(url: str, yes: bool) -> None:
    from app.store.migrations import downgrade
    from app.wiring import migrations_folder

    if not yes:
        click.confirm("Undo the latest migration? Data that only it stores is lost.", abort=True)
    for name in asyncio.run(downgrade(url, migrations_folder())):
        click.echo(f"undone  {Path(name).stem}")
