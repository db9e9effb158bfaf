"""A state machine without sweeps: after any actions, every deployment still proceeds.

Workers here only take turns and report how attempts ended. Jobs stay in a list until the test delivers one, and the
test moves the clock. After the actions, all work has a job or an offer at a worker, and every timer has a job in
time. No running deployment is stuck, no waiting one could start, and refused actions have changed nothing. No sweep
runs until the end. The legality of each change is checked after the test.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import HealthCheck as Complaint
from hypothesis import Phase as Part
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import admission
from app.core.attempt import Ending, Outcome
from app.core.deployment import ACTIVE, ENDED
from app.core.environment import OperatorKind
from app.core.errors import Refused
from app.core.strategy.model import Phase, Progress
from app.core.task import Activity
from app.core.tick import planning
from app.core.tick.state import DeploymentSnapshot, Plan
from app.core.workflow import TaskType, WorkflowTask
from app.ports import Job
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from app.services.execution.rollout import Parked
from app.services.tasks import Promotion
from app.services.worker.sweep import settle_expired_leases
from app.services.worker.turn import Assignment, Finished, WorkerIdentity, claim_and_settle
from app.store import admission as admission_store
from app.store import tasks as task_store
from app.store.database import fetch
from tests.core.support.build import dags
from tests.services.support.commands import node
from tests.services.support.engine import AN_HOUR, Engine, Site, Story, rolling

WORKERS = (WorkerIdentity("one", "default"), WorkerIdentity("two", "default"))
ENDINGS = (*3 * (Ending.SUCCEEDED,), Ending.FAILED, Ending.FAILED, Ending.LOST, Ending.STOPPED, Ending.RETURNED)
CAPACITY = 2
NEVER = datetime.max.replace(tzinfo=UTC)
MOST_ROUNDS = 100


class StandingClock:
    """A clock that the test moves; each reading adds a microsecond, to order events."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the moment, never the same one twice."""
        self.at += timedelta(microseconds=1)
        return self.at


@dataclass(slots=True)
class JobList:
    """Jobs that were sent: when each is due and which deployment it names, by key. No key is taken twice."""

    clock: StandingClock
    jobs: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    async def send(self, jobs: Sequence[Job]) -> None:
        """Take jobs."""
        for job in jobs:
            self.jobs.setdefault(job.key, (self.clock.at + timedelta(seconds=job.delay or 0), str(job.args[0])))

    def due(self) -> list[str]:
        """Return the keys of the due jobs."""
        return [key for key, (at, _) in self.jobs.items() if at <= self.clock.at]


