"""A separate pool for builds: which worker runs each task, and which tasks wait for a builder.

In: an environment with a build pool, workers of either pool. Out: the worker of each task, and the reasons why others
wait.
"""

from app.core.gate import BlockerKind
from app.core.workflow import TaskType
from tests.services.support import controls
from tests.services.support.approving import decide, pending, person, set_policy
from tests.services.support.commands import NOTHING, node, step
from tests.services.support.engine import D, Engine, S, Site


async def create_site(engine: Engine) -> Site:
    """Return a site with a build pool."""
    site = await engine.site(build_pool="builders")
    await site.application("web", build=step(NOTHING), test=step(NOTHING))
    return site


async def test_each_task_runs_in_its_pool(engine: Engine) -> None:
    site = await create_site(engine)
    builder, worker = await engine.worker(pool="builders"), await engine.worker()
    story = await site.deployed()
    workers_by_key = {key: attempts[0].worker for key, attempts in story.attempts.items()}
    assert workers_by_key == {
        "prepare": builder.identity.id,
        "web/build": builder.identity.id,
        "web/test": builder.identity.id,
        "web/deploy": worker.identity.id,
    }


async def test_builds_wait_for_a_worker_of_the_build_pool(engine: Engine) -> None:
    site = await create_site(engine)
    await engine.worker(sweeps=True)
    id_ = await site.deploy()
    story = await engine.until(id_, D.RUNNING)
    assert await controls.blocker_kinds(engine, id_) == [BlockerKind.NO_WORKER]
    await engine.worker(pool="builders", sweeps=True)
    story = await engine.until(id_, D.SUCCESS)
    assert set(story.statuses.values()) == {S.SUCCESS}


async def test_builds_run_in_the_build_pool_before_approval(engine: Engine) -> None:
    site = await create_site(engine)
    await set_policy(site)
    ann = await person(engine, "Ann")
    await engine.worker(pool="builders")
    id_ = await site.deploy()
    await engine.until(id_, D.WAITING_CONFIRM)
    assert await decide(ann, *await pending(engine, id_)) == []
    assert await controls.blocker_kinds(engine, id_) == [BlockerKind.NO_WORKER]
    await engine.worker()
    await engine.until(id_, D.SUCCESS)


async def test_a_failed_build_is_retried_in_the_build_pool(engine: Engine) -> None:
    site = await create_site(engine)
    await engine.worker(pool="builders")
    await engine.worker()
    web = site.applications["web"]
    build = node("again", type=TaskType.BUILD, application_id=web, command=("false",), max_attempts=2)
    story = await engine.until(await site.deploy("v1", build, node("other")), D.FAILED)
    assert len(story.attempts["again"]) == 2
    assert len({attempt.worker for attempt in story.attempts["again"]}) == 1
