"""Sends odd values to every argument of every query and of every nested field.

Refused by name, or accepted.

The arguments are found in the schema, so that new ones are covered. The modules beside this one cover mutations and
subscriptions.
"""

from collections.abc import AsyncIterator
from random import Random

import pytest

from tests.api.support.odd_arguments import FORMS, Inner, inner, inner_operation, odd_values, places, values_per_place
from tests.api.support.playground import Playground, playground, refusals, send
from tests.support.system import System

EACH, AGAIN = 14, 2
"""The number of values for a place, and for a later place of the same type."""
PLACES = places("query")
MANY = values_per_place(PLACES, EACH, AGAIN)
QUERIES = sorted({place.field for place in PLACES})
INNER = inner()
FIRST = {
    (str(one), argument)
    for (argument, _), one in {
        (argument, str(of.type)): one for one in reversed(INNER) for argument, of in one.definition.args.items()
    }.items()
}
"""The first place of each argument of a type. It gets all values, later ones a few."""
START = {
    "Deployment": "deployment",
    "Task": "task",
    "Workflow": "workflow",
    "Version": "version",
    "WorkflowTemplate": "template",
    "Application": "application",
    "Environment": "environment",
    "TemplateVersion": "templateVersion",
    "ServiceAccount": "account",
    "ApiToken": "token",
    "Approval": "approval",
    "FreezeWindow": "freezeWindow",
    "AuditEntry": "entry",
}


@pytest.fixture(scope="module")
async def ground(shared: System) -> AsyncIterator[Playground]:
    async with playground(shared) as objects:
        yield objects


@pytest.mark.parametrize("field", QUERIES)
async def test_every_argument_of_a_query(ground: Playground, field: str) -> None:
    chance = Random(field)
    for place in PLACES:
        if place.field == field:
            await send(ground, place, chance, MANY[place])


@pytest.mark.parametrize("field", INNER, ids=str)
async def test_every_argument_of_a_field_below(ground: Playground, field: Inner) -> None:
    chance = Random(str(field))
    for argument, of in field.definition.args.items():
        values = odd_values(of.type, ground.victims)
        values = values if (str(field), argument) in FIRST else chance.sample(values, min(AGAIN, len(values)))
        for number, value in enumerate(values):
            form = FORMS[number % len(FORMS)]
            operation = inner_operation(field, ground.ids[START.get(field.type, "application")], argument, value, form)
            status, answer = await ground.post(operation)
            refusals(f"{field}({argument})", value, form, status, answer)


def test_the_walk_finds_every_argument() -> None:
    assert {"deployments", "auditLog", "application", "deploymentPlan"} <= set(QUERIES)
    assert {"Task.logs", "Deployment.events", "Version.deployments", "Workflow.diff"} <= set(map(str, INNER))
