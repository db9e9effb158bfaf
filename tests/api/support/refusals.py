"""Refused mutations, in a form that tests can compare: the kind of each error, and its path."""

from collections.abc import Sequence

from tests.api.support.rows import contents
from tests.api.support.wire import execute
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, world

TRUE = {"command": ["true"]}
ERRORS = "errors { __typename code message path ... on NotFound { objectId } ... on WorkflowFault { kind taskKeys } }"
INPUTS = {
    "createApplication": "CreateApplicationInput",
    "createEnvironment": "CreateEnvironmentInput",
    "createVersion": "CreateVersionInput",
    "createDeployment": "CreateDeploymentInput",
    "updateApplication": "UpdateApplicationInput",
}


async def refusal(client: Client, mutation: str, fields: Data) -> list[Data]:
    """Call a mutation and return its errors, each of which must have a message."""
    document = f"mutation($input: {INPUTS[mutation]}!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
    result = await execute(client, document, {"input": fields})
    assert "errors" not in result, result["errors"]
    errors: list[Data] = result["data"][mutation]["errors"]
    assert all(len(error["message"]) > 5 for error in errors)
    return errors


def code_and_path(errors: Sequence[Data]) -> list[tuple[str, str, str]]:
    """Return the kind, the code and the path of each error."""
    return [(error["__typename"], error["code"], ".".join(error["path"] or ())) for error in errors]


def invalid(*paths: str) -> list[tuple[str, str, str]]:
    return [("InvalidInput", "INVALID", path) for path in paths]


def missing(path: str) -> tuple[str, str, str]:
    return ("NotFound", "NOT_FOUND", path)


Refusals = Sequence[tuple[Data, Sequence[str | tuple[str, str, str]]]]
"""Changes of a valid input, and what each is refused with: the path of an invalid field, or another error."""


async def refused(system: System, mutation: str, base: Data, table: Refusals) -> None:
    """Check that each change of a valid input is refused with its errors, and stores no row."""
    contents_before = await contents(system)
    for change, paths in table:
        expected = [error for path in paths for error in (invalid(path) if isinstance(path, str) else [path])]
        assert code_and_path(await refusal(system.admin, mutation, base | change)) == expected, change
    assert await contents(system) == contents_before


async def place(system: System, operator: str = "SIMULATED") -> tuple[World, Data]:
    """Return a world with two applications, and a valid input for a deployment of both."""
    environment = await world(system.admin, operator)
    await environment.application("users")
    await environment.application("orders")
    version = await environment.version()
    return environment, {"versionId": version, "environmentIds": [environment.environment_id], "autoStart": False}


async def deploy(client: Client, fields: Data) -> str:
    """Create a deployment and return its id."""
    payload = await client.change("createDeployment", "deployments { id }", **fields)
    return str(payload["deployments"][0]["id"])
