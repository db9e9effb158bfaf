"""Leases of attempts: renewal, one holder at a time, and no writes after expiry.

Workers here do not sweep: to expire a lease, the test sweeps until another worker has the task.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
import redis.asyncio as redis

from app.core.attempt import Ending, Outcome
from app.core.log_levels import Stream
from app.core.retry import MAX_LOSSES
from app.core.strategy.model import Progress
from app.core.task import Task
from app.core.workflow import TaskType
from app.services.execution.log_writer import LeaseLostError, LogWriter
from app.services.worker.attempt_runner import Interruption
from app.services.worker.sweep import sweep
from app.services.worker.turn import Assignment, Finished, WorkerIdentity, claim_and_settle, settle_lost_attempt
from app.store import tasks as task_store
from app.store import workers
from tests.services.support.commands import POLITE, Gate, Notes, node, sh
from tests.services.support.engine import LEASE_SECONDS, D, Engine, RunningWorker, S, Site, Story, eventually

GOOD = Outcome(Ending.SUCCEEDED)
ONE, TWO = WorkerIdentity("one", "default"), WorkerIdentity("two", "default")


async def create_single_task(engine: Engine, site: Site, key: str = "task") -> str:
    """Create a deployment of one task and return the task's id."""
    return (await engine.story(await site.deploy("v1", node(key)))).tasks[key].id


async def try_claim(engine: Engine, worker: WorkerIdentity, task_id: str) -> Assignment | None:
    """Claim a task, if it is free."""
    id_ = (await task_store.by_ids([task_id]))[task_id].deployment_id
    turn = await claim_and_settle(engine.runtime, worker, id_, (), room=1, held_tasks={task_id})
    return turn.claimed[0] if turn.claimed else None


async def settle(engine: Engine, worker: WorkerIdentity, assignment: Assignment, outcome: Outcome = GOOD) -> None:
    """Settle an attempt, and claim nothing."""
    results = [Finished(assignment, outcome)]
    id_ = assignment.task.deployment_id
    held = {task.id for task in (await engine.story(id_)).tasks.values()}
    turn = await claim_and_settle(engine.runtime, worker, id_, results, room=0, held_tasks=held)
    assert turn.claimed == ()


async def claim(engine: Engine, worker: WorkerIdentity, task_id: str) -> Assignment:
    """Claim a task that must be free."""
    assignment = await try_claim(engine, worker, task_id)
    assert assignment is not None
    return assignment


async def expire(engine: Engine, task: Task) -> None:
    """Let the lease of an attempt run out."""
    await engine.put(replace(task, lease_until=task.started_at))


async def sweep_until_lost(engine: Engine, task_id: str) -> Task:
    """Sweep until an attempt counts as lost, and return its task."""
    attempt = (await task_store.by_ids([task_id]))[task_id].attempt

    async def lost_task() -> Task | None:
        await sweep(engine.runtime)
        task = (await task_store.by_ids([task_id]))[task_id]
        return task if task.attempt > attempt or task.worker is None else None

    return await eventually(lost_task, "the lease to run out")


async def story_of(engine: Engine, assignment: Assignment) -> Story:
    """Return the story of an assignment's deployment."""
    return await engine.story(assignment.task.deployment_id)


async def test_only_one_worker_claims_a_task(engine: Engine, trial: Site) -> None:
    for round_ in range(10):
        id_ = await create_single_task(engine, trial, f"task-{round_}")
        identities = [WorkerIdentity(f"worker-{n}", "default") for n in range(5)]
        assignments = await asyncio.gather(*(try_claim(engine, identity, id_) for identity in identities))
        (claimed,) = [assignment for assignment in assignments if assignment is not None]
        assert claimed.task.attempt == 1 and claimed.task.worker in {identity.id for identity in identities}
        assert [a.worker for a in (await task_store.attempts_of([id_]))[id_]] == [claimed.task.worker]
        await settle(engine, replace(ONE, id=claimed.task.worker), claimed)


async def test_a_lease_is_limited_and_renewed(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("slow", command=gate.wait))
    running_task = (await engine.until_running(id_, "slow")).tasks["slow"]
    assert running_task.started_at and running_task.lease_until == running_task.started_at + timedelta(
        seconds=LEASE_SECONDS
    )
    renewed_until = running_task.lease_until + timedelta(seconds=LEASE_SECONDS / 2)
    await engine.until_task(id_, "slow", lambda task: task.lease_until and task.lease_until > renewed_until)
    await sweep(engine.runtime)
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert story.attempt_statuses("slow") == [S.SUCCESS]


