"""`boreas grant`: the roles of people and service accounts."""

from typing import Any

import click

from app.cli import completion, lookups
from app.cli.client import Api, Data
from app.cli.nouns import queries
from app.cli.nouns.actors import GRANTS, ROLES, fetch_actor
from app.cli.options import api_command, confirm, output_options, yes_option
from app.cli.printer import Printer, id_of
from app.cli.root import Group


@click.group(
    cls=Group,
    epilog="\b\nExamples:\n  boreas grant list\n  boreas grant create sac_0a1b2c DEPLOYER --environment staging",
)
def grant() -> None:
    """Roles of people and service accounts: list, create, delete."""


@grant.command("list", epilog="\b\nExamples:\n  boreas grant list\n  boreas grant list sac_0a1b2c")
@click.argument("actor", required=False)
@output_options
@api_command
async def list_grants(api: Api, printer: Printer, actor: str | None) -> None:
    """List the roles of an ACTOR, by id. Default: yours. Other actors require ADMIN."""
    owner = await fetch_actor(api, actor)
    printer.list(owner["grants"], GRANTS, lambda granted: str(granted["role"]), f"{owner['name']} has no role.")


def _grant_parameters(command: Any) -> Any:
    command = click.option("--application", shell_complete=completion.applications, help="Limit to an application.")(
        command
    )
    command = click.option("--environment", shell_complete=completion.environments, help="Limit to an environment.")(
        command
    )
    command = click.argument("role", type=click.Choice(ROLES, case_sensitive=False))(command)
    return click.argument("actor")(command)


@grant.command(
    "create", epilog="\b\nExamples:\n  boreas grant create sac_0a1b2c DEPLOYER --environment staging --application web"
)
@_grant_parameters
@output_options
@api_command
async def create(api: Api, printer: Printer, actor: str, role: str, **scope: str | None) -> None:
    """Grant a ROLE to an ACTOR, by id: everywhere, or limited by the options. Requires ADMIN."""
    changed = await _change(api, queries.GRANT, actor=actor, role=role, **scope)
    printer.result(f"{changed['name']} ({changed['id']}) has the role {role}{_scope(**scope)}.", changed, id_of)


@grant.command("delete", epilog="\b\nExamples:\n  boreas grant delete sac_0a1b2c DEPLOYER --environment staging")
@_grant_parameters
@yes_option
@output_options
@api_command
async def delete(api: Api, printer: Printer, actor: str, role: str, *, yes: bool, **scope: str | None) -> None:
    """Remove a ROLE from an ACTOR, by id, with the same options as it was granted. Requires ADMIN."""
    confirm(f"Remove {role}{_scope(**scope)} from {actor}?", yes=yes)
    changed = await _change(api, queries.REVOKE, actor=actor, role=role, **scope)
    sentence = f"{changed['name']} ({changed['id']}) no longer has the role {role}{_scope(**scope)}."
    printer.result(sentence, changed, id_of)


async def _change(
    api: Api, document: str, *, actor: str, role: str, environment: str | None, application: str | None
) -> Data:
    fields = {
        "actorId": await lookups.actor_id(api, actor),
        "role": role,
        "environmentId": await lookups.environment_id(api, environment) if environment else None,
        "applicationId": await lookups.application_id(api, application) if application else None,
    }
    changed: Data = (await api.mutate(document, **fields))["actor"]
    return changed


def _scope(environment: str | None, application: str | None) -> str:
    names = [name for name in (environment, application) if name]
    return f" on {' and '.join(names)}" if names else " on everything"
