"""`boreas token`: tokens for people and scripts."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.cli import queries
from app.cli.client import Api, Data, address_options, api_of
from app.cli.options import agreed, confirms
from app.cli.root import Group
from app.cli.terminal_text import echo, json_text

ROLES = ("VIEWER", "DEPLOYER", "APPROVER", "ADMIN")
MAKE_ACCOUNT = """mutation CreateServiceAccount($input: CreateServiceAccountInput!) {
  createServiceAccount(input: $input) { serviceAccount { id name } errors { code message path } } }"""
EPILOG = """\b
Examples:
  TOKEN=$(boreas token create ci --scope DEPLOYER --expires 30d)
  boreas token create ci --scope VIEWER --service-account release-bot --create"""
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.group(
    cls=Group, epilog="\b\nExamples:\n  boreas token list\n  boreas token create ci --scope DEPLOYER --expires 30d"
)
def token() -> None:
    """Tokens for people and scripts: list, create, revoke."""


@token.command(epilog=EPILOG)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(ROLES, case_sensitive=False),
    required=True,
    multiple=True,
    help="What it can be used for, within its owner's grants; may be repeated.",
)
@click.option("--service-account", metavar="ID", help="Whose it is, by id; default: yours.")
@click.option("--create", "makes_account", is_flag=True, help="--service-account is the name of one to make.")
@click.option("--expires", help="When it ends: 30d, 12h, 45m, or an ISO 8601 time with a zone.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object, the secret too.")
@address_options
def create(url: str, token: str | None, name: str, as_json: bool, **wanted: Any) -> None:
    """Make a token. Its secret is printed once, and alone on standard output."""
    if wanted["makes_account"] and not wanted["service_account"]:
        raise click.UsageError("--create needs --service-account NAME.")
    expires = _moment(wanted["expires"]) if wanted["expires"] else None
    payload = asyncio.run(_create(api_of(url, token), name, expires, wanted))
    if as_json:
        click.echo(json_text({"token": payload["token"], "secret": payload["secret"]}))
        return
    made = payload["token"]
    until = f"until {_local(made['expiresAt'])}" if made["expiresAt"] else "until it is revoked"
    echo(f"Token “{made['name']}” ({made['id']}) for {', '.join(made['scopes'])}, valid {until}.", err=True)
    click.echo(payload["secret"])


@token.command(epilog="\b\nExamples:\n  boreas token revoke tok_0a1b2c")
@click.argument("id")
@confirms
@address_options
def revoke(url: str, token: str | None, id: str, yes: bool) -> None:
    """Revoke a token by its id: it cannot be used any more, nor can the tokens that were made with it."""
    agreed(f"Revoke the token {id}, and all that were made with it?", yes=yes)
    payload = asyncio.run(api_of(url, token).change(queries.END_TOKEN, id=id))
    echo(f"Token “{payload['token']['name']}” is revoked.", err=True)
    for made in payload["alsoRevoked"]:
        echo(f"Token “{made['name']}” ({made['id']}), which was made with it, is revoked.", err=True)


async def _create(api: Api, name: str, expires: str | None, wanted: Data) -> Data:
    owner = wanted["service_account"]
    if wanted["makes_account"]:
        account = (await api.change(MAKE_ACCOUNT, name=owner))["serviceAccount"]
        owner = account["id"]
        echo(
            f"Service account “{account['name']}” ({owner}) is made; boreas grant create {owner} ROLE gives it rights.",
            err=True,
        )
    return await api.change(
        queries.MAKE_TOKEN,
        name=name,
        scopes=[scope.upper() for scope in wanted["scopes"]],
        serviceAccountId=owner,
        expiresAt=expires,
    )


def _local(moment: str) -> str:
    """Return a moment in the user's zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _moment(text: str) -> str:
    """Return the moment that a user names, as ISO 8601."""
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text)
    if found:
        return (datetime.now(UTC) + timedelta(**{UNITS[found[2]]: int(found[1])})).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.BadParameter(
            f"“{text}” is neither like 30d, 12h or 45m, nor an ISO 8601 time with a zone.", param_hint="--expires"
        )
    return moment.isoformat()