async def test_another_worker_takes_over_from_a_vanished_one(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    vanished = await engine.worker()
    command = notes.then("$BOREAS_ATTEMPT", '"$@"; echo "end of $BOREAS_ATTEMPT"', *gate.wait)
    id_ = await site.deploy("v1", node("slow", command=command), node("next", "slow", command=notes.take("next")))
    await engine.until_task(id_, "slow", lambda task: notes.lines)
    await vanished.vanish()
    successor = await engine.worker(sweeps=True)
    await engine.until_task(id_, "slow", lambda task: task.attempt == 2 and len(notes.lines) == 2)
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    await vanished.until_idle()
    assert [(a.worker, a.status) for a in story.attempts["slow"]] == [
        (vanished.identity.id, S.CANCELLED),
        (successor.identity.id, S.SUCCESS),
    ]
    assert story == await engine.story(id_)
    assert (notes.lines, await engine.messages(id_, "slow")) == (["1", "2", "next"], ["end of 2"])


async def test_a_worker_ends_an_attempt_that_it_no_longer_holds(engine: Engine, site: Site, notes: Notes) -> None:
    worker = await engine.worker()
    command = sh('trap "echo ended >> \\"$1\\"; exit 0" TERM; echo ready; while :; do sleep 0.02; done', notes.path)
    id_ = await site.deploy("v1", node("slow", command=command))
    await engine.until_logged(id_, "slow", "ready")
    task = (await engine.story(id_)).tasks["slow"]
    await engine.put(replace(task, worker="somebody-else"))
    await engine.until_task(id_, "slow", lambda _: notes.lines == ["ended"])
    await worker.until_idle()
    story = await engine.story(id_)
    assert (story.tasks["slow"].worker, story.attempt_statuses("slow")) == ("somebody-else", [S.RUNNING])
    await eventually(lambda: has_no_abandoned(worker), "the abandoned attempt to be forgotten")
    await engine.put(task)


async def has_no_abandoned(worker: RunningWorker) -> bool:
    return not worker.worker._abandoned


async def test_a_worker_does_not_restart_an_abandoned_attempt(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    """Its lease could not be renewed, but the database still shows the attempt as this worker's."""
    worker = await engine.worker()
    command = notes.then("begun", "exec sleep 300")
    id_ = await site.deploy("v1", node("slow", command=command), node("other", command=gate.wait))
    story = await engine.until_running(id_, "slow", "other")
    await eventually(lambda: has_begun(notes), "the command to begin")
    worker.worker._attempts[story.tasks["slow"].id].interrupt(Interruption.LOST)
    await eventually(lambda: has_abandoned(worker, story.tasks["slow"].id), "the attempt to be abandoned")
    gate.open()
    await engine.until_task(id_, "other", lambda task: task.status is S.SUCCESS)
    await asyncio.sleep(0.3)
    story = await engine.story(id_)
    assert (notes.lines, story.tasks["slow"].worker, story.attempt_statuses("slow")) == (
        ["begun"],
        worker.identity.id,
        [S.RUNNING],
    )
    assert not await has_no_abandoned(worker)


async def has_begun(notes: Notes) -> bool:
    return bool(notes.lines)


async def has_abandoned(worker: RunningWorker, task_id: str) -> bool:
    return task_id not in worker.worker._attempts


async def test_a_task_claimed_in_a_turn_with_a_lost_answer_begins_under_a_new_lease(
    engine: Engine, trial: Site
) -> None:
    first_claim = await claim(engine, ONE, await create_single_task(engine, trial))
    await expire(engine, first_claim.task)
    turn = await claim_and_settle(engine.runtime, ONE, first_claim.task.deployment_id, [], room=1, held_tasks=())
    (second_claim,) = turn.claimed
    assert (second_claim.task.id, second_claim.task.attempt) == (first_claim.task.id, first_claim.task.attempt)
    await sweep(engine.runtime)
    assert (await story_of(engine, first_claim)).attempt_statuses("task") == [S.RUNNING]


async def test_a_lease_that_is_renewed_at_the_last_moment_is_not_lost(engine: Engine, trial: Site) -> None:
    """The sweep finds that it has run out while its worker is renewing it."""
    task = (await claim(engine, ONE, await create_single_task(engine, trial))).task
    await expire(engine, task)
    async with engine.open_connection() as worker, worker.transaction():
        await worker.execute("UPDATE tasks SET lease_until = now() + interval '1 hour' WHERE id = $1", task.id)
        outcome = Outcome(Ending.LOST)
        settlement = asyncio.create_task(
            settle_lost_attempt(engine.runtime, task.deployment_id, task.id, task.attempt, outcome)
        )
        await eventually(lambda: has_lock_waiter(worker), "the sweep to wait for the renewal")
    await settlement
    story = await engine.story(task.deployment_id)
    assert (story.attempt_statuses("task"), story.tasks["task"].worker) == ([S.RUNNING], ONE.id)


async def has_lock_waiter(connection: asyncpg.Connection) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await connection.fetchval(query))


async def test_the_result_of_a_lost_attempt_is_not_written(engine: Engine, trial: Site) -> None:
    lost_assignment = await claim(engine, ONE, await create_single_task(engine, trial))
    await expire(engine, lost_assignment.task)
    await sweep_until_lost(engine, lost_assignment.task.id)
    new_assignment = await claim(engine, TWO, lost_assignment.task.id)
    story_before = await story_of(engine, new_assignment)
    await settle(engine, ONE, lost_assignment)
    assert await story_of(engine, new_assignment) == story_before
    await settle(engine, TWO, new_assignment)
    assert (await story_of(engine, new_assignment)).attempt_statuses("task") == [S.CANCELLED, S.SUCCESS]


async def test_a_turn_that_settles_and_withdraws_a_task_matches_its_events(engine: Engine, trial: Site) -> None:
    """One task has failed for good. The last running one fails too; its retry is withdrawn."""
    web = await trial.application("web")
    ship = replace(node("ship", type=TaskType.DEPLOY, application_id=web), command=None)
    id_ = await trial.deploy("v1", ship, node("again", max_attempts=3))
    assignments = {key: await claim(engine, ONE, task.id) for key, task in (await engine.story(id_)).tasks.items()}
    await task_store.save_rollout(assignments["ship"].task.id, 1, ONE.id, Progress(current=("a",)))
    for key in ("ship", "again"):
        await settle(engine, ONE, assignments[key], Outcome(Ending.FAILED, "no"))
    story = await engine.story(id_)
    assert (story.status, story.statuses["again"]) == (D.ROLLING_BACK, S.CANCELLED)
    await sweep(engine.runtime)


async def test_the_result_of_an_attempt_is_written_once(engine: Engine, trial: Site) -> None:
    assignment = await claim(engine, ONE, await create_single_task(engine, trial))
    await asyncio.gather(*(settle(engine, ONE, assignment) for _ in range(5)))
    story = await story_of(engine, assignment)
    assert (story.status, story.attempt_statuses("task"), story.deployment.last_event) == (D.SUCCESS, [S.SUCCESS], 5)


async def test_a_lost_attempt_writes_no_line(engine: Engine, trial: Site) -> None:
    lost_assignment = await claim(engine, ONE, await create_single_task(engine, trial))
    await expire(engine, lost_assignment.task)
    await sweep_until_lost(engine, lost_assignment.task.id)
    with pytest.raises(LeaseLostError):
        async with LogWriter(engine.runtime, lost_assignment.task, ONE.id) as log:
            await log.write(Stream.STDOUT, ["too late"])
    assert await engine.lines(lost_assignment.task) == []
    new_assignment = await claim(engine, TWO, lost_assignment.task.id)
    async with LogWriter(engine.runtime, new_assignment.task, TWO.id) as log:
        await log.write(Stream.STDOUT, ["in time"])
    assert [(line.number, line.message, line.attempt) for line in await engine.lines(new_assignment.task)] == [
        (1, "in time", 2)
    ]
    await settle(engine, TWO, new_assignment)


async def test_a_printing_command_ends_when_its_lease_is_lost(engine: Engine, site: Site) -> None:
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("loud", command=sh("echo ready; while :; do echo more; sleep 0.01; done")))
    await engine.until_logged(id_, "loud", "ready")
    await worker.vanish()
    await sweep_until_lost(engine, (await engine.story(id_)).tasks["loud"].id)
    await asyncio.wait_for(worker.until_idle(), 20)
    await engine.cancel(id_)


