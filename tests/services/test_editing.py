"""Edits of the graphs of stored deployments.

Revisions, events, and edits concurrent with workers or each other.

tests/core/test_editing tests what edits make of a graph.
"""

import asyncio
from dataclasses import replace

import pytest

from app.core.editing import Addition, Connection, Edit, Modification, Move, MoveDirection, Removal, Replacement
from app.core.errors import (
    FaultKind,
    InvalidInput,
    NotFound,
    Problem,
    Refused,
    RevisionConflict,
    WorkflowFault,
    WrongState,
)
from app.core.events import WorkflowChanged
from app.core.task import workflow_tasks
from app.core.workflow import MAX_TASKS, Position, TaskType, WorkflowTask
from app.services import deployments, workflows
from app.services.workflows import EditOrder, Layout, RestoreOrder
from app.store import workflows as store
from tests.services.support.commands import node
from tests.services.support.controls import skip
from tests.services.support.engine import D, Engine, S, Site

CHAIN = (node("a"), node("b", "a"), node("c", "b"))


async def edit(engine: Engine, id_: str, edit_: Edit, revision: int = 1, summary: str = "") -> None:
    """Edit the workflow of a deployment."""
    order = EditOrder(deployment_id=id_, expected_revision=revision, edit=edit_, summary=summary)
    await engine.call(workflows.edit, order)


async def refusals(engine: Engine, id_: str, edit_: Edit, revision: int = 1) -> tuple[Problem, ...]:
    """Try an edit that must be refused and change nothing; return the problems."""
    story_before, events = await engine.story(id_), await engine.events(id_)
    with pytest.raises(Refused) as error:
        await edit(engine, id_, edit_, revision)
    assert (await engine.story(id_), await engine.events(id_)) == (story_before, events)
    return error.value.problems


async def graph(engine: Engine, id_: str) -> tuple[WorkflowTask, ...]:
    """Return the graph of a deployment."""
    return workflow_tasks(list((await engine.story(id_)).tasks.values()))


async def edges(engine: Engine, id_: str) -> dict[str, tuple[str, ...]]:
    """Return the blockers of each task, by key."""
    return {task.key: task.block_by for task in await graph(engine, id_)}


