"""Successful deployments: every task runs once, after its blockers, and concurrently with the others."""

from collections.abc import Sequence

import pytest

from app.core.workflow import WorkflowTask
from app.services.drafts import DeploymentRequest, draft
from app.store import tasks as task_store
from tests.services.support.commands import Gate, Notes, node, step
from tests.services.support.engine import D, Engine, S, Site

CHAIN = [node("0"), *(node(str(n), str(n - 1)) for n in range(1, 8))]
DIAMOND = [node("top"), node("left", "top"), node("right", "top"), node("bottom", "left", "right")]
ISLANDS = [node("a"), node("b", "a"), node("c"), node("d", "c"), node("alone")]
LATTICE = [node(f"{x}{y}", *(f"{x - 1}{z}" for z in range(3) if x)) for x in range(4) for y in range(3)]
BACKWARDS = [node("last", "first"), node("first")]


@pytest.mark.parametrize("graph", [CHAIN, DIAMOND, ISLANDS, LATTICE, BACKWARDS])
@pytest.mark.parametrize("slots", [1, 8])
async def test_every_task_runs_once_after_its_blockers(
    engine: Engine, trial: Site, graph: Sequence[WorkflowTask], slots: int
) -> None:
    await engine.worker(slots)
    story = await trial.deployed("v1", *graph)
    assert (story.deployment.progress, set(story.statuses.values())) == (100, {S.SUCCESS})
    assert all(story.attempt_statuses(task.key) == [S.SUCCESS] for task in graph)
    for task in graph:
        started_at = story.tasks[task.key].started_at
        blocker_ends = [story.tasks[key].completed_at for key in task.block_by]
        assert started_at and all(end and end <= started_at for end in blocker_ends), task.key


async def test_fifty_tasks_run_at_the_same_time(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker(slots=64)
    keys = [f"leaf-{n}" for n in range(50)]
    id_ = await site.deploy("v1", node("root"), *(node(key, "root", command=gate.wait) for key in keys))
    await engine.until_running(id_, *keys)
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    starts = [start for key in keys if (start := story.tasks[key].started_at)]
    ends = [end for key in keys if (end := story.tasks[key].completed_at)]
    assert len(starts) == len(ends) == 50 and max(starts) < min(ends)


async def test_two_thousand_tasks_are_planned_and_created(engine: Engine, trial: Site) -> None:
    graph = [
        node(f"{x}/{y}", *(f"{x - 1}/{(y + z) % 50}" for z in range(3) if x)) for x in range(40) for y in range(50)
    ]
    id_ = await trial.deploy("v1", *graph, auto_start=False)
    version_id, places = (await engine.story(id_)).deployment.version_id, (trial.environment_id,)
    planned = await draft(DeploymentRequest(version_id=version_id, environment_ids=places, tasks=tuple(graph)))
    assert planned.tasks == tuple(graph) and not planned.faults
    created = (await task_store.of_deployments([id_]))[id_]
    keys = {task.id: task.key for task in created}
    assert [(task.key, tuple(keys[id_] for id_ in task.block_by)) for task in created] == [
        (task.key, task.block_by) for task in graph
    ]


async def test_builds_run_concurrently_and_deploys_in_the_given_order(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    for name in ("web", "users", "orders"):
        await site.application(name, notes.take("$BOREAS_APPLICATION"), build=step(gate.wait))
    id_ = await site.deploy(must_in_order=("orders", "web", "users"))
    await engine.until_running(id_, "web/build", "users/build", "orders/build")
    gate.open()
    await engine.until(id_, D.SUCCESS)
    assert notes.lines == ["orders", "web", "users"]


async def test_without_an_order_no_deploy_waits_for_another(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    for name in ("web", "users", "orders"):
        await site.application(name, gate.wait)
    id_ = await site.deploy()
    await engine.until_running(id_, "web/deploy", "users/deploy", "orders/deploy")
    gate.open()
    await engine.until(id_, D.SUCCESS)
