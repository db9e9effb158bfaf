"""Simulations of whole deployments.

In: a random graph of tasks, and actions of workers and people in any order. Attempts succeed, fail, are parked for a
time or for people, or lose their worker. People approve, reject, let time pass, edit, cancel, roll back, skip, and
retry one task or all. A driver stores each plan as its docstring says. Out: a deployment that has ended.
Tested: every change is legal, no task starts too early or after a failure, undoing goes backwards, planning again gives
the same, and every deployment ends. Single ticks are tested in test_tick, single outcomes in test_attempt.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck as Complaint
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.core import deployment as deployments
from app.core import rollout
from app.core import task as tasks
from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, ApprovalSubject
from app.core.attempt import Ending, Outcome, settle
from app.core.deployment import DeploymentStatus
from app.core.strategy.model import Progress
from app.core.task import Activity, Task, TaskStatus
from app.core.tick.planning import plan, status_after_rejection
from app.core.tick.state import DeploymentSnapshot, Plan, TaskSnapshot
from app.core.workflow import BUILD_TYPES, TaskType
from tests.core.support.build import NOW, closure, dags
from tests.core.support.build import task as build_task

D, S, A = DeploymentStatus, TaskStatus, ApprovalStatus
"""Short names for the tables below: D is DeploymentStatus, S is TaskStatus, A is ApprovalStatus."""
FAILED = (S.FAILED, S.CANCELLED, S.ROLLED_BACK)
NODES = 6
MOST_STEPS = 200
FATES = [
    "succeed keep park ask",
    "succeed succeed keep fail park ask",
    "succeed keep fail lose",
    "succeed fail keep keep",
]
"""What may become of the attempts of one play, from fair to rough."""


def as_snapshot(task: Task) -> TaskSnapshot:
    return TaskSnapshot(
        id=task.id,
        key=task.key,
        type=task.type,
        status=task.status,
        block_by=task.block_by,
        activity=task.activity,
        worker=task.worker,
        stop=task.stop,
        touched=task.touched,
        resume_at=task.resume_at,
        retry_at=task.retry_at,
        error_message=task.error_message,
        completed_at=task.completed_at,
        attempt=task.attempt,
        rollout=task.rollout,
        require_confirm=task.require_confirm,
        confirmed=task.confirmed_at is not None,
    )


class Driver(RuleBasedStateMachine):
    """A stored deployment: stores the plans of ticks, and checks them."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.status = D.PENDING
        self.tasks: dict[str, Task] = {}
        self.waits_for: dict[str, set[str]] = {}
        self.changed: set[str] = set()
        self.auto_rollback = False
        self.undo_error: str | None = None
        self.resumed_at: datetime | None = None
        self.before_approval: frozenset[TaskType] | None = None
        self.revision = 1
        self.approvals: dict[str, Approval] = {}

    def state(self) -> DeploymentSnapshot:
        return DeploymentSnapshot(
            status=self.status,
            tasks=[as_snapshot(task) for task in self.tasks.values()],
            auto_rollback=self.auto_rollback,
            undo_error=self.undo_error,
            resumed_at=self.resumed_at,
            before_approval=self.before_approval,
            revision=self.revision,
            approvals=tuple(self.approvals.values()),
        )

    @property
    def pending(self) -> list[Approval]:
        return [approval for approval in self.approvals.values() if approval.status is A.PENDING]

    def move(self, to: DeploymentStatus) -> None:
        waited = self.status is D.WAITING_CONFIRM
        self.status = deployments.transition(self.status, to)
        if to is D.RUNNING and not waited:
            self.resumed_at = self.now
        if to is D.ROLLING_BACK:
            self.undo_error = None

    def set_status(self, id: str, status: TaskStatus, **more: Any) -> None:
        """Store a task's next status; an attempt does not outlive its task."""
        task = self.tasks[id]
        fields: dict[str, Any] = {"activity": None, "worker": None, "stop": False, "resume_at": None, **more}
        done_at = self.now if status in tasks.ENDED else None
        self.tasks[id] = replace(task, status=tasks.transition(task.status, status), completed_at=done_at, **fields)

    def tick(self) -> Plan:
        """Plan, store the plan, and plan again: the second plan has no changes and the same work."""
        first_plan = plan(self.state(), self.now)
        assert first_plan == plan(self.state(), self.now)
        if first_plan.expire:
            for id in first_plan.expire:
                self.approvals[id] = replace(self.approvals[id], status=A.EXPIRED)
            self.refuse()
            return self.tick()
        if first_plan.back_to_running:
            self.move(D.RUNNING)
        assert len({change.task_id for change in first_plan.changes}) == len(first_plan.changes)
        for change in first_plan.changes:
            self.set_status(change.task_id, change.to)
        for id in first_plan.confirm:
            self.set_status(id, S.WAITING_CONFIRM)
        self.ask(first_plan)
        if first_plan.to is not None:
            self.move(first_plan.to)
        for id in first_plan.stop:
            assert self.tasks[id].worker is not None
            self.tasks[id] = replace(self.tasks[id], stop=True)
        second_plan = plan(self.state(), self.now)
        assert (second_plan.changes, second_plan.to, second_plan.stop) == ((), None, ())
        assert (
            second_plan.back_to_running,
            second_plan.confirm,
            second_plan.requests,
            second_plan.withdraw,
            second_plan.expire,
        ) == (
            False,
            (),
            (),
            (),
            (),
        )
        assert set(first_plan.work) == set(second_plan.work)
        return second_plan

    def ask(self, next_plan: Plan) -> None:
        for id in next_plan.withdraw:
            assert self.approvals[id].status is A.PENDING
            self.approvals[id] = replace(self.approvals[id], status=A.CANCELLED)
        for request in next_plan.requests:
            assert request not in [approval.request for approval in self.pending], "people are asked for the same twice"
            id = f"apr{len(self.approvals)}"
            self.approvals[id] = Approval(
                id=id,
                deployment_id="d",
                environment_id="e",
                application_ids=("web",),
                authors=frozenset({"u"}),
                subject=request.subject,
                task_id=request.task_id,
                rollout_step=request.rollout_step,
                revision=self.revision,
                status=A.PENDING,
                policy=ApprovalPolicy(),
                requested_at=self.now,
                expires_at=self.now + timedelta(seconds=90),
            )

    def approve(self, approval: Approval) -> None:
        """Store an approval, and let exactly the approved task or step go on."""
        is_current = approval.subject is ApprovalSubject.ROLLOUT_STEP or approval.revision == self.revision
        assert is_current, "an edit overtook it"
        self.approvals[approval.id] = replace(approval, status=A.APPROVED, decided_at=self.now)
        if approval.subject is ApprovalSubject.TASK:
            self.set_status(approval.task_id or "", S.PENDING, confirmed_at=self.now)
        elif approval.subject is ApprovalSubject.ROLLOUT_STEP:
            waits = self.tasks[approval.task_id or ""]
            went_on = rollout.approve(waits.rollout or Progress())
            tasks.transition(waits.status, S.RUNNING)
            self.tasks[waits.id] = replace(waits, status=S.RUNNING, rollout=went_on, resume_at=self.now)

    def refuse(self) -> None:
        """Store a rejection."""
        to = status_after_rejection(self.state(), roll_back=True)
        if to is D.CANCELLED:
            for task in [task for task in self.tasks.values() if task.status in tasks.UNSTARTED]:
                self.set_status(task.id, S.CANCELLED)
        self.move(to)

    def take(self, id: str, next_plan: Plan) -> None:
        """Claim work of the present plan; a job that comes late or twice finds none."""
        task = self.tasks[id]
        assert task.worker is None
        if id in next_plan.undo:
            self.check_undo(task)
            self.tasks[id] = replace(task, activity=Activity.UNDO, worker="w", stop=False)
        elif id in next_plan.resume:
            assert task.activity is Activity.RUN
            assert task.resume_at is None or task.resume_at <= self.now
            self.tasks[id] = replace(task, worker="w", resume_at=None)
        else:
            self.check_start(task)
            self.set_status(id, S.RUNNING, activity=Activity.RUN, worker="w", retry_at=None, attempt=task.attempt + 1)

    def check_start(self, task: Task) -> None:
        assert self.status is D.RUNNING
        assert all(self.tasks[id].status in (S.SUCCESS, S.SKIPPED) for id in task.block_by)
        assert not any(self.failed_now(other_task) for other_task in self.tasks.values())
        assert task.retry_at is None or task.retry_at <= self.now
        assert task.confirmed_at is not None or not task.require_confirm
        assert task.type in (self.before_approval or ()) or self.is_approved()

    def is_approved(self) -> bool:
        """Whether it needs no approval, or has a current one that is at most a day older than a retry."""
        return self.before_approval is None or any(
            approval.subject is ApprovalSubject.DEPLOYMENT
            and (approval.status, approval.revision) == (A.APPROVED, self.revision)
            and approval.decided_at is not None
            and self.resumed_at is not None
            and approval.decided_at > self.resumed_at - timedelta(days=1)
            for approval in self.approvals.values()
        )

    def failed_now(self, task: Task) -> bool:
        """Whether a task has failed since the deployment last began to run."""
        assert self.resumed_at is not None
        failed_at = task.completed_at if task.status in (S.FAILED, S.CANCELLED) else None
        return failed_at is not None and failed_at >= self.resumed_at

    def check_undo(self, task: Task) -> None:
        assert self.status is D.ROLLING_BACK and self.undo_error is None
        assert task.id in self.changed
        assert not any(task.id in self.waits_for[blocker] for blocker in self.changed)
        assert not any(blocker.activity is Activity.RUN for blocker in self.tasks.values())

    def end(self, id: str, ending: Ending) -> None:
        """Settle an attempt."""
        task = self.tasks[id]
        settled = settle(task, Outcome(ending, None if ending is Ending.SUCCEEDED else "no"), self.now, 0.5)
        if task.activity is Activity.UNDO and ending is Ending.SUCCEEDED:
            self.changed.discard(id)
        self.tasks[id] = replace(
            task,
            status=task.status if settled.status is task.status else tasks.transition(task.status, settled.status),
            activity=None,
            worker=None,
            stop=False,
            resume_at=None,
            retry_at=settled.retry_at,
            failures=settled.failures,
            losses=settled.losses,
            error_message=settled.error_message,
            touched=settled.touched,
            completed_at=self.now if settled.status in tasks.ENDED else None,
        )
        self.undo_error = self.undo_error or settled.undo_error

    def reset(self, task: Task) -> None:
        free = all(self.tasks[id].status in (S.SUCCESS, S.SKIPPED) for id in task.block_by)
        self.set_status(task.id, S.PENDING if free else S.BLOCKED, failures=0, losses=0, retry_at=None)


