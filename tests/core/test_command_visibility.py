"""Visible parts of commands, by the grants of the viewer."""

import pytest

from app.core.access import Actor, ActorKind, Grant, Principal
from app.core.application import CommandStep
from app.core.command_visibility import CommandVisibility, of_application, of_deployment, of_template
from app.core.roles import Role

STEP = CommandStep(("deploy", "--password", "hunter2"), env={"DB_PASSWORD": "hunter2", "EMPTY": ""})
V, D, P, A = Role.VIEWER, Role.DEPLOYER, Role.APPROVER, Role.ADMIN
"""Short names for the tables below: V is Role.VIEWER, D is Role.DEPLOYER, P is Role.APPROVER, A is Role.ADMIN."""


def somebody(*grants: Grant, scopes: tuple[Role, ...] = (A,)) -> Principal:
    actor = Actor(id="usr_1", kind=ActorKind.USER, name="somebody")
    return Principal(actor=actor, grants=grants, scopes=scopes, token_id="tok_1")


@pytest.mark.parametrize(
    ("sight", "command", "value"),
    [
        (CommandVisibility(True, True), STEP.command, "hunter2"),
        (CommandVisibility(True, False), STEP.command, "***"),
        (CommandVisibility(False, False), ("***",), "***"),
    ],
)
def test_hidden_values_are_masked_and_names_stay(
    sight: CommandVisibility, command: tuple[str, ...], value: str
) -> None:
    masked = sight.step(STEP)
    assert (masked.command, list(masked.env), masked.env["DB_PASSWORD"]) == (command, ["DB_PASSWORD", "EMPTY"], value)
    assert STEP.env["DB_PASSWORD"] == "hunter2"


@pytest.mark.parametrize(
    ("grant", "arguments", "values"),
    [
        (Grant(V), True, False),
        (Grant(V, None, "app_1"), True, False),
        (Grant(V, "env_1", None), True, False),
        (Grant(P), True, False),
        (Grant(V, None, "app_2"), False, False),
        (Grant(D, None, "app_2"), False, False),
        (Grant(D, "env_1", "app_1"), True, True),
        (Grant(D, None, "app_1"), True, True),
        (Grant(A), True, True),
    ],
)
def test_visibility_of_an_application(grant: Grant, arguments: bool, values: bool) -> None:
    assert of_application(somebody(grant), "app_1") == CommandVisibility(arguments, values)


def test_scopes_of_a_token_narrow_visibility() -> None:
    assert of_application(somebody(Grant(A), scopes=(V,)), "app_1") == CommandVisibility(True, False)


@pytest.mark.parametrize(
    ("grants", "of_one", "of_none"),
    [
        ((Grant(V, "env_1"),), CommandVisibility(True, False), CommandVisibility(True, False)),
        (
            (Grant(V, "env_1"), Grant(D, "env_1", "app_1")),
            CommandVisibility(True, True),
            CommandVisibility(True, False),
        ),
        ((Grant(D, "env_1"),), CommandVisibility(True, True), CommandVisibility(True, True)),
        ((Grant(D, "env_2"),), CommandVisibility(False, False), CommandVisibility(False, False)),
        ((Grant(V), Grant(D, "env_2")), CommandVisibility(True, False), CommandVisibility(True, False)),
    ],
)
def test_visibility_of_a_deployment(
    grants: tuple[Grant, ...], of_one: CommandVisibility, of_none: CommandVisibility
) -> None:
    see = of_deployment(somebody(*grants), ["env_1"], ["app_1", "app_2"])
    assert (see("app_1"), see(None)) == (of_one, of_none)


@pytest.mark.parametrize(
    ("grants", "authors", "applications", "values"),
    [
        ((Grant(V),), ["usr_2"], [], False),
        ((Grant(D, "env_1"),), ["usr_2"], [], False),
        ((Grant(D),), ["usr_2"], [], True),
        ((Grant(V, "env_1"),), ["usr_1"], [], True),
        ((Grant(V, "env_1"),), ["usr_1", "usr_2"], [], False),
        ((Grant(D, None, "app_1"),), ["usr_2"], ["app_1"], True),
        ((Grant(D, None, "app_1"),), ["usr_2"], ["app_1", "app_2"], False),
    ],
)
def test_visibility_of_a_template(
    grants: tuple[Grant, ...], authors: list[str], applications: list[str], values: bool
) -> None:
    see = of_template(somebody(*grants), authors, applications)
    assert see(None) == CommandVisibility(True, values)
    assert see("app_9") == of_application(somebody(*grants), "app_9")
