"""`boreas service-account`: programs that act by tokens."""

import click

from app.cli import lookups
from app.cli.client import Api
from app.cli.nouns import queries
from app.cli.nouns.actors import GRANTS, TOKENS, fetch_actor
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Printer, id_of
from app.cli.root import Group


@click.group(
    "service-account",
    cls=Group,
    epilog="\b\nExamples:\n  boreas service-account create release-bot\n"
    "  boreas token create ci --scope DEPLOYER --service-account sac_0a1b2c",
)
def service_account() -> None:
    """Programs that act by tokens: create, show, revoke-tokens."""


@service_account.command(epilog="\b\nExamples:\n  boreas service-account create release-bot -o name")
@click.argument("name")
@output_options
@api_command
async def create(api: Api, printer: Printer, name: str) -> None:
    """Create a service account without roles. Requires ADMIN."""
    account = (await api.mutate(queries.CREATE_ACCOUNT, name=name))["serviceAccount"]
    printer.result(f"Service account {account['name']} ({account['id']})", account, id_of)
    if not printer.is_data:
        printer.note(f"  boreas grant create {account['id']} ROLE")
        printer.note(f"  boreas token create NAME --scope ROLE --service-account {account['id']}")


@service_account.command(epilog="\b\nExamples:\n  boreas service-account show sac_0a1b2c")
@click.argument("account")
@output_options
@api_command
async def show(api: Api, printer: Printer, account: str) -> None:
    """Show a service account, by id: its roles and tokens. Requires ADMIN, or its own token."""
    actor = await fetch_actor(api, account)

    def details() -> None:
        printer.fields([("Name", actor["name"]), ("Id", actor["id"])])
        printer.section("Grants", actor["grants"], GRANTS, "None.")
        printer.section("Tokens", actor["tokensConnection"]["nodes"], TOKENS, "None.")

    printer.object(actor, id_of, details)


@service_account.command("revoke-tokens", epilog="\b\nExamples:\n  boreas service-account revoke-tokens sac_0a1b2c")
@click.argument("account")
@yes_option
@output_options
@api_command
async def revoke_tokens(api: Api, printer: Printer, account: str, yes: bool) -> None:
    """Revoke all tokens of an actor, by id, and all that were created with them. Roles stay."""
    confirm(f"Revoke all tokens of {account}?", yes=yes)
    id_ = await lookups.actor_id(api, account)
    tokens = (await api.mutate(queries.REVOKE_TOKENS, id=id_))["tokens"]
    printer.result(f"Revoked: {len(tokens)} tokens of {id_}.", tokens, id_of)
