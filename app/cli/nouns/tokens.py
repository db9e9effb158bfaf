"""`boreas token`: tokens for people and scripts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from app.cli.api_options import address_options, api_of
from app.cli.client import Api, Data
from app.cli.nouns import queries
from app.cli.nouns.actors import ROLES, TOKENS, fetch_actor, token_state
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Printer, id_of
from app.cli.root import Group
from app.cli.terminal_text import echo, json_text
from app.cli.times import local_time, parse_span

CREATE_EPILOG = """\b
Examples:
  TOKEN=$(boreas token create ci --scope DEPLOYER --expires 30d)
  boreas token create ci --scope VIEWER --service-account release-bot --create"""


@click.group(
    cls=Group, epilog="\b\nExamples:\n  boreas token list\n  boreas token create ci --scope DEPLOYER --expires 30d"
)
def token() -> None:
    """Tokens for people and scripts: list, create, revoke."""


@token.command(epilog=CREATE_EPILOG)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(ROLES, case_sensitive=False),
    required=True,
    multiple=True,
    help="A role that the token may use, within its owner's grants; repeatable.",
)
@click.option("--service-account", metavar="ID", help="The id of the owner. Default: you.")
@click.option("--create", "creates_account", is_flag=True, help="Create a service account named by --service-account.")
@click.option("--expires", help="When it expires: 30d, 12h, 45m, or an ISO 8601 time with a zone.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object, with the secret.")
@address_options
def create(url: str, token: str | None, name: str, as_json: bool, **options: Any) -> None:
    """Create a token. Its secret is printed only once, and alone on standard output."""
    if options["creates_account"] and not options["service_account"]:
        raise click.UsageError("--create requires --service-account NAME.")
    expires = _expiry(options["expires"]) if options["expires"] else None
    payload = asyncio.run(_create(api_of(url, token), name, expires, options))
    if as_json:
        click.echo(json_text({"token": payload["token"], "secret": payload["secret"]}))
        return
    created = payload["token"]
    until = f"until {local_time(created['expiresAt'])}" if created["expiresAt"] else "until it is revoked"
    echo(f"Token “{created['name']}” ({created['id']}) for {', '.join(created['scopes'])}, valid {until}.", err=True)
    click.echo(payload["secret"])


@token.command(epilog="\b\nExamples:\n  boreas token revoke tok_0a1b2c")
@click.argument("id")
@yes_option
@address_options
def revoke(url: str, token: str | None, id: str, yes: bool) -> None:
    """Revoke a token by its id, and all tokens that were created with it."""
    confirm(f"Revoke the token {id}, and all tokens that were created with it?", yes=yes)
    payload = asyncio.run(api_of(url, token).mutate(queries.REVOKE_TOKEN, id=id))
    echo(f"Token “{payload['token']['name']}” is revoked.", err=True)
    for descendant in payload["alsoRevoked"]:
        name, descendant_id = descendant["name"], descendant["id"]
        echo(f"Token “{name}” ({descendant_id}), which was created with it, is revoked.", err=True)


@token.command("list", epilog="\b\nExamples:\n  boreas token list\n  boreas token list --of sac_0a1b2c")
@click.option("--of", "owner", metavar="ID", help="The owner. Default: you. Other owners require ADMIN.")
@click.option("--all", "lists_all", is_flag=True, help="List revoked and expired tokens, too.")
@output_options
@api_command
async def list_tokens(api: Api, printer: Printer, owner: str | None, lists_all: bool) -> None:
    """List tokens, the newest first. Secrets are shown only when a token is created."""
    tokens = (await fetch_actor(api, owner))["tokensConnection"]["nodes"]
    shown = [node for node in tokens if lists_all or "valid" in token_state(node, printer.times).plain]
    printer.list(shown, TOKENS, id_of, "There is no token. Create one: boreas token create NAME --scope ROLE")
    if len(shown) < len(tokens) and not printer.is_data:
        printer.note(f"{len(tokens) - len(shown)} revoked or expired tokens are not shown: --all shows them.")


async def _create(api: Api, name: str, expires: str | None, options: Data) -> Data:
    owner = options["service_account"]
    if options["creates_account"]:
        account = (await api.mutate(queries.CREATE_ACCOUNT, name=owner))["serviceAccount"]
        owner = account["id"]
        hint = f"boreas grant create {owner} ROLE gives it rights."
        echo(f"Service account “{account['name']}” ({owner}) is created; {hint}", err=True)
    return await api.mutate(
        queries.CREATE_TOKEN,
        name=name,
        scopes=[scope.upper() for scope in options["scopes"]],
        serviceAccountId=owner,
        expiresAt=expires,
    )


def _expiry(text: str) -> str:
    """Return the time that a user names, as ISO 8601. Raises BadParameter."""
    try:
        span = parse_span(text)
        time = datetime.fromisoformat(text) if span is None else datetime.now(UTC) + span
    except (ValueError, OverflowError):
        time = None
    if time is None or time.tzinfo is None:
        raise click.BadParameter(
            f"“{text}” is neither a span such as 30d, 12h or 45m, nor an ISO 8601 time with a zone.",
            param_hint="--expires",
        )
    return time.isoformat()
