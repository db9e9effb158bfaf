"""Unfinished fields leave no coroutine behind when another field fails or the caller leaves.

Python warns of coroutines that were made and never awaited, and pytest makes errors of its warnings.
"""

import asyncio
import gc

import pytest

from app.api.context import Context
from app.api.schema import schema
from app.services.access import authenticate
from tests.support.system import ADMIN, System
from tests.support.world import task, world

FIELDS = """
  environment { name freeze { frozen } } applications { id } workflow { revision tasks { key } }
  gate { canProceed blockers { kind } } viewerCan { cancel { allowed } } approvals { id }
  tasks { key attempts { number } blockers { kind task { key } } viewerCan { skip { allowed } } }
"""
FAILING = [
    "{ bad: deployments(first: -1) { totalCount } deployments { nodes { FIELDS } } }",
    "{ deployments { nodes { FIELDS } } bad: deployments(first: -1) { totalCount } }",
    "{ deployments { nodes { FIELDS bad: events(first: -1) { pageInfo { hasNextPage } } } } }",
    "{ deployments { nodes { id FIELDS version { bad: deployments(first: -1) { totalCount } } } } }",
    "{ deployments { nodes { tasks { bad: logs(first: -1) { totalCount } deployment { gate { canProceed } } } } } }",
]
STEPS = 80
"""Into so many steps of the event loop an operation is cancelled."""


@pytest.fixture
async def busy(system: System) -> System:
    """A system with something to read."""
    environment = await world(system.admin)
    await environment.application("web")
    for _ in range(2):
        await environment.deploy(tasks=[task(f"t{number}") for number in range(30)], autoStart=False)
    return system


@pytest.mark.parametrize("document", FAILING)
async def test_a_failed_field_cancels_its_siblings(busy: System, document: str) -> None:
    result = await busy.admin.execute(document.replace("FIELDS", FIELDS))
    assert result["errors"][0]["path"][-1] == "bad", result
    gc.collect()


async def test_an_operation_that_is_cancelled_leaves_nothing(busy: System) -> None:
    principal = await authenticate(busy.runtime, ADMIN)
    document = f"{{ deployments {{ nodes {{ id {FIELDS} }} }} }}"
    completed = 0
    for steps in range(STEPS):
        context = Context(busy.runtime, principal, ADMIN)
        running = asyncio.create_task(schema.execute(document, context_value=context))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
        completed += running.cancelled()
    assert completed > STEPS / 2
    gc.collect()
