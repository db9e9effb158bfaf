"""Operations leave nothing for the garbage collector.

Loaded objects and sent data are freed when the operation ends.
"""

import gc
from collections.abc import Iterator

import pytest

from app.api.context import Context
from app.api.execution.executor import Executor
from app.api.inputs.workflows import WorkflowTaskInput
from app.api.loaders import Loaders
from app.core.task import Task
from tests.support.system import System
from tests.support.world import task, world

READ = """query($id: ID!) { deployment(id: $id) {
  version { name } tasks { key blockers { task { key } } }
  workflow { criticalPath diff(from: 1, to: 1) { added { key } } }
} }"""
SAVE = """mutation($input: UpdateWorkflowInput!) { updateWorkflow(input: $input) {
  workflow { revision tasks { key } } errors { message } } }"""


@pytest.fixture
def collecting_nothing() -> Iterator[None]:
    """Disable automatic collection, and keep the objects that the collector finds."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def test_an_operation_leaves_no_reference_cycles(system: System, collecting_nothing: None) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task("a"), task("b", "a")], autoStart=False)
    tasks = [task(f"t{index}") for index in range(50)]
    saved = await system.admin.query(SAVE, input={"deploymentId": id_, "expectedRevision": 1, "tasks": tasks})
    assert saved["updateWorkflow"]["errors"] == []
    for _ in range(2):
        await system.admin.query(READ, id=id_)
    gc.collect()
    kinds = (Executor, Loaders, Context, Task, WorkflowTaskInput)
    assert [type(item).__name__ for item in gc.garbage if isinstance(item, kinds)] == []
