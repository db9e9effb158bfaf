"""Jobs of workers: repeated, late, early, needless and malformed jobs do no harm."""

import asyncio

import pytest

from app.core.application import ShellTarget
from app.core.strategy.model import Strategy, StrategyStep
from app.jobs.deployments import offer_deployment
from app.ports import Job
from tests.services.support.commands import NOTHING, Gate, Notes, node
from tests.services.support.engine import D, Engine, S, Site


def job(name: str, *args: str, key: str) -> Job:
    return Job(pool="default", name=name, args=args, key=key)


async def test_a_task_with_repeated_jobs_runs_once(engine: Engine, site: Site, notes: Notes) -> None:
    id_ = await site.deploy("v1", node("task", command=notes.take("done")))
    await engine.queue.send([job("work_on", id_, key=f"copy {n}") for n in range(20)])
    for _ in range(3):
        await engine.worker(slots=8)
    story = await engine.until(id_, D.SUCCESS)
    assert (story.attempt_statuses("task"), notes.lines) == ([S.SUCCESS], ["done"])


async def test_a_job_of_a_task_that_may_not_run_does_nothing(engine: Engine, site: Site, gate: Gate) -> None:
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("first", command=gate.wait), node("second", "first"))
    idle_id = await site.deploy("v2", node("third"), auto_start=False)
    await engine.until_running(id_, "first")
    stories_before = [await engine.story(id_), await engine.story(idle_id)]
    for story in stories_before:
        await offer_deployment(worker.worker)({}, story.deployment.id)
    await asyncio.sleep(0.2)
    stories_after = [await engine.story(id_), await engine.story(idle_id)]
    for story_before, story_after in zip(stories_before, stories_after, strict=True):
        assert (story_after.deployment, story_after.statuses, story_after.attempts) == (
            story_before.deployment,
            story_before.statuses,
            story_before.attempts,
        )
    gate.open()
    await engine.until(id_, D.SUCCESS)


@pytest.mark.parametrize(
    "strange",
    [
        job("work_on", "", key="empty"),
        job("work_on", key="too few"),
        job("work_on", "a", "b", key="too many"),
        job("work_on", "dep_none", key="unknown deployment"),
        job("no_such_job", "x", key="unknown job"),
    ],
)
async def test_a_malformed_job_does_no_harm(
    engine: Engine, trial: Site, strange: Job, caplog: pytest.LogCaptureFixture
) -> None:
    await engine.queue.send([strange])
    await engine.worker(slots=1)
    await trial.deployed("v1")
    caplog.clear()


async def test_an_early_or_late_timer_does_no_harm(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b")))
    id_ = await site.deploy(strategy=Strategy(steps=(StrategyStep(1, 1), StrategyStep())))
    await engine.until_task(id_, "web/deploy", lambda task: task.resume_at)
    await engine.queue.send([job("work_on", id_, key=f"early {n}") for n in range(5)])
    await engine.until(id_, D.SUCCESS)
    await engine.queue.send([job("work_on", id_, key="late")])
    await site.deployed("v2", node("behind"))
    assert notes.lines == ["a", "b"]
    assert (await engine.story(id_)).status is D.SUCCESS


async def test_a_worker_serves_its_own_pool(engine: Engine) -> None:
    await engine.worker(pool="near")
    served_site, other_site = await engine.site(worker_pool="near"), await engine.site(worker_pool="far")
    waiting_id = await other_site.deploy("v1", node("task", command=NOTHING))
    await served_site.deployed("v1", node("task", command=NOTHING))
    assert (await engine.story(waiting_id)).statuses == {"task": S.PENDING}
    await engine.worker(pool="far")
    await engine.until(waiting_id, D.SUCCESS)
