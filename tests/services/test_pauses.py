"""Pausing: no task starts during a pause, whatever else a person or a command does meanwhile.

The effect of a pause on one tick is tested in tests/core/test_tick, its description in test_gate.
"""

from contextlib import suppress
from itertools import pairwise

import pytest

from app.core.application import ShellTarget
from app.core.errors import Refused
from app.core.events import DeploymentPaused, DeploymentStatusChanged
from app.core.gate import BlockerKind
from app.services import deployments, tasks
from app.services.tasks import Promotion
from app.services.worker.sweep import sweep
from tests.services.support.commands import FAILURE, Gate, Notes, node, sh
from tests.services.support.controls import blocker_kinds, pause, pause_events, resume, skip, task_id
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, rolling, watched


async def last_changes(engine: Engine, id_: str) -> list[object]:
    """Return the last status change of a deployment and the later events, without those of tasks."""
    bodies = [event.body for event in await engine.events(id_)]
    changes = [body for body in bodies if isinstance(body, DeploymentPaused | DeploymentStatusChanged)]
    last_index = max(index for index, body in enumerate(changes) if isinstance(body, DeploymentStatusChanged))
    return [body.to if isinstance(body, DeploymentStatusChanged) else body.paused for body in changes[last_index:]]


async def test_a_paused_deployment_keeps_its_place_in_the_queue(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    ids = [await site.deploy("v0", node("slow", command=gate.wait))]
    await engine.until_running(ids[0], "slow")
    ids += [await site.deploy(f"v{n}") for n in range(1, 4)]
    await pause(engine, ids[1])
    assert await blocker_kinds(engine, ids[2]) == [BlockerKind.LOCK]
    await resume(engine, ids[1])
    gate.open()
    deployments = [(await engine.until(id_, D.SUCCESS)).deployment for id_ in ids]
    for earlier, later in pairwise(deployments):
        assert earlier.completed_at and later.started_at and earlier.completed_at <= later.started_at


async def test_a_paused_deployment_in_the_queue_blocks_no_other(engine: Engine, gate: Gate) -> None:
    """Those behind it start the moment it is paused, by application and by the bound of the environment."""
    await engine.worker()
    site = await engine.site(max_concurrent_deployments=2)
    for name in ("a", "b"):
        await site.application(name)
    first_id = await site.deploy("v1", node("slow", command=gate.wait), only=["a"])
    paused_id, last_id = await site.deploy("v2", only=["a", "b"]), await site.deploy("v3", only=["b"])
    await engine.until_running(first_id, "slow")
    assert (await engine.story(last_id)).status is D.PENDING
    await pause(engine, paused_id)
    await engine.until(last_id, D.SUCCESS)
    gate.open()
    await engine.until(first_id, D.SUCCESS)
    assert (await engine.story(paused_id)).status is D.PENDING
    await resume(engine, paused_id)
    await engine.until(paused_id, D.SUCCESS)


async def test_a_deployment_paused_before_its_start_starts_on_resume(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy(auto_start=False)
    await pause(engine, id_)
    assert await blocker_kinds(engine, id_) == [BlockerKind.NOT_STARTED, BlockerKind.PAUSED]
    await engine.call(deployments.start, id_)
    await sweep(engine.runtime)
    assert ((await engine.story(id_)).status, await blocker_kinds(engine, id_)) == (D.PENDING, [BlockerKind.PAUSED])
    await resume(engine, id_)
    await engine.until(id_, D.SUCCESS)
    assert await pause_events(engine, id_) == [True, False]


async def test_a_pause_does_not_stop_a_running_rollout(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b")))
    id_ = await site.deploy(strategy=rolling(1, AN_HOUR))
    task = await engine.until_task(id_, "web/deploy", watched)
    await pause(engine, id_)
    assert await blocker_kinds(engine, id_) == [BlockerKind.BATCH_INTERVAL]
    await engine.call(tasks.promote, Promotion(task.id, full=True))
    story = await engine.until(id_, D.SUCCESS)
    assert (notes.lines, story.deployment.paused) == (["a", "b"], False)
    assert await last_changes(engine, id_) == [D.SUCCESS, False]


async def test_a_failure_while_paused_rolls_back(engine: Engine, site: Site, notes: Notes, gate: Gate) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(sh('"$@"; exit 1', *gate.wait), rollback_command=notes.take("back")))
    id_ = await site.deploy()
    await engine.until_running(id_, "web/deploy")
    await pause(engine, id_)
    gate.open()
    story = await engine.until(id_, D.ROLLED_BACK)
    assert (notes.lines, story.deployment.paused, await pause_events(engine, id_)) == (["back"], False, [True, False])


@pytest.mark.parametrize(("action", "status"), [("cancel", D.CANCELLED), ("roll back", D.ROLLED_BACK)])
async def test_a_pause_ends_with_its_deployment(engine: Engine, trial: Site, action: str, status: D) -> None:
    worker = await engine.worker()
    id_ = await trial.deploy("v1", node("one"), node("two", "one", payload={"seconds": AN_HOUR}))
    await engine.until_running(id_, "two")
    await pause(engine, id_)
    await (engine.cancel(id_) if action == "cancel" else engine.roll_back(id_))
    story = await engine.until(id_, status)
    assert (story.deployment.paused, await pause_events(engine, id_)) == (False, [True, False])
    await worker.shut_down()


async def test_cancelling_in_the_queue_ends_the_pause(engine: Engine, site: Site) -> None:
    id_ = await site.deploy(auto_start=False)
    await pause(engine, id_)
    await engine.cancel(id_)
    assert ((await engine.story(id_)).deployment.paused, await last_changes(engine, id_)) == (
        False,
        [D.CANCELLED, False],
    )


async def test_tasks_unblocked_while_paused_start_on_resume(engine: Engine, site: Site, gate: Gate) -> None:
    """One task is retried and a blocker is skipped: both take effect at once, and no task starts."""
    worker = await engine.worker()
    graph = [node("bad", command=FAILURE), node("slow", command=gate.wait), node("gap", "slow"), node("end", "gap")]
    id_ = await site.deploy("v1", *graph, node("free", "skipped"), node("skipped", "bad"))
    await engine.until_task(id_, "bad", lambda task: task.status is S.FAILED)
    await engine.until_running(id_, "slow")
    await pause(engine, id_)
    await engine.retry_task(await task_id(engine, id_, "bad"))
    await skip(engine, id_, "bad")
    await skip(engine, id_, "skipped")
    await skip(engine, id_, "gap")
    gate.open()
    await engine.until_task(id_, "end", lambda task: task.status is S.PENDING)
    await worker.until_idle()
    await sweep(engine.runtime)
    story = await engine.story(id_)
    skipped = {"bad": S.SKIPPED, "gap": S.SKIPPED, "skipped": S.SKIPPED}
    assert story.statuses == {"slow": S.SUCCESS, "end": S.PENDING, "free": S.PENDING} | skipped
    await resume(engine, id_)
    await engine.until(id_, D.SUCCESS)


async def test_repeated_pauses_start_each_task_once(engine: Engine, trial: Site) -> None:
    await engine.worker(slots=2)
    id_ = await trial.deploy("v1", *(node(f"t{n}", payload={"seconds": 0.02}) for n in range(20)))
    with suppress(Refused):
        while True:
            await pause(engine, id_)
            await resume(engine, id_)
    story = await engine.until(id_, D.SUCCESS)
    assert {tuple(story.attempt_statuses(key)) for key in story.tasks} == {(S.SUCCESS,)}
