"""Superseded revisions: their tasks are read as they were, in every stored form."""

from datetime import UTC, datetime

import msgspec
from hypothesis import HealthCheck as Complaint
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.application import CommandStep
from app.core.revision import KeptTask, Revision
from app.core.workflow import Position, TaskType, WorkflowTask
from app.store import workflows
from app.store.database import execute, fetch_one
from tests.services.support.engine import Engine, Site

NOW = datetime(2030, 1, 2, tzinfo=UTC)
texts = st.sampled_from(["", "a", "ü🚀", "it's “so”\n"])
numbers = st.sampled_from([1, 2, 1800])
steps = st.builds(
    CommandStep,
    st.lists(texts, max_size=2).map(tuple),
    image=st.none() | texts,
    env=st.dictionaries(texts, texts, max_size=1),
    timeout_seconds=numbers,
    max_attempts=numbers,
)
tasks = st.builds(
    WorkflowTask,
    key=texts,
    name=texts,
    type=st.sampled_from(TaskType),
    application_id=st.none() | texts,
    block_by=st.lists(texts, max_size=2).map(tuple),
    require_confirm=st.booleans(),
    command=st.none() | steps,
    payload=st.sampled_from([{}, {"a": [1, None, {"": 2.5}]}, {"": {}}]),
    timeout_seconds=numbers,
    max_attempts=numbers,
    position=st.none() | st.just(Position(0.0, -1.5)),
)


async def supersede(engine: Engine, id_: str, *tasks_: WorkflowTask) -> None:
    """Store the second revision of a workflow whose first one had these tasks."""
    revision = Revision(deployment_id=id_, number=2, author=engine.principal.actor.id, at=NOW, summary="s")
    await workflows.supersede([KeptTask(f"tsk_{index}", task) for index, task in enumerate(tasks_)], revision)


@settings(max_examples=60, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture])
@given(st.lists(tasks, min_size=1, max_size=3))
async def test_the_tasks_of_a_revision_are_read_as_stored(
    engine: Engine, trial: Site, tasks_: list[WorkflowTask]
) -> None:
    id_ = await trial.deploy("v1", auto_start=False)
    async with engine.rolled_back_unit():
        await supersede(engine, id_, *tasks_)
        assert await workflows.tasks_at([(id_, 1), (id_, 2)]) == {(id_, 1): tuple(tasks_)}
        last_row = (id_, f"tsk_{len(tasks_) - 1}")
        assert await workflows.removed_tasks([last_row]) == {last_row: tasks_[-1]}


PLAIN = WorkflowTask(key="a", name="A", type=TaskType.BUILD, command=CommandStep(("make",)))
SHORT = '[{"id":"tsk_0","task":{"key":"a","name":"A","type":"BUILD","command":{"command":["make"]}}}]'
WHOLE = """[{"id": "tsk_0", "task": {"key": "a", "name": "A", "type": "BUILD", "application_id": null, "block_by": [],
  "require_confirm": false, "command": {"command": ["make"], "image": null, "env": {}, "timeout_seconds": 1800,
  "max_attempts": 1}, "payload": {}, "timeout_seconds": 1800, "max_attempts": 1, "position": null}}]"""


async def test_defaults_are_left_out_and_always_read_the_same(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", auto_start=False)
    await supersede(engine, id_, PLAIN)
    row = await fetch_one("SELECT tasks FROM workflow_revisions WHERE deployment_id = $1 AND number = 1", id_)
    assert row and msgspec.json.decode(row["tasks"]) == msgspec.json.decode(SHORT)
    for stored in (SHORT, WHOLE):
        await execute("UPDATE workflow_revisions SET tasks = $2 WHERE deployment_id = $1 AND number = 1", id_, stored)
        assert await workflows.tasks_at([(id_, 1)]) == {(id_, 1): (PLAIN,)}
