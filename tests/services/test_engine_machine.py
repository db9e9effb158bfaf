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
"""With an odd number, “b” is asked for."""
STEPS_OF_PLAY = 60


@dataclass(slots=True)
class Machine:
    """An environment with one application, its deployments, and the assignments of each worker."""

    engine: Engine
    site: Site
    approver: Engine
    made: list[str] = field(default_factory=list)
    assignments: dict[str, dict[str, Assignment]] = field(default_factory=lambda: {name.id: {} for name in WORKERS})

    def graph(self, number: int, asks: int) -> list[WorkflowTask]:
        web = self.site.applications["web"]
        made = [
            node(key, *blockers, max_attempts=1 + number % 2, require_confirm=(number + asks + place) % 4 == 0)
            for place, (key, *blockers) in enumerate(GRAPHS[number % len(GRAPHS)])
        ]
        ship = {"type": TaskType.DEPLOY, "application_id": web, "command": None}
        return [replace(task, **ship) if task.key == "ship" else task for task in made]  # type: ignore[arg-type]

    async def pick(self, a: int) -> str:
        """Return a deployment: mostly the one that is under way."""
        claims = (await admission.claims([self.site.environment_id]))[self.site.environment_id]
        active = [claim.deployment_id for claim in claims.active]
        return active[0] if active and a < 9 else self.made[a % len(self.made)]

    async def create(self, a: int, b: int) -> None:
        strategy = rolling(1, AN_HOUR, auto_rollback=b % 3 > 0)
        about: dict[str, Any] = {"auto_start": b % 4 > 0, "freeze_override_reason": "urgent" if b % 5 == 0 else None}
        about["manual_approval"] = (a + b) % 3 == 0
        id_ = await self.site.deploy("v1", *self.graph(a, b), strategy=strategy, **about)
        self.made.append(id_)

    async def steer(self, a: int, b: int) -> None:
        """Act on a deployment. The answer must equal the allowed actions that were shown before."""
        id_ = await self.pick(a)
        order = ReasonedAction(id_, "chance", force=b % 2 > 0)
        call, deployment = self.engine.call, (await self.engine.story(id_)).deployment
        asker = Caller(self.engine.runtime, self.engine.principal)
        doings: tuple[tuple[Callable[[], Awaitable[object]], Problem | str | None], ...] = (
            (lambda: call(deployments.start, id_), (await why_not_start([deployment]))[id_]),
            (lambda: call(deployments.pause, id_), why_not_pause(deployment)),
            (lambda: call(deployments.resume, id_), why_not_resume(deployment)),
            (lambda: call(deployments.cancel, order), why_not_cancel(deployment)),
            (lambda: call(deployments.retry, id_), (await why_not_retry(asker, [deployment]))[id_]),
            (lambda: call(deployments.roll_back, order), (await why_not_roll_back(asker, [deployment]))[id_]),
        )
        use_case, told = doings[b % len(doings)]
        try:
            await use_case()
        except Refused as refused:
            (problem,) = refused.problems
            assert problem.message == (told.message if isinstance(told, Problem) else told)
        else:
            assert told is None

    async def steer_task(self, a: int, b: int) -> None:
        """Do something to a task."""
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
        key, other = keys[a % len(keys)], keys[b % len(keys)]
        edits: tuple[Edit, ...] = (
            Addition(node(f"x{story.deployment.revision}", key, require_confirm=b % 2 > 0)),
            Removal(key),
            Modification(key, {"name": f"{key} {b}", "require_confirm": b % 2 > 0}),
            Connection(key, other),
            Disconnection(key, other),
            Move(key, MoveDirection.UP),
        )
        wanted = edits[(a + b) % len(edits)]
        order = EditOrder(deployment_id=story.deployment.id, expected_revision=story.deployment.revision, edit=wanted)
        await self.engine.call(workflows.edit, order)

    async def decide(self, a: int, b: int) -> None:
        """Let a person approve, or rarely reject, a request."""
        waits = await pending(self.engine, await self.pick(a))
        if waits:
            await decide(self.approver, waits[b % len(waits)], reject=b % 5 == 4)

    async def take(self, a: int, b: int) -> None:
        """Let a worker take a turn, with some room."""
        await self.turn(WORKERS[b % 2], await self.pick(a), (), room=b % 4)

    async def turn(self, worker: WorkerIdentity, id_: str, done: tuple[Finished, ...], room: int) -> None:
        hand = self.assignments[worker.id]
        turn = await claim_and_settle(self.engine.runtime, worker, id_, done, room=room, held_tasks=hand.keys())
        for each in done:
            hand.pop(each.assignment.task.id, None)
        hand.update({assignment.task.id: assignment for assignment in turn.claimed})

    async def settle(self, a: int, b: int) -> None:
        """Settle a claimed attempt with a random outcome."""
        worker = WORKERS[a % 2]
        hand = list(self.assignments[worker.id].values())
        if hand:
            mine = hand[b % len(hand)]
            await self.change(worker, mine, a)
            parked = Parked(WATCHED, self.engine.runtime.clock.now() + timedelta(seconds=a % 3 - 1))
            if a % 4 == 0:
                parked = Parked(replace(WATCHED, phase=Phase.IDLE, asked=1), None)
            deploys = mine.task.type is TaskType.DEPLOY and mine.task.activity == "RUN"
            came = parked if deploys and b % 3 == 0 else Outcome(ENDINGS[b % len(ENDINGS)], "chance")
            await self.turn(worker, mine.task.deployment_id, (Finished(mine, came),), room=a % 3)

    async def change(self, worker: WorkerIdentity, mine: Assignment, a: int) -> None:
        """Let a claimed deploy task change its target."""
        if mine.task.type is TaskType.DEPLOY and a % 4:
            await task_store.save_rollout(mine.task.id, mine.task.attempt, worker.id, WATCHED)

    async def expire(self, a: int, b: int) -> None:
        """Let a lease run out, and sweep."""
        story = await self.engine.story(await self.pick(a))
        held = [task for task in story.tasks.values() if task.worker]
        if held:
            task = held[b % len(held)]
            await self.engine.put(replace(task, lease_until=task.started_at))
        await sweep(self.engine.runtime)

    async def freeze(self, a: int, b: int) -> None:
        """Freeze the environment for an hour, or let it go."""
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
        """Let the environment go, and tell whether it was frozen."""
        found = await self.windows()
        for window in found:
            await self.engine.call(freezes.delete, window.id)
        return bool(found)

    async def overtake(self, a: int, b: int) -> None:
        """Let pending approvals expire, and sweep."""
        past, action = self.engine.runtime.clock.now(), "CANCEL" if b % 2 else "REJECT"
        await execute(
            "UPDATE approvals SET expires_at = $2, on_timeout = $3 WHERE status = 'PENDING' AND deployment_id = $1",
            await self.pick(a),
            past,
            action,
        )
        await sweep(self.engine.runtime)

    async def heard(self, story: Story) -> None:
        """Check that exactly the waiting tasks have requests."""
        asked = await pending(self.engine, story.deployment.id)
        status = story.status
        assert not asked or status in (D.RUNNING, D.WAITING_CONFIRM), f"people are asked for what is {status}"
        assert asked or status is not D.WAITING_CONFIRM, "it waits for nobody"
        waiting = sorted(task.id for task in story.tasks.values() if task.status is S.WAITING_CONFIRM)
        assert sorted(approval.task_id for approval in asked if approval.task_id) == waiting
        assert all(
            approval.revision == story.deployment.revision for approval in asked if approval.rollout_step is None
        )
        assert len([approval for approval in asked if approval.task_id is None]) <= 1

    async def sound(self) -> None:
        """Check the invariants."""
        claims = (await admission.claims([self.site.environment_id]))[self.site.environment_id]
        assert len(claims.active) <= 1, "two deployments hold the same application"
        frozen = next((window.created_at for window in await self.windows()), None)
        for id_ in self.made:
            story = await self.engine.story(id_)
            await self.heard(story)
            begun, free = story.deployment.started_at, story.deployment.freeze_override_reason
            assert not frozen or not begun or begun <= frozen or free, "it began during a freeze"
            for key, task in story.tasks.items():
                open_ = [attempt for attempt in story.attempts[key] if attempt.completed_at is None]
                assert len(open_) == (task.activity is not None), (story.status, task)
                assert task.worker is None or task.activity is not None, task
                assert story.status not in ENDED or task.activity is None, (story.status, task)
            graph = workflow_tasks(list(story.tasks.values()))
            names = {id_: name for name, id_ in self.site.applications.items()}
            assert workflow_faults.find_faults(graph, names, commands_needed=False) == ()
            known = [revision.number for revision in (await workflow_store.revisions_of([id_]))[id_]]
            assert known == list(range(1, story.deployment.revision + 1))

    async def play_out(self) -> None:
        """Let every action succeed until every started deployment has ended."""
        await self.thaw()
        for id_ in self.made:
            await allowed(self.engine.call(deployments.resume, id_))
        for _ in range(STEPS_OF_PLAY):
            await sweep(self.engine.runtime)
            stories = [await self.engine.story(id_) for id_ in self.made]
            left = [story for story in stories if story.status not in ENDED and story.deployment.queued_at]
            if not left:
                return
            for story in left:
                await self._go_on(story)
        raise AssertionError(f"still not ended: {left}")

    async def _go_on(self, story: Story) -> None:
        for approval in await pending(self.engine, story.deployment.id):
            await decide(self.approver, approval)
        for task in story.tasks.values():
            waits = task.status is S.WAITING_CONFIRM
            if task.retry_at or (task.activity and not task.worker and not waits):
                await self.engine.put(due(task))
        for worker in WORKERS:
            await self.turn(worker, story.deployment.id, (), room=9)
            hand = self.assignments[worker.id].values()
            mine = [assignment for assignment in hand if assignment.task.deployment_id == story.deployment.id]
            done = tuple(Finished(assignment, Outcome(Ending.SUCCEEDED)) for assignment in mine)
            await self.turn(worker, story.deployment.id, done, room=0)