@dataclass(slots=True)
class World:
    """An environment with two applications, its deployments, and the assignments and jobs of each worker."""

    engine: Engine
    site: Site
    version: str
    clock: StandingClock
    queue: JobList
    deployment_ids: list[str] = field(default_factory=list)
    assignments: dict[str, dict[str, Assignment]] = field(default_factory=lambda: {name.id: {} for name in WORKERS})
    offers: dict[str, set[str]] = field(default_factory=lambda: {name.id: set() for name in WORKERS})

    async def create(self, edges: dict[str, tuple[str, ...]], a: int) -> None:
        """Deploy one application or both, each by one of the tasks."""
        names = (["a"], ["b"], ["a", "b"])[a % 3][: len(edges)]
        applications_by_key = dict(zip(edges, names, strict=False))
        graph = [self.task(key, block_by, applications_by_key.get(key), 1 + a % 2) for key, block_by in edges.items()]
        strategy = rolling(1, AN_HOUR, auto_rollback=a % 4 > 0)
        options = {"only": names, "strategy": strategy, "auto_start": a % 5 > 0}
        self.deployment_ids.append(await self.site.deploy(self.version, *graph, **options))  # type: ignore[arg-type]

    def task(self, key: str, block_by: tuple[str, ...], application: str | None, max_attempts: int) -> WorkflowTask:
        task = node(key, *block_by, max_attempts=max_attempts)
        if application is None:
            return task
        return replace(task, type=TaskType.DEPLOY, application_id=self.site.applications[application], command=None)

    async def steer(self, a: int, b: int) -> None:
        """Do something to a deployment or to one of its tasks: the next thing, in turn, that is not refused."""
        recent = self.deployment_ids[-3:]
        story, a = await self.engine.story(recent[a % len(recent)]), a // len(recent)
        id_, call = story.deployment.id, self.engine.call
        task = list(story.tasks.values())[a % len(story.tasks)]
        order, task_order = (
            ReasonedAction(id_, "chance", force=b // 10 > 0),
            ReasonedAction(task.id, "chance", force=b // 10 > 0),
        )
        controls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: call(tasks.promote, Promotion(task.id, full=b // 10 > 0)),
            lambda: call(deployments.roll_back, order),
            lambda: call(deployments.resume, id_),
            lambda: call(tasks.cancel, task_order),
            lambda: call(deployments.start, id_),
            lambda: call(tasks.skip, task_order),
            lambda: call(deployments.retry, id_),
            lambda: call(deployments.pause, id_),
            lambda: call(tasks.retry, task.id),
            lambda: call(deployments.cancel, order),
        )
        for offset in range(len(controls)):
            if await self.try_action(controls[(b + offset) % len(controls)]):
                return

    async def work(self, a: int, b: int) -> None:
        """Deliver a job to a worker, and take a turn of a worker with an offer."""
        if due_keys := self.queue.due():
            _, id_ = self.queue.jobs.pop(due_keys[a % len(due_keys)])
            self.offers[WORKERS[b % 2].id].add(id_)
        if offers := [(worker, id_) for worker in WORKERS for id_ in sorted(self.offers[worker.id])]:
            worker, id_ = offers[b % len(offers)]
            await self.turn(worker, id_, (), room=1 + a % 3, answered=(a + b) % 12 > 0)

    async def turn(
        self, worker: WorkerIdentity, id_: str, results: Sequence[Finished], room: int, *, answered: bool = True
    ) -> None:
        """Take a turn; one that is not answered is taken once more, later."""
        held, offers = self.assignments[worker.id], self.offers[worker.id]
        turn = await claim_and_settle(self.engine.runtime, worker, id_, results, room=room, held_tasks=set(held))
        if not answered or turn.more:
            offers.add(id_)
        else:
            offers.discard(id_)
        if answered:
            for result in results:
                held.pop(result.assignment.task.id, None)
            held.update({assignment.task.id: assignment for assignment in turn.claimed})

    async def settle(self, a: int, b: int) -> None:
        """Settle a claimed attempt; a deploy task may change its target, and may be parked."""
        assignments = [
            (worker, assignment) for worker in WORKERS for assignment in self.assignments[worker.id].values()
        ]
        if not assignments:
            return
        worker, assignment = assignments[a % len(assignments)]
        task = assignment.task
        is_rollout = task.type is TaskType.DEPLOY and task.activity is Activity.RUN
        if is_rollout and a % 4:
            await task_store.save_rollout(task.id, task.attempt, worker.id, BATCH)
        resume_at = self.clock.at + timedelta(seconds=a % 3 * 10)
        parked = Parked(replace(BATCH, resume_at=resume_at), resume_at)
        result = parked if is_rollout and b % 3 == 0 else Outcome(ENDINGS[b % len(ENDINGS)], "chance")
        await self.turn(worker, task.deployment_id, [Finished(assignment, result)], room=a % 3)

    async def pass_time(self, a: int, b: int) -> None:
        """Move the clock, sometimes beyond the end of every lease, without notice to the holders."""
        self.clock.at += timedelta(seconds=(1, 20, AN_HOUR)[a % 3])
        await settle_expired_leases(self.engine.runtime)

    async def check_invariants(self) -> int:
        """Check the invariants. Return how many deployments have not ended."""
        unfinished = 0
        claims = (await admission_store.claims([self.site.environment_id]))[self.site.environment_id]
        locked_ids = [application for claim in claims.active for application in claim.application_ids]
        assert len(locked_ids) == len(set(locked_ids)) and len(claims.active) <= CAPACITY
        assert admission.admit(claims.active, claims.waiting, CAPACITY) == (), "a deployment waits that could start"
        for id_ in self.deployment_ids:
            story = await self.engine.story(id_)
            plan = await self.plan(story)
            assert (plan.changes, plan.to, plan.stop) == ((), None, ()), "a deployment is behind its plan"
            is_offered = any(id_ in offers for offers in self.offers.values())
            next_job_at = min(
                (due_at for due_at, deployment_id in self.queue.jobs.values() if deployment_id == id_), default=NEVER
            )
            assert not plan.work or is_offered or next_job_at <= self.clock.at, (
                "its work has neither a worker nor a due job"
            )
            assert plan.wake_at is None or is_offered or next_job_at <= plan.wake_at, (
                "its timer has neither a worker nor a job in time"
            )
            has_worker = any(task.worker for task in story.tasks.values())
            is_stuck = story.status in ACTIVE and not (
                has_worker or plan.work or plan.wake_at or story.deployment.paused
            )
            assert not is_stuck, story
            unfinished += story.status not in ENDED
        return unfinished

    async def plan(self, story: Story) -> Plan:
        """Return the plan of a tick now. The choice between failing and rolling back is left out."""
        deployment, rollback = story.deployment, story.deployment.rollback
        snapshots = await task_store.snapshots(deployment.id)
        error = rollback.error_message if rollback and rollback.status == "FAILED" else None
        state = DeploymentSnapshot(
            status=deployment.status,
            tasks=snapshots,
            undo_error=error,
            resumed_at=deployment.resumed_at,
            paused=deployment.paused,
        )
        return planning.plan(state, self.clock.at)

    async def play_out(self) -> None:
        """Let every action succeed until every started deployment has ended."""
        for id_ in self.deployment_ids:
            await self.try_action(partial(self.engine.call, deployments.resume, id_))
            await self.check_invariants()
        for _ in range(MOST_ROUNDS):
            stories = [await self.engine.story(id_) for id_ in self.deployment_ids]
            unfinished = [story for story in stories if story.status not in ENDED and story.deployment.queued_at]
            if not unfinished:
                return
            for worker in WORKERS:
                for id_ in [*self.offers[worker.id]]:
                    await self.turn(worker, id_, (), room=9)
                for assignment in [*self.assignments[worker.id].values()]:
                    await self.turn(
                        worker, assignment.task.deployment_id, [Finished(assignment, Outcome(Ending.SUCCEEDED))], room=9
                    )
            await self.pass_time(2, 0)
            for key in self.queue.due():
                self.offers["one"].add(self.queue.jobs.pop(key)[1])
        raise AssertionError(f"still not ended: {unfinished}")

    async def try_action(self, control: Callable[[], Awaitable[object]]) -> bool:
        """Do an action that may be refused; a refusal must change and send nothing."""
        state_before = await self.stored_rows(), dict(self.queue.jobs)
        try:
            await control()
        except Refused:
            assert state_before == (await self.stored_rows(), self.queue.jobs)
            return False
        return True

    async def stored_rows(self) -> list[str]:
        """Return all rows of the deployments, including the numbers of their last events."""
        own_ids = "SELECT id FROM deployments WHERE environment_id = $1"
        query = (
            "SELECT d::text AS row FROM deployments d WHERE environment_id = $1"
            f" UNION ALL SELECT t::text FROM tasks t WHERE deployment_id IN ({own_ids})"
            f" UNION ALL SELECT a::text FROM task_attempts a JOIN tasks t ON t.id = a.task_id"
            f" WHERE t.deployment_id IN ({own_ids}) ORDER BY 1"
        )
        return [row["row"] for row in await fetch(query, self.site.environment_id)]


BATCH = Progress(phase=Phase.WATCHING, batch=1, batches=2, total=2, current=("a",))
ACTIONS: tuple[Callable[[World, int, int], Awaitable[None]], ...] = (
    *3 * (World.steer,),
    *4 * (World.work,),
    *3 * (World.settle,),
    World.pass_time,
)
graphs = st.lists(dags(4, min_nodes=1), min_size=1, max_size=4)
actions = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 99), st.integers(0, 19)), min_size=30, max_size=60
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow],
    phases=[part for part in Part if part is not Part.shrink],
)
@given(graphs, st.integers(0, 59), actions)
async def test_every_deployment_proceeds_without_the_sweep(
    engine: Engine,
    shapes: list[dict[str, tuple[str, ...]]],
    number: int,
    steps: list[tuple[Callable[[World, int, int], Awaitable[None]], int, int]],
) -> None:
    clock = StandingClock(engine.runtime.clock.now())
    queue = JobList(clock)
    engine_ = replace(engine, runtime=replace(engine.runtime, clock=clock, queue=queue, lease_seconds=AN_HOUR / 2))
    site = await engine_.site(OperatorKind.SIMULATED, max_concurrent_deployments=CAPACITY)
    for name in ("a", "b"):
        await site.application(f"{name}-{site.environment_id[-12:]}")
    site.applications = dict(zip("ab", site.applications.values(), strict=True))
    world = World(engine_, site, await site.version(f"v-{site.environment_id}"), clock, queue)
    for index, (action, a, b) in enumerate(steps):
        if await world.check_invariants() < 2:
            await world.create(shapes[index % len(shapes)], number + index)
        await action(world, a, b)
    await world.check_invariants()
    await world.play_out()
    await world.check_invariants()