class Play(Driver):
    """The people and workers that act on the deployment."""

    @initialize(
        edges=dags(NODES, min_nodes=3),
        kinds=st.lists(st.sampled_from(list(TaskType)), min_size=NODES, max_size=NODES),
        attempts=st.lists(st.integers(1, 2), min_size=NODES, max_size=NODES),
        auto_rollback=st.booleans(),
        fates=st.sampled_from(FATES),
        patience=st.integers(1, 6),
        asking=st.lists(st.sampled_from([True, False, False]), min_size=NODES, max_size=NODES),
        before_approval=st.sampled_from([None, BUILD_TYPES, frozenset[TaskType]()]),
    )
    def create(
        self,
        edges: dict[str, tuple[str, ...]],
        kinds: list[TaskType],
        attempts: list[int],
        auto_rollback: bool,
        fates: str,
        patience: int,
        asking: list[bool],
        before_approval: frozenset[TaskType] | None,
    ) -> None:
        for index, (key, block_by) in enumerate(edges.items()):
            status = S.BLOCKED if block_by else S.PENDING
            more: dict[str, Any] = {
                "type": kinds[index],
                "max_attempts": attempts[index],
                "require_confirm": asking[index],
            }
            self.tasks[key] = build_task(key, status, *block_by, **more)
        self.before_approval = before_approval
        self.waits_for = closure(edges)
        self.auto_rollback = auto_rollback
        self.fates, self.patience = fates.split(), patience
        self.move(D.RUNNING)

    @rule(data=st.data(), seconds=st.sampled_from([0, 0, 1, 10, 60]))
    def workers_work(self, data: st.DataObject, seconds: int) -> None:
        next_plan = self.tick()
        for id in next_plan.work:
            if data.draw(st.sampled_from([True, True, False])):
                self.take(id, next_plan)
        for task in [task for task in self.tasks.values() if task.worker]:
            self.meet(task, data.draw(st.sampled_from(self.fates)))
        self.now += timedelta(seconds=seconds)
        self.patience -= 1

    def meet(self, task: Task, fate: str) -> None:
        """End an attempt in some way; a deploy task touches its target as soon as it runs."""
        forward = task.type is TaskType.DEPLOY and task.activity is Activity.RUN
        if forward:
            self.changed.add(task.id)
            self.tasks[task.id] = replace(task, touched=True)
        match fate:
            case "succeed":
                self.end(task.id, Ending.SUCCEEDED)
            case "fail":
                self.end(task.id, Ending.STOPPED if task.stop else Ending.FAILED)
            case "lose":
                self.end(task.id, Ending.LOST)
            case "park" if forward:
                until = self.now + timedelta(seconds=20)
                self.tasks[task.id] = replace(self.tasks[task.id], worker=None, resume_at=until)
            case "ask" if forward and not task.stop:
                rollout = replace(task.rollout or Progress(), asked=1)
                status = tasks.transition(task.status, S.WAITING_CONFIRM)
                self.tasks[task.id] = replace(self.tasks[task.id], worker=None, rollout=rollout, status=status)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), verdict=st.sampled_from(["approve", "approve", "approve", "approve", "reject", "expire"]))
    def people_decide(self, data: st.DataObject, verdict: str) -> None:
        self.tick()
        if not self.pending:
            return
        approval = data.draw(st.sampled_from(self.pending))
        if verdict == "approve":
            self.approve(approval)
        elif verdict == "reject":
            self.approvals[approval.id] = replace(approval, status=A.REJECTED)
            self.refuse()
        else:
            self.now = max(self.now, approval.expires_at or self.now)
        self.tick()

    @precondition(lambda self: self.status is D.WAITING_CONFIRM)
    @rule(data=st.data(), asks=st.booleans())
    def a_person_edits(self, data: st.DataObject, asks: bool) -> None:
        """Change whether unstarted tasks need approval."""
        ids = [task.id for task in self.tasks.values() if task.status in tasks.UNSTARTED and not task.attempt]
        if ids:
            id = data.draw(st.sampled_from(ids))
            self.tasks[id] = replace(self.tasks[id], require_confirm=asks)
            self.revision += 1
            self.tick()

    @precondition(lambda self: self.patience <= 0 and self.status is D.RUNNING)
    @rule(to=st.sampled_from([D.CANCELLING, D.ROLLING_BACK]))
    def a_person_gives_up(self, to: DeploymentStatus) -> None:
        self.move(to)

    @precondition(lambda self: self.patience <= 0 and self.status is D.WAITING_CONFIRM)
    @rule(back=st.booleans())
    def a_person_gives_up_waiting(self, back: bool) -> None:
        if back:
            self.move(D.ROLLING_BACK)
        else:
            self.refuse()

    @precondition(lambda self: self.patience <= 0 and self.status in (D.RUNNING, D.WAITING_CONFIRM, D.FAILED))
    @rule(data=st.data())
    def a_person_skips_a_task(self, data: st.DataObject) -> None:
        able = tasks.UNSTARTED | tasks.FAILURES
        if ids := [
            task.id for task in self.tasks.values() if task.status in able and not task.touched and not task.activity
        ]:
            self.set_status(data.draw(st.sampled_from(ids)), S.SKIPPED)

    @precondition(lambda self: self.status is D.FAILED)
    @rule()
    def a_person_rolls_back(self) -> None:
        self.move(D.ROLLING_BACK)

    @precondition(lambda self: self.status is D.FAILED)
    @rule(all_of_them=st.booleans(), data=st.data(), seconds=st.sampled_from([1, 1, 100_000]))
    def a_person_tries_again(self, all_of_them: bool, data: st.DataObject, seconds: int) -> None:
        failed = [task for task in self.tasks.values() if task.status in FAILED]
        if failed and not all_of_them:
            failed = [data.draw(st.sampled_from(failed))]
        self.now += timedelta(seconds=seconds)
        self.move(D.RUNNING)
        for task in failed:
            self.reset(task)

    @invariant()
    def what_has_ended_is_at_rest(self) -> None:
        if self.status not in deployments.ENDED:
            return
        statuses = {task.status for task in self.tasks.values()}
        assert S.WAITING_CONFIRM not in statuses or self.status is not D.SUCCESS
        assert not any(task.activity for task in self.tasks.values())
        if self.status is D.SUCCESS:
            assert statuses <= {S.SUCCESS, S.SKIPPED} and self.is_approved()
        if self.status in (D.CANCELLED, D.ROLLED_BACK):
            assert not statuses & tasks.UNSTARTED
        if self.status is D.ROLLED_BACK:
            assert not self.changed and self.undo_error is None

    def teardown(self) -> None:
        """Drive the deployment to its end: all work is claimed and succeeds, and time passes as planned."""
        for _ in range(MOST_STEPS):
            next_plan = self.tick()
            if self.status in (D.PENDING, *deployments.ENDED):
                break
            if self.status is D.WAITING_CONFIRM:
                assert self.pending, "it waits for no person"
            for waits in self.pending:
                self.approve(waits)
                next_plan = self.tick()
            if self.status in deployments.ENDED:
                break
            for id in next_plan.work:
                self.take(id, next_plan)
            running = [task for task in self.tasks.values() if task.worker]
            assert running or next_plan.wake_at is not None, "no work is left, yet it has not ended"
            for task in running:
                self.meet(task, "fail" if task.stop else "succeed")
            self.now = max(self.now, next_plan.wake_at or self.now)
        else:
            raise AssertionError(f"it does not end: {self.state()}")
        self.what_has_ended_is_at_rest()


Play.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(Complaint),
    phases=[phase for phase in Phase if phase is not Phase.shrink],
)
"""Without shrinking: a play that fails is short enough to read, and shrinking it takes minutes."""
test_any_deployment = Play.TestCase
