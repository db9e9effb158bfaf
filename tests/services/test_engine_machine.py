"""The whole engine as a state machine: people and workers act in any order, over the real database.

People control, edit, approve and reject; time passes without a decision.

Workers here only take turns and report how attempts ended; chance decides the endings and what is lost. After each
example every action succeeds, and every deployment must end.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck as Complaint
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import workflow_faults
from app.core.allowed_actions import why_not_cancel, why_not_pause, why_not_resume
from app.core.attempt import Ending, Outcome
from app.core.deployment import ENDED
from app.core.editing import Addition, Connection, Disconnection, Edit, Modification, Move, MoveDirection, Removal
from app.core.environment import OperatorKind
from app.core.errors import Problem, Refused
from app.core.freeze import FreezeWindow
from app.core.strategy.model import Phase, Progress
from app.core.task import Task, workflow_tasks
from app.core.workflow import TaskType, WorkflowTask
from app.services import deployments, freezes, tasks, workflows
from app.services.allowed_actions import Caller, why_not_retry, why_not_roll_back, why_not_start
from app.services.deployments import ReasonedAction
from app.services.execution.rollout import Parked
from app.services.tasks import Promotion
from app.services.worker.sweep import sweep
from app.services.worker.turn import Assignment, Finished, WorkerIdentity, claim_and_settle
from app.services.workflows import EditOrder
from app.store import admission
from app.store import freezes as freeze_store
from app.store import tasks as task_store
from app.store import workflows as workflow_store
from app.store.database import execute
from tests.services.support.approving import decide, pending, person
from tests.services.support.commands import node
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, Story, rolling
from tests.services.support.feeds import check_feeds

WORKERS = (WorkerIdentity("one", "default"), WorkerIdentity("two", "default"))
ENDINGS = (Ending.SUCCEEDED, Ending.SUCCEEDED, Ending.FAILED, Ending.LOST, Ending.STOPPED, Ending.RETURNED)
GRAPHS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("a",), ("b",), ("ship", "a", "b"), ("end", "ship")),
    (("ship",), ("a", "ship"), ("b", "ship")),
    (("a",), ("b", "a"), ("c", "b")),
    (("b",), ("ship", "b")),
)
"""Shapes of custom graphs: (key, *keys of its blockers) of each task."""
STEPS_OF_PLAY = 60


@dataclass(slots=True)
class Machine:
    """An environment with one application, its deployments, and the assignments of each worker."""

    engine: Engine
    site: Site
    approver: Engine
    deployment_ids: list[str] = field(default_factory=list)
    assignments: dict[str, dict[str, Assignment]] = field(default_factory=lambda: {name.id: {} for name in WORKERS})

    def graph(self, number: int, asks: int) -> list[WorkflowTask]:
        web = self.site.applications["web"]
        nodes = [
            node(key, *blockers, max_attempts=1 + number % 2, require_confirm=(number + asks + index) % 4 == 0)
            for index, (key, *blockers) in enumerate(GRAPHS[number % len(GRAPHS)])
        ]
        ship = {"type": TaskType.DEPLOY, "application_id": web, "command": None}
        return [replace(task, **ship) if task.key == "ship" else task for task in nodes]  # type: ignore[arg-type]

    async def pick(self, a: int) -> str:
        """Return a deployment: mostly the one that is under way."""
        claims = (await admission.claims([self.site.environment_id]))[self.site.environment_id]
        active = [claim.deployment_id for claim in claims.active]
        return active[0] if active and a < 9 else self.deployment_ids[a % len(self.deployment_ids)]

    async def create(self, a: int, b: int) -> None:
        strategy = rolling(1, AN_HOUR, auto_rollback=b % 3 > 0)
        options: dict[str, Any] = {"auto_start": b % 4 > 0, "freeze_override_reason": "urgent" if b % 5 == 0 else None}
        options["manual_approval"] = (a + b) % 3 == 0
        id_ = await self.site.deploy("v1", *self.graph(a, b), strategy=strategy, **options)
        self.deployment_ids.append(id_)

    async def steer(self, a: int, b: int) -> None:
        """Act on a deployment. The answer must equal the allowed actions that were shown before."""
        id_ = await self.pick(a)
        order = ReasonedAction(id_, "chance", force=b % 2 > 0)
        call, deployment = self.engine.call, (await self.engine.story(id_)).deployment
        caller = Caller(self.engine.runtime, self.engine.principal)
        controls: tuple[tuple[Callable[[], Awaitable[object]], Problem | str | None], ...] = (
            (lambda: call(deployments.start, id_), (await why_not_start([deployment]))[id_]),
            (lambda: call(deployments.pause, id_), why_not_pause(deployment)),
            (lambda: call(deployments.resume, id_), why_not_resume(deployment)),
            (lambda: call(deployments.cancel, order), why_not_cancel(deployment)),
            (lambda: call(deployments.retry, id_), (await why_not_retry(caller, [deployment]))[id_]),
            (lambda: call(deployments.roll_back, order), (await why_not_roll_back(caller, [deployment]))[id_]),
        )
        use_case, shown_problem = controls[b % len(controls)]
        try:
            await use_case()
        except Refused as refused:
            (problem,) = refused.problems
            assert problem.message == (shown_problem.message if isinstance(shown_problem, Problem) else shown_problem)
        else:
            assert shown_problem is None

    async def steer_task(self, a: int, b: int) -> None:
        """Retry, skip, cancel or promote a task."""
        story = await self.engine.story(await self.pick(a))
        task = list(story.tasks.values())[b % len(story.tasks)]
        order = ReasonedAction(task.id, "chance", force=a % 2 > 0)
        call = self.engine.call
        await (
            lambda: call(tasks.retry, task.id),
            lambda: call(tasks.skip, order),
            lambda: call(tasks.cancel, order),
            lambda: call(tasks.promote, Promotion(task.id, full=a % 2 > 0)),
        )[(a + b) % 4]()

    async def edit(self, a: int, b: int) -> None:
        """Edit the graph of a deployment."""
        story = await self.engine.story(await self.pick(a))
        keys = list(story.tasks)
        key, other_key = keys[a % len(keys)], keys[b % len(keys)]
        edits: tuple[Edit, ...] = (
            Addition(node(f"x{story.deployment.revision}", key, require_confirm=b % 2 > 0)),
            Removal(key),
            Modification(key, {"name": f"{key} {b}", "require_confirm": b % 2 > 0}),
            Connection(key, other_key),
            Disconnection(key, other_key),
            Move(key, MoveDirection.UP),
        )
        edit_ = edits[(a + b) % len(edits)]
        order = EditOrder(deployment_id=story.deployment.id, expected_revision=story.deployment.revision, edit=edit_)
        await self.engine.call(workflows.edit, order)

    async def decide(self, a: int, b: int) -> None:
        """Approve a request as a person, or rarely reject it."""
        approvals = await pending(self.engine, await self.pick(a))
        if approvals:
            await decide(self.approver, approvals[b % len(approvals)], reject=b % 5 == 4)

    async def take(self, a: int, b: int) -> None:
        """Take a turn as a worker with some free slots."""
        await self.turn(WORKERS[b % 2], await self.pick(a), (), room=b % 4)

    async def turn(self, worker: WorkerIdentity, id_: str, results: tuple[Finished, ...], room: int) -> None:
        held = self.assignments[worker.id]
        turn = await claim_and_settle(self.engine.runtime, worker, id_, results, room=room, held_tasks=held.keys())
        for result in results:
            held.pop(result.assignment.task.id, None)
        held.update({assignment.task.id: assignment for assignment in turn.claimed})

    async def settle(self, a: int, b: int) -> None:
        """Settle a claimed attempt with a random outcome."""
        worker = WORKERS[a % 2]
        held = list(self.assignments[worker.id].values())
        if held:
            assignment = held[b % len(held)]
            await self.store_rollout(worker, assignment, a)
            parked = Parked(WATCHED, self.engine.runtime.clock.now() + timedelta(seconds=a % 3 - 1))
            if a % 4 == 0:
                parked = Parked(replace(WATCHED, phase=Phase.IDLE, asked=1), None)
            is_rollout = assignment.task.type is TaskType.DEPLOY and assignment.task.activity == "RUN"
            result = parked if is_rollout and b % 3 == 0 else Outcome(ENDINGS[b % len(ENDINGS)], "chance")
            await self.turn(worker, assignment.task.deployment_id, (Finished(assignment, result),), room=a % 3)

    async def store_rollout(self, worker: WorkerIdentity, assignment: Assignment, a: int) -> None:
        """Store progress of a claimed deploy task."""
        if assignment.task.type is TaskType.DEPLOY and a % 4:
            await task_store.save_rollout(assignment.task.id, assignment.task.attempt, worker.id, WATCHED)

    async def expire(self, a: int, b: int) -> None:
        """Let a lease run out, and sweep."""
        story = await self.engine.story(await self.pick(a))
        claimed = [task for task in story.tasks.values() if task.worker]
        if claimed:
            task = claimed[b % len(claimed)]
            await self.engine.put(replace(task, lease_until=task.started_at))
        await sweep(self.engine.runtime)

    async def freeze(self, a: int, b: int) -> None:
        """Freeze the environment for an hour, or end its freezes."""
        if await self.thaw():
            return
        now = self.engine.runtime.clock.now()
        draft = FreezeWindow(
            id="",
            environment_id=self.site.environment_id,
            name="now",
            reason="chance",
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            timezone="UTC",
            created_at=now,
        )
        await self.engine.call(freezes.create, draft)

    async def windows(self) -> list[FreezeWindow]:
        """Return the freeze windows of the environment."""
        return (await freeze_store.of_environments([self.site.environment_id]))[self.site.environment_id]

    async def thaw(self) -> bool:
        """Delete the freeze windows, and return whether there were any."""
        windows = await self.windows()
        for window in windows:
            await self.engine.call(freezes.delete, window.id)
        return bool(windows)

    async def expire_approvals(self, a: int, b: int) -> None:
        """Let pending approvals expire, and sweep."""
        now, action = self.engine.runtime.clock.now(), "CANCEL" if b % 2 else "REJECT"
        await execute(
            "UPDATE approvals SET expires_at = $2, on_timeout = $3 WHERE status = 'PENDING' AND deployment_id = $1",
            await self.pick(a),
            now,
            action,
        )
        await sweep(self.engine.runtime)

    async def check_requests(self, story: Story) -> None:
        """Check that exactly the waiting tasks have requests."""
        approvals = await pending(self.engine, story.deployment.id)
        status = story.status
        assert not approvals or status in (D.RUNNING, D.WAITING_CONFIRM), f"approvals are pending in status {status}"
        assert approvals or status is not D.WAITING_CONFIRM, "no approval is pending"
        waiting_ids = sorted(task.id for task in story.tasks.values() if task.status is S.WAITING_CONFIRM)
        assert sorted(approval.task_id for approval in approvals if approval.task_id) == waiting_ids
        assert all(
            approval.revision == story.deployment.revision for approval in approvals if approval.rollout_step is None
        )
        assert len([approval for approval in approvals if approval.task_id is None]) <= 1

    async def check_invariants(self) -> None:
        """Check the invariants."""
        claims = (await admission.claims([self.site.environment_id]))[self.site.environment_id]
        assert len(claims.active) <= 1, "two deployments hold the same application"
        frozen_at = next((window.created_at for window in await self.windows()), None)
        for id_ in self.deployment_ids:
            story = await self.engine.story(id_)
            await self.check_requests(story)
            started_at, override = story.deployment.started_at, story.deployment.freeze_override_reason
            assert not frozen_at or not started_at or started_at <= frozen_at or override, "it began during a freeze"
            for key, task in story.tasks.items():
                open_attempts = [attempt for attempt in story.attempts[key] if attempt.completed_at is None]
                assert len(open_attempts) == (task.activity is not None), (story.status, task)
                assert task.worker is None or task.activity is not None, task
                assert story.status not in ENDED or task.activity is None, (story.status, task)
            graph = workflow_tasks(list(story.tasks.values()))
            names = {id_: name for name, id_ in self.site.applications.items()}
            assert workflow_faults.find_faults(graph, names, commands_needed=False) == ()
            revision_numbers = [revision.number for revision in (await workflow_store.revisions_of([id_]))[id_]]
            assert revision_numbers == list(range(1, story.deployment.revision + 1))

    async def play_out(self) -> None:
        """Let every action succeed until every started deployment has ended."""
        await self.thaw()
        for id_ in self.deployment_ids:
            await try_action(self.engine.call(deployments.resume, id_))
        for _ in range(STEPS_OF_PLAY):
            await sweep(self.engine.runtime)
            stories = [await self.engine.story(id_) for id_ in self.deployment_ids]
            unfinished = [story for story in stories if story.status not in ENDED and story.deployment.queued_at]
            if not unfinished:
                return
            for story in unfinished:
                await self._proceed(story)
        raise AssertionError(f"still not ended: {unfinished}")

    async def _proceed(self, story: Story) -> None:
        for approval in await pending(self.engine, story.deployment.id):
            await decide(self.approver, approval)
        for task in story.tasks.values():
            needs_approval = task.status is S.WAITING_CONFIRM
            if task.retry_at or (task.activity and not task.worker and not needs_approval):
                await self.engine.put(due(task))
        for worker in WORKERS:
            await self.turn(worker, story.deployment.id, (), room=9)
            held = self.assignments[worker.id].values()
            assignments = [assignment for assignment in held if assignment.task.deployment_id == story.deployment.id]
            results = tuple(Finished(assignment, Outcome(Ending.SUCCEEDED)) for assignment in assignments)
            await self.turn(worker, story.deployment.id, results, room=0)


WATCHED = Progress(phase=Phase.WATCHING, batch=1, batches=2, total=2, current=("a",))


def due(task: Task) -> Task:
    """Return the task with its next attempt or step due."""
    started_at = task.started_at
    rollout = replace(task.rollout, resume_at=started_at) if task.rollout else None
    return replace(task, retry_at=None, resume_at=started_at if task.resume_at else None, rollout=rollout)


async def try_action(action: Awaitable[object]) -> None:
    """Do an action that may be refused."""
    with suppress(Refused):
        await action


ACTIONS: tuple[Callable[[Machine, int, int], Awaitable[None]], ...] = (
    Machine.create,
    Machine.steer,
    Machine.steer_task,
    *3 * (Machine.take,),
    *5 * (Machine.settle,),
    *2 * (Machine.edit,),
    *3 * (Machine.decide,),
    Machine.expire,
    Machine.freeze,
    Machine.expire_approvals,
)
actions = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 11), st.integers(0, 11)), max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow])
@given(actions)
async def test_people_and_workers_act_in_any_order(
    engine: Engine, steps: list[tuple[Callable[[Machine, int, int], Awaitable[None]], int, int]]
) -> None:
    site = await engine.site(OperatorKind.SIMULATED)
    await site.application(f"web-{site.environment_id[-10:].lower()}")
    site.applications = {"web": next(iter(site.applications.values()))}
    machine = Machine(engine, site, await person(engine, f"Ann of {site.environment_id}"))
    if len(steps) % 4 == 3:
        await machine.freeze(0, 0)
    await machine.create(len(steps), 1)
    for action, a, b in steps:
        await try_action(action(machine, a, b))
        await machine.check_invariants()
    await machine.play_out()
    await machine.check_invariants()
    await check_feeds(engine.servers.database_url)
