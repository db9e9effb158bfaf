"""`boreas whoami`, `token list`, `grant` and `service-account`: who may do what."""

from collections.abc import Sequence
from typing import Any

import click
from rich.text import Text

from app.cli import completion, lookups
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import queries
from app.cli.nouns.tokens import ROLES, token
from app.cli.options import agreed, calls_api, confirms, prints
from app.cli.printer import Column, Printer, by_id, by_name
from app.cli.root import Group
from app.cli.times import Times


def _state(one: Data, times: Times) -> Text:
    if one["revokedAt"]:
        return Text("⊘ revoked", style="yellow")
    if one["expiresAt"] and one["expiresAt"] <= times.now.isoformat():
        return Text("✗ expired", style="yellow")
    return Text("✓ valid", style="green")


GRANTS = (
    Column("ROLE", lambda one, times: one["role"]),
    Column("ENVIRONMENT", lambda one, times: one["environment"]["name"] if one["environment"] else "all"),
    Column("APPLICATION", lambda one, times: one["application"]["name"] if one["application"] else "all"),
)
TOKENS = (
    Column("ID", lambda one, times: one["id"]),
    Column("NAME", lambda one, times: one["name"]),
    Column("STATE", _state),
    Column("SCOPES", lambda one, times: ", ".join(one["scopes"])),
    Column("AGE", lambda one, times: times(one["createdAt"])),
    Column("USED", lambda one, times: times(one["lastUsedAt"]) or "never"),
    Column("UNTIL", lambda one, times: times.exact(one["expiresAt"]) if one["expiresAt"] else "no end"),
    Column("BEGINS", lambda one, times: one["prefix"]),
)


async def _actor(api: Api, text: str | None) -> Data:
    """Return somebody with grants and tokens; None: whoever asks. Raises ApiError."""
    id_ = await lookups.actor(api, text or "me")
    found: Data | None = (await api.query(queries.ACTOR, id=id_))["node"]
    if found is None:
        raise ApiError(f"There is nobody “{text}” that you may see.")
    return found


@click.command(epilog="\b\nExamples:\n  boreas whoami\n  boreas whoami -o json")
@prints
@calls_api
async def whoami(api: Api, printer: Printer) -> None:
    """Show who you are to the API, and what you may do."""
    found = (await api.query(queries.VIEWER))["viewer"]

    def details() -> None:
        printer.fields(
            [
                ("Name", found["name"]),
                ("Id", found["id"]),
                ("Kind", {"User": "a person", "ServiceAccount": "a service account"}.get(found["__typename"])),
                ("Email", found.get("email")),
                ("API", api.url),
            ]
        )
        printer.title("Grants")
        _grants(printer, found["grants"])

    printer.one(found, by_name, details)


def _grants(printer: Printer, grants: Sequence[Data]) -> None:
    if grants:
        printer.table(grants, GRANTS, indent=2)
    else:
        printer.line("None.", indent=2)


@token.command("list", epilog="\b\nExamples:\n  boreas token list\n  boreas token list --of sac_0a1b2c")
@click.option("--of", "owner", metavar="ID", help="Whose; default: yours. Others' for ADMIN.")
@click.option("--all", "everything", is_flag=True, help="Revoked and expired ones too.")
@prints
@calls_api
async def list_tokens(api: Api, printer: Printer, owner: str | None, everything: bool) -> None:
    """List tokens, the newest first. Their secrets are shown only when they are made."""
    found = (await _actor(api, owner))["tokensConnection"]["nodes"]
    shown = [each for each in found if everything or "valid" in _state(each, printer.times).plain]
    printer.list(shown, TOKENS, by_id, "There is no token. Make one: boreas token create NAME --scope ROLE")
    if len(shown) < len(found) and not printer.is_data:
        printer.note(f"{len(found) - len(shown)} revoked or expired ones are left out: --all shows them.")


@click.group(
    cls=Group,
    epilog="\b\nExamples:\n  boreas grant list\n  boreas grant create sac_0a1b2c DEPLOYER --environment staging",
)
def grant() -> None:
    """Roles of people and service accounts: list, create, delete."""


