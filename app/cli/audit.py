"""`boreas audit`: whether the audit log is what was written."""

import asyncio
import sys

import click

from app.cli.console import Failure, expected_failures
from app.cli.process_secrets import environ
from app.cli.root import Group
from app.settings import SettingError, read_settings


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog="\b\nExamples:\n  boreas audit --help\n  boreas audit list --since 1d\n  boreas audit verify",
)
@click.pass_context
def audit(ctx: click.Context) -> None:
    """The audit log: list, verify. Without a verb: the newest entries."""
    if ctx.invoked_subcommand is None:
        listing = audit.commands["list"]
        with listing.make_context("list", [], parent=ctx) as inner:
            listing.invoke(inner)


@audit.command()
@click.option("--head", metavar="HASH", help="A head that was noted earlier; it must still be there.")
def verify(head: str | None) -> None:
    """Check that no entry was changed, removed or put in since it was written.

    Each entry has a number and a hash over itself and the entry before. Note the head that is printed somewhere else:
    with --head it shows later that none of the entries up to there was removed at the end, or made anew. Exit status 1
    means that something is wrong.

    BOREAS_DATABASE_URL names the database; that of a running boreas up is found by itself.
    """
    with expected_failures():
        from app.services.audit import verify as follow
        from app.store.migrations import opened

        async def followed() -> tuple[int, str, str | None, bool]:
            async with opened(_database()):
                chain, found = await follow(head.strip().lower() if head else None)
                return chain.length, chain.head, chain.fault, found

        length, last, fault, found = asyncio.run(followed())
    click.echo(f"{length} entries are as they were written. The head is\n{last}")
    if fault:
        click.echo(f"The audit log was tampered with: {fault}.", err=True)
    if not found:
        click.echo(f"The audit log was tampered with: no entry up to there has the hash {head}.", err=True)
    sys.exit(1 if fault or not found else 0)


def _database() -> str:
    """Return where the database is. Raises Failure."""
    try:
        settings = read_settings(environ())
    except SettingError as error:
        raise Failure(str(error)) from error
    kept = settings.data_dir / "secrets" / "owner-url"
    if settings.store.database_url:
        return settings.store.database_url
    try:
        return kept.read_text(encoding="utf-8").strip()
    except OSError:
        raise Failure("Set BOREAS_DATABASE_URL, or run this beside boreas up, in the same folder.") from None