async def test_an_edit_makes_a_revision_an_event_and_an_audit_entry(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    story_before = await engine.story(id_)
    await edit(engine, id_, Removal("b"))
    await edit(engine, id_, Addition(node("d", "c")), 2, " for the 🚀 ")
    story_after = await engine.story(id_)
    assert await edges(engine, id_) == {"a": (), "c": ("a",), "d": ("c",)}
    assert {key: task.id for key, task in story_before.tasks.items() if key != "b"}.items() <= {
        key: task.id for key, task in story_after.tasks.items()
    }.items()
    revisions = (await store.revisions_of([id_]))[id_]
    me = engine.principal.actor.id
    assert [(revision.number, revision.author, revision.summary) for revision in revisions] == [
        (1, me, "created"), (2, me, "removed b, connected a → c"), (3, me, "for the 🚀"),
    ]  # fmt: skip
    bodies = [event.body for event in await engine.events(id_) if isinstance(event.body, WorkflowChanged)]
    assert bodies == [WorkflowChanged(2, "removed b, connected a → c"), WorkflowChanged(3, "for the 🚀")]
    assert story_after.deployment.revision == 3


async def test_every_revision_keeps_its_tasks(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    graphs = [await graph(engine, id_)]
    edits: tuple[Edit, ...] = (Modification("b", {"name": "B"}), Removal("a"), Addition(node("z")))
    for number, edit_ in enumerate(edits, start=1):
        await edit(engine, id_, edit_, number)
        graphs.append(await graph(engine, id_))
    stored = await store.tasks_at([(id_, number) for number in range(6)])
    assert stored == {(id_, number): tasks for number, tasks in enumerate(graphs[:-1], start=1)}


async def test_an_edited_deployment_runs_as_edited(engine: Engine, site: Site) -> None:
    id_ = await site.deploy("v1", *CHAIN, auto_start=False)
    await edit(engine, id_, Removal("b"))
    await edit(engine, id_, Addition(node("late", "c")), 2)
    await engine.worker()
    await engine.call(deployments.start, id_)
    story = await engine.until(id_, D.SUCCESS)
    assert story.statuses == dict.fromkeys(("a", "c", "late"), S.SUCCESS)
    assert story.tasks["late"].started_at >= story.tasks["c"].completed_at  # type: ignore[operator]


async def test_statuses_follow_the_edges(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, node("d"), auto_start=False)
    await edit(engine, id_, Connection("c", "d"))
    assert (await engine.story(id_)).statuses["d"] is S.BLOCKED
    await edit(engine, id_, Modification("b", {"block_by": ()}), 2)
    assert (await engine.story(id_)).statuses["b"] is S.PENDING


@pytest.mark.parametrize("status", [D.RUNNING, D.SUCCESS, D.CANCELLED])
async def test_only_waiting_deployments_can_be_edited(engine: Engine, trial: Site, status: D) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=status is not D.CANCELLED)
    if status is D.SUCCESS:
        await engine.worker()
    if status is D.CANCELLED:
        await engine.cancel(id_)
    await engine.until(id_, status)
    (problem,) = await refusals(engine, id_, Addition(node("z")))
    assert isinstance(problem, WrongState) and (problem.status, problem.path) == (status, ("deploymentId",))


async def test_the_second_of_two_concurrent_edits_is_a_revision_conflict(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    async with engine.row_lock(id_) as has_waiter:
        edits = [Addition(node("mine")), Addition(node("yours"))]
        edit_tasks = [asyncio.create_task(edit(engine, id_, edit_)) for edit_ in edits]
        while not await has_waiter():
            await asyncio.sleep(0.01)
    outcomes = await asyncio.gather(*edit_tasks, return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, Refused)
    (problem,) = refused.problems
    assert isinstance(problem, RevisionConflict)
    assert (problem.expected, problem.actual, problem.path) == (1, 2, ("expectedRevision",))
    assert len(await graph(engine, id_)) == 4


async def test_concurrent_edits_lose_nothing(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)

    async def add(key: str) -> None:
        while True:
            revision = (await engine.story(id_)).deployment.revision
            try:
                await edit(engine, id_, Addition(node(key)), revision)
                return
            except Refused as refused:
                assert isinstance(refused.problems[0], RevisionConflict)

    await asyncio.gather(*(add(f"n{number}") for number in range(8)))
    story = await engine.story(id_)
    assert set(story.tasks) == {"a", "b", "c"} | {f"n{number}" for number in range(8)}
    assert story.deployment.revision == 9


@pytest.mark.parametrize("round_", range(4))
async def test_an_edit_concurrent_with_a_start(engine: Engine, site: Site, round_: int) -> None:
    """Either the edit is refused and the old graph runs, or the whole new graph runs."""
    await engine.worker()
    id_ = await site.deploy("v1", *CHAIN, auto_start=False)
    starting = asyncio.create_task(engine.call(deployments.start, id_))
    await asyncio.sleep(0.003 * round_)
    try:
        await edit(engine, id_, Replacement((node("a"), node("new", "a"))))
        expected = {"a", "new"}
    except Refused as refused:
        assert isinstance(refused.problems[0], WrongState)
        expected = {"a", "b", "c"}
    await starting
    story = await engine.until(id_, D.SUCCESS)
    assert set(story.tasks) == expected
    assert all(story.attempt_statuses(key) == [S.SUCCESS] for key in expected)


async def test_a_skipped_task_cannot_be_edited(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    await skip(engine, id_, "a")
    problems = await refusals(engine, id_, Replacement((node("a", max_attempts=2), node("b", "b"))))
    assert [(p.kind, p.task_keys) for p in problems if isinstance(p, WorkflowFault)] == [
        (FaultKind.NOT_EDITABLE, ("a",)), (FaultKind.SELF_BLOCK, ("b",)),
    ]  # fmt: skip
    await edit(engine, id_, Addition(node("z", "a")))
    assert (await engine.story(id_)).statuses["z"] is S.PENDING


async def test_rules_of_order_hold_after_edits(engine: Engine, trial: Site) -> None:
    for name in ("users", "orders"):
        await trial.application(name)
    id_ = await trial.deploy("v1", must_in_order=("users", "orders"), auto_start=False)
    users = trial.applications["users"]
    problems = await refusals(engine, id_, Modification("orders/deploy", {"block_by": ()}))
    assert [p.kind for p in problems if isinstance(p, WorkflowFault)] == [FaultKind.MUST_IN_ORDER]
    build_task = node("build", "users/deploy", type=TaskType.BUILD, application_id=users)
    problems = await refusals(engine, id_, Addition(build_task))
    assert [(p.kind, p.path) for p in problems if isinstance(p, WorkflowFault)] == [(FaultKind.TYPE_ORDER, ("task",))]


@pytest.mark.parametrize(
    ("edit_", "problem", "path"),
    [
        (Removal("z"), NotFound, ("key",)),
        (Move("a", MoveDirection.UP), InvalidInput, ("direction",)),
        (Replacement(()), InvalidInput, ("tasks",)),
        (Replacement((node("a", timeout_seconds=0),)), InvalidInput, ("tasks", "0", "timeoutSeconds")),
        (Addition(node("a")), WorkflowFault, ("task",)),
        (Addition(replace(node("z"), key="z\0")), InvalidInput, ("task", "key")),
        (Modification("a", {"max_attempts": 0}), InvalidInput, ("maxAttempts",)),
        (Connection("c", "a"), WorkflowFault, ("to",)),
    ],
)
async def test_an_invalid_edit_is_refused_with_the_path_of_its_field(
    engine: Engine, trial: Site, edit_: Edit, problem: type[Problem], path: tuple[str, ...]
) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    (refusal,) = await refusals(engine, id_, edit_)
    assert (type(refusal), refusal.path) == (problem, path)


async def test_positions_are_stored_in_any_state_without_a_revision(engine: Engine, trial: Site) -> None:
    await engine.worker()
    story = await trial.deployed("v1", *CHAIN)
    id_ = story.deployment.id
    await engine.call(workflows.set_positions, Layout(id_, (("a", Position(1.5, -2)), ("c", Position(0, 1e9)))))
    story_after = await engine.story(id_)
    assert {key: task.position for key, task in story_after.tasks.items()} == {
        "a": Position(1.5, -2), "b": None, "c": Position(0, 1e9),
    }  # fmt: skip
    assert story_after.deployment == story.deployment
    problem = await engine.refusal(workflows.set_positions, Layout(id_, (("a", Position(0, 0)), ("z", Position(0, 0)))))
    assert (type(problem), problem.path) == (InvalidInput, ("positions", "1", "key"))


def restore_order(id_: str, expected_revision: int, revision: int) -> RestoreOrder:
    return RestoreOrder(deployment_id=id_, expected_revision=expected_revision, revision=revision)


async def test_a_revision_is_restored_as_a_new_one(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    first_graph = await graph(engine, id_)
    await edit(engine, id_, Replacement((node("other"),)))
    await engine.call(workflows.restore, restore_order(id_, 2, 1))
    assert await graph(engine, id_) == first_graph
    assert [revision.summary for revision in (await store.revisions_of([id_]))[id_]][-1] == "restored revision 1"
    for number in (0, -1, 4, 99):
        problem = await engine.refusal(workflows.restore, restore_order(id_, 3, number))
        assert (type(problem), problem.path) == (NotFound, ("revision",))
    assert isinstance(await engine.refusal(workflows.restore, restore_order(id_, 2, 1)), RevisionConflict)


async def test_restoring_a_started_task_is_refused(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    await edit(engine, id_, Modification("a", {"name": "changed"}))
    await skip(engine, id_, "a")
    problem = await engine.refusal(workflows.restore, restore_order(id_, 2, 1))
    assert isinstance(problem, WorkflowFault)
    assert (problem.kind, problem.task_keys, problem.path) == (FaultKind.NOT_EDITABLE, ("a",), ("revision",))


async def test_the_largest_graph_is_edited_and_one_more_task_is_refused(engine: Engine, trial: Site) -> None:
    nodes = [node(f"n{number}", *([f"n{number - 1}"] if number else [])) for number in range(MAX_TASKS)]
    id_ = await trial.deploy("v1", *nodes, auto_start=False)
    (problem,) = await refusals(engine, id_, Addition(node("more")))
    assert isinstance(problem, WorkflowFault) and problem.kind is FaultKind.TOO_LARGE
    await edit(engine, id_, Replacement(tuple(replace(task, name=f"“{task.key}” 🚀") for task in nodes[::-1])))
    story = await engine.story(id_)
    assert [task.name for task in story.tasks.values()] == [f"“n{number}” 🚀" for number in reversed(range(MAX_TASKS))]


async def test_an_edit_with_a_repeated_idempotency_key_is_made_once(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", *CHAIN, auto_start=False)
    order = EditOrder(deployment_id=id_, expected_revision=1, edit=Addition(node("z")))
    for _ in range(2):
        assert await engine.call(workflows.edit, order, "the key") == (id_,)
    assert (await engine.story(id_)).deployment.revision == 2