@grant.command("list", epilog="\b\nExamples:\n  boreas grant list\n  boreas grant list sac_0a1b2c")
@click.argument("actor", required=False)
@prints
@calls_api
async def list_grants(api: Api, printer: Printer, actor: str | None) -> None:
    """List the roles of somebody, by id; default: yours. Others' for ADMIN."""
    found = await _actor(api, actor)
    printer.list(found["grants"], GRANTS, lambda one: one["role"], f"{found['name']} has no role.")


def _place(command: Any) -> Any:
    command = click.option("--application", shell_complete=completion.applications, help="Only on this one.")(command)
    command = click.option("--environment", shell_complete=completion.environments, help="Only on this one.")(command)
    command = click.argument("role", type=click.Choice(ROLES, case_sensitive=False))(command)
    return click.argument("actor")(command)


async def _change(
    api: Api, document: str, *, actor: str, role: str, environment: str | None, application: str | None
) -> Data:
    given = {
        "actorId": await lookups.actor(api, actor),
        "role": role,
        "environmentId": await lookups.environment(api, environment) if environment else None,
        "applicationId": await lookups.application(api, application) if application else None,
    }
    found: Data = (await api.change(document, **given))["actor"]
    return found


@grant.command(
    "create", epilog="\b\nExamples:\n  boreas grant create sac_0a1b2c DEPLOYER --environment staging --application web"
)
@_place
@prints
@calls_api
async def give(api: Api, printer: Printer, actor: str, role: str, **place: str | None) -> None:
    """Give an ACTOR, by id, a ROLE: on everything, on an environment, on an application, or on both. For ADMIN."""
    found = await _change(api, queries.GRANT, actor=actor, role=role, **place)
    printer.done(f"{found['name']} ({found['id']}) has the role {role}{_where(**place)}.", found, by_id)


@grant.command("delete", epilog="\b\nExamples:\n  boreas grant delete sac_0a1b2c DEPLOYER --environment staging")
@_place
@confirms
@prints
@calls_api
async def take(api: Api, printer: Printer, actor: str, role: str, *, yes: bool, **place: str | None) -> None:
    """Take a ROLE from an ACTOR, by id, as it was given. For ADMIN."""
    agreed(f"Take {role}{_where(**place)} from {actor}?", yes=yes)
    found = await _change(api, queries.REVOKE, actor=actor, role=role, **place)
    printer.done(f"{found['name']} ({found['id']}) has the role {role}{_where(**place)} no more.", found, by_id)


def _where(environment: str | None, application: str | None) -> str:
    places = [name for name in (environment, application) if name]
    return f" on {' and '.join(places)}" if places else " on everything"


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
@prints
@calls_api
async def create(api: Api, printer: Printer, name: str) -> None:
    """Make a service account, without any role. For ADMIN."""
    found = (await api.change(queries.CREATE_ACCOUNT, name=name))["serviceAccount"]
    printer.done(f"Service account {found['name']} ({found['id']})", found, by_id)
    if not printer.is_data:
        printer.note(f"  boreas grant create {found['id']} ROLE")
        printer.note(f"  boreas token create NAME --scope ROLE --service-account {found['id']}")


@service_account.command(epilog="\b\nExamples:\n  boreas service-account show sac_0a1b2c")
@click.argument("account")
@prints
@calls_api
async def show(api: Api, printer: Printer, account: str) -> None:
    """Show a service account, by id: its roles and tokens. For ADMIN, and itself."""
    found = await _actor(api, account)

    def details() -> None:
        printer.fields([("Name", found["name"]), ("Id", found["id"])])
        printer.title("Grants")
        _grants(printer, found["grants"])
        printer.title("Tokens")
        if found["tokensConnection"]["nodes"]:
            printer.table(found["tokensConnection"]["nodes"], TOKENS, indent=2)
        else:
            printer.line("None.", indent=2)

    printer.one(found, by_id, details)


@service_account.command("revoke-tokens", epilog="\b\nExamples:\n  boreas service-account revoke-tokens sac_0a1b2c")
@click.argument("account")
@confirms
@prints
@calls_api
async def revoke_tokens(api: Api, printer: Printer, account: str, yes: bool) -> None:
    """Revoke all tokens of somebody, by id, and all that was made with them. The roles stay."""
    agreed(f"Revoke all tokens of {account}?", yes=yes)
    id_ = await lookups.actor(api, account)
    found = (await api.change(queries.REVOKE_TOKENS, id=id_))["tokens"]
    printer.done(f"Revoked: {len(found)} tokens of {id_}.", found, by_id)