async def test_a_lost_attempt_stores_no_rollout(engine: Engine, trial: Site) -> None:
    assignment = await claim(engine, ONE, await create_single_task(engine, trial))
    for attempt, worker, is_stored in [(1, "two", False), (2, "one", False), (1, "one", True)]:
        assert await task_store.save_rollout(assignment.task.id, attempt, worker, Progress(current=("a",))) is is_stored
    await settle(engine, ONE, assignment)


async def test_a_task_that_loses_every_worker_fails_at_last(engine: Engine, trial: Site) -> None:
    id_ = await create_single_task(engine, trial)
    for number in range(1, MAX_LOSSES + 2):
        assignment = await claim(engine, ONE, id_)
        assert assignment.task.attempt == number
        await expire(engine, assignment.task)
        await sweep_until_lost(engine, id_)
    story = await story_of(engine, assignment)
    assert (story.status, story.attempt_statuses("task")) == (D.FAILED, (MAX_LOSSES + 1) * [S.CANCELLED])
    assert story.tasks["task"].error_message == "its worker stopped renewing its lease"


async def test_a_draining_worker_hands_its_attempts_back(engine: Engine, site: Site) -> None:
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("task", command=sh('test "$BOREAS_ATTEMPT" = 2 || exec "$@"', *POLITE)))
    await engine.until_logged(id_, "task", "ready")
    await worker.shut_down()
    task = (await engine.story(id_)).tasks["task"]
    assert (task.status, task.worker, task.failures) == (S.PENDING, None, 0)
    await engine.worker()
    story = await engine.until(id_, D.SUCCESS)
    attempt = story.attempts["task"][0]
    assert (attempt.status, attempt.error_message) == (S.CANCELLED, "its worker was stopped, and handed it back")


