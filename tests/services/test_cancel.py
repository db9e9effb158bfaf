"""Cancelling in every state that has not ended: commands get SIGTERM, then SIGKILL."""

import pytest

from app.core.errors import ErrorCode
from app.services import deployments
from app.services.deployments import ReasonedAction
from app.services.worker.sweep import sweep
from tests.gateways.support.shell import is_alive
from tests.services.support.commands import POLITE, Gate, Notes, node, sh
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, backed_off, eventually, rolling, watched

STUBBORN = sh('trap "" TERM; echo $$; echo ready; while :; do sleep 0.02; done')


async def pid_of(engine: Engine, id_: str, key: str) -> int:
    """Wait until a task's command runs, and return its process."""
    await engine.until_logged(id_, key, "ready")
    return int((await engine.messages(id_, key))[0])


async def test_an_unstarted_deployment_is_cancelled_at_once(engine: Engine, site: Site, notes: Notes) -> None:
    id_ = await site.deploy("v1", node("one", command=notes.take("one")), node("two", "one"), auto_start=False)
    await engine.cancel(id_)
    story = await engine.story(id_)
    assert (story.status, set(story.statuses.values())) == (D.CANCELLED, {S.CANCELLED})
    assert story.deployment.completed_at is not None
    await engine.worker()
    await site.deployed("v2", node("other"))
    assert list(notes.lines) == []


async def test_a_deployment_that_waits_for_a_lock_is_cancelled_at_once(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    first_id = await site.deploy("v1", node("slow", command=gate.wait))
    second_id, third_id = await site.deploy("v2"), await site.deploy("v3")
    await engine.until_running(first_id, "slow")
    await engine.cancel(second_id)
    assert (await engine.story(second_id)).status is D.CANCELLED
    gate.open()
    await engine.until(third_id, D.SUCCESS)
    assert (await engine.story(second_id)).deployment.started_at is None


async def test_running_commands_get_sigterm(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("done"), node("polite", "done", command=POLITE), node("next", "polite"))
    await engine.until_logged(id_, "polite", "ready")
    await engine.cancel(id_)
    story = await engine.until(id_, D.CANCELLED)
    assert story.statuses == {"done": S.SUCCESS, "polite": S.CANCELLED, "next": S.CANCELLED}
    messages = await engine.messages(id_, "polite")
    assert "bye" in messages and any("ended" in line for line in messages)
    assert (story.attempt_statuses("polite"), story.tasks["polite"].worker) == ([S.CANCELLED], None)


async def test_a_stubborn_command_is_killed_after_the_grace_period(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("stubborn", command=STUBBORN))
    process = await pid_of(engine, id_, "stubborn")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
    assert not is_alive(process)


@pytest.mark.parametrize("asked_before", [False, True])
async def test_force_skips_the_grace_period(engine: Engine, site: Site, asked_before: bool) -> None:
    await engine.worker(runtime=engine.patient_runtime())
    id_ = await site.deploy("v1", node("stubborn", command=STUBBORN))
    process = await pid_of(engine, id_, "stubborn")
    if asked_before:
        await engine.cancel(id_)
        await engine.until_task(id_, "stubborn", lambda task: task.stop)
    await engine.cancel(id_, force=True)
    await engine.until(id_, D.CANCELLED)
    assert not is_alive(process)


async def test_the_whole_process_group_is_ended(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    family = sh('sleep 600 & echo $! >> "$1"; echo ready; wait', notes.path)
    id_ = await site.deploy("v1", node("family", command=family))
    await engine.until_logged(id_, "family", "ready")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
    assert not is_alive(int(notes.lines[0]))


async def test_a_task_in_back_off_is_cancelled_at_once(engine: Engine, trial: Site) -> None:
    worker = await engine.worker()
    id_ = await trial.deploy("v1", node("one", max_attempts=100, payload={"outcome": "failure"}))
    await engine.until_task(id_, "one", backed_off)
    await worker.shut_down()
    await engine.cancel(id_)
    story = await engine.story(id_)
    assert (story.status, story.tasks["one"].status, story.tasks["one"].retry_at) == (D.CANCELLED, S.CANCELLED, None)


async def test_a_watched_rollout_is_cancelled_at_once(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web")
    id_ = await site.deploy(strategy=rolling(0, AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    await engine.cancel(id_)
    story = await engine.story(id_)
    assert (story.status, story.statuses["web/deploy"], story.attempt_statuses("web/deploy")) == (
        D.CANCELLED,
        S.CANCELLED,
        [S.CANCELLED],
    )
    assert story.attempts["web/deploy"][0].completed_at is not None
    assert await site.releases() == {}


async def test_cancelling_twice_changes_nothing(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker(runtime=engine.patient_runtime())
    id_ = await site.deploy("v1", node("task", command=sh('trap "" TERM; echo ready; "$@"', *gate.wait)))
    await engine.until_logged(id_, "task", "ready")
    await engine.cancel(id_)
    story = await engine.story(id_)
    await engine.cancel(id_)
    assert (await engine.story(id_)).deployment == story.deployment
    gate.open()
    await engine.until(id_, D.CANCELLED)
    problem = await engine.refusal(deployments.cancel, ReasonedAction(id_, "again"))
    assert problem.code is ErrorCode.WRONG_STATE


async def test_the_next_deployment_starts_after_a_cancellation(engine: Engine, site: Site) -> None:
    await engine.worker()
    first_id = await site.deploy("v1", node("polite", command=POLITE))
    second_id = await site.deploy("v2")
    await engine.until_logged(first_id, "polite", "ready")
    await engine.cancel(first_id)
    await engine.until(second_id, D.SUCCESS)
    assert (await engine.story(first_id)).status is D.CANCELLED


async def test_a_task_with_a_lost_worker_is_cancelled(engine: Engine, site: Site, gate: Gate) -> None:
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("task", command=gate.wait))
    await engine.until_running(id_, "task")
    await worker.vanish()
    await engine.cancel(id_)

    async def over() -> bool:
        await sweep(engine.runtime)
        return (await engine.story(id_)).status is D.CANCELLED

    await eventually(over, "the deployment to be cancelled")
    assert (await engine.story(id_)).attempt_statuses("task") == [S.CANCELLED]


async def test_a_cancellation_keeps_its_actor_and_reason(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy(auto_start=False)
    await engine.cancel(id_)
    event = (await engine.events(id_))[-1]
    assert (event.actor_id, getattr(event.body, "reason", None)) == (engine.principal.actor.id, "not wanted")