WATCHED = Progress(phase=Phase.WATCHING, batch=1, batches=2, total=2, current=("a",))


def due(task: Task) -> Task:
    """Return a task whose time has come."""
    past = task.started_at
    rollout = replace(task.rollout, resume_at=past) if task.rollout else None
    return replace(task, retry_at=None, resume_at=past if task.resume_at else None, rollout=rollout)


async def allowed(doing: Awaitable[object]) -> None:
    """Do something that may be refused."""
    with suppress(Refused):
        await doing


DEEDS: tuple[Callable[[Machine, int, int], Awaitable[None]], ...] = (
    Machine.create,
    Machine.steer,
    Machine.steer_task,
    *3 * (Machine.take,),
    *5 * (Machine.settle,),
    *2 * (Machine.edit,),
    *3 * (Machine.decide,),
    Machine.expire,
    Machine.freeze,
    Machine.overtake,
)
deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 11), st.integers(0, 11)), max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow])
@given(deeds)
async def test_people_and_workers_act_in_any_order(
    engine: Engine, doings: list[tuple[Callable[[Machine, int, int], Awaitable[None]], int, int]]
) -> None:
    site = await engine.site(OperatorKind.SIMULATED)
    await site.application(f"web-{site.environment_id[-10:].lower()}")
    site.applications = {"web": next(iter(site.applications.values()))}
    machine = Machine(engine, site, await person(engine, f"Ann of {site.environment_id}"))
    if len(doings) % 4 == 3:
        await machine.freeze(0, 0)
    await machine.create(len(doings), 1)
    for doing, a, b in doings:
        await allowed(doing(machine, a, b))
        await machine.sound()
    await machine.play_out()
    await machine.sound()
    await check_feeds(engine.servers.database_url)