async def test_a_draining_worker_settles_finished_attempts(engine: Engine, site: Site, gate: Gate) -> None:
    """The worker is stopped while it waits for the lock to settle an attempt."""
    worker = await engine.worker()
    id_ = await site.deploy("v1", node("task", command=gate.wait))
    await engine.until_running(id_, "task")
    async with engine.row_lock(id_) as has_waiter:
        gate.open()
        await eventually(has_waiter, "the worker to wait for the deployment")
        shutdown = asyncio.create_task(worker.shut_down())
        await eventually(lambda: is_draining(worker), "the stop request at the worker")
    await shutdown
    story = await engine.story(id_)
    assert (story.status, story.attempt_statuses("task")) == (D.SUCCESS, [S.SUCCESS])


async def is_draining(worker: RunningWorker) -> bool:
    return not worker.worker.has_room


async def test_a_stopped_worker_does_not_count_as_alive(engine: Engine, site: Site) -> None:
    worker = await engine.worker()
    command = sh('trap "sleep 0.4; exit 0" TERM; echo ready; while :; do sleep 0.02; done')
    id_ = await site.deploy("v1", node("task", command=command))
    await engine.until_logged(id_, "task", "ready")
    await worker.shut_down()
    assert await workers.served_pools(["default"], engine.runtime.clock.now() - timedelta(minutes=1)) == set()
    await engine.cancel(id_)


async def test_a_draining_worker_claims_nothing(engine: Engine, trial: Site) -> None:
    task_id = await create_single_task(engine, trial)
    worker = await engine.worker()
    await worker.shut_down()
    worker.worker.offer((await task_store.by_ids([task_id]))[task_id].deployment_id)
    await worker.until_idle()
    assert (await task_store.by_ids([task_id]))[task_id].attempt == 0


async def test_lost_jobs_are_sent_again(engine: Engine, trial: Site) -> None:
    ids = [await trial.deploy("v1", node("one"), node("two", "one")), await (await engine.site()).deploy("v1")]
    async with redis.Redis.from_url(engine.servers.redis_url) as valkey:
        await valkey.flushall()
    await engine.worker(sweeps=True)
    for id_ in ids:
        await engine.until(id_, D.SUCCESS)


async def test_losing_all_data_of_valkey_loses_no_work(engine: Engine, trial: Site) -> None:
    await engine.worker(slots=4, sweeps=True)
    await engine.worker(slots=4, sweeps=True)
    graph = [
        node(f"{x}{y}", *(f"{x - 1}{z}" for z in range(4) if x), payload={"seconds": 0.05})
        for x in range(5)
        for y in range(4)
    ]
    id_ = await trial.deploy("v1", *graph)
    async with redis.Redis.from_url(engine.servers.redis_url) as valkey:
        while (await engine.story(id_)).status is not D.SUCCESS:
            await valkey.flushall()
            await asyncio.sleep(0.1)
    story = await engine.story(id_)
    assert {tuple(story.attempt_statuses(task.key)) for task in graph} == {(S.SUCCESS,)}
