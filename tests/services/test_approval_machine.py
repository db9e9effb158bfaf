"""No task runs unapproved: several people act at random in an environment with an approval policy.

They deploy generated, custom and template graphs, edit and restore them, skip and retry tasks, retry and roll back
deployments, vote, and gain and lose roles. Workers claim every task that the engine offers. A model of the people's
actions predicts whether each started task may run, and whether each approval has enough valid votes.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck as Complaint
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.access import Grant
from app.core.application import CommandStep, ShellTarget
from app.core.approval import ApprovalSubject
from app.core.attempt import Ending, Outcome
from app.core.deployment import Definition
from app.core.editing import Addition, Edit, Modification, Removal
from app.core.environment import OperatorKind
from app.core.errors import Refused
from app.core.roles import Role
from app.core.task import Activity
from app.core.workflow import TaskType, WorkflowTask
from app.services import applications, deployments, tasks, templates, workflows
from app.services.deployments import ReasonedAction
from app.services.drafts import DeploymentRequest
from app.services.templates import TemplateDraft, TemplateUse
from app.services.worker.sweep import sweep
from app.services.worker.turn import Assignment, Finished, WorkerIdentity, claim_and_settle
from app.services.workflows import EditOrder, RestoreOrder
from app.store import access as access_store
from app.store import definitions as definition_store
from app.store.unit_of_work import unit
from tests.services.support.approving import A, approvals_of, decide, pending, person, set_policy
from tests.services.support.commands import node
from tests.services.support.engine import Engine, Site

NEEDED = 2
BUILDING = {TaskType.PREPARE, TaskType.BUILD, TaskType.TEST}
APPROVES = Grant(Role.APPROVER)
WORKER = WorkerIdentity("one", "default")


@dataclass(slots=True)
class ModelDeployment:
    """A deployment in the model: how it was created, and the authors of each revision (from 1)."""

    kind: str
    editors: list[str]
    authors_by_revision: list[set[str]] = field(default_factory=list)
    approved: int = 0
    approved_revisions: set[int] = field(default_factory=set)

    def may_start(self, type_: TaskType) -> bool:
        """Return whether a task of a type may start now."""
        revision = len(self.editors)
        if revision in self.approved_revisions or (self.kind == "back" and revision == 1):
            return True
        return self.kind == "generated" and revision == 1 and type_ in BUILDING

    def authors(self) -> set[str]:
        """Return the authors of all revisions since the last approval."""
        names = {self.editors[0]}
        for number in range(self.approved, len(self.editors)):
            names |= self.authors_by_revision[number]
        return names


@dataclass(slots=True)
class ApprovalModel:
    """An environment with an approval policy, its people, and the state of the model."""

    engine: Engine
    site: Site
    people: list[Engine]
    template: str
    trusted: bool
    deployments: dict[str, ModelDeployment] = field(default_factory=dict)
    roles: dict[str, bool] = field(default_factory=dict)
    votes: dict[str, set[str]] = field(default_factory=dict)
    running: dict[str, Assignment] = field(default_factory=dict)
    ran: dict[str, Definition] = field(default_factory=dict)

    def pick_user(self, a: int) -> Engine:
        return self.people[a % len(self.people)]

    def user_id(self, user: Engine) -> str:
        return user.principal.actor.id

    def pick(self, a: int) -> str:
        return list(self.deployments)[a % len(self.deployments)]

    @property
    def web(self) -> str:
        return self.site.applications["web"]

    async def create(self, a: int, b: int) -> None:
        """Create a deployment in one of three ways."""
        user, version = self.pick_user(a), await self.site.version(f"v{len(self.deployments)}")
        request = DeploymentRequest(version_id=version, environment_ids=(self.site.environment_id,))
        kind = ("generated", "custom", "template")[b % 3]
        if kind == "custom":
            request = replace(request, tasks=tuple(self.graph(a)))
        elif kind == "template":
            request = replace(request, template=TemplateUse(self.template, {}))
        (id_,) = await user.call(deployments.create, request)
        self.deployments[id_] = ModelDeployment(kind, [self.user_id(user)], [{self.user_id(user)}])

    def graph(self, a: int) -> list[WorkflowTask]:
        kinds = (TaskType.BUILD, TaskType.CUSTOM, TaskType.DEPLOY, TaskType.TEST)
        builds = [node("one", type=kinds[a % 2], application_id=self.web)]
        ship = node("ship", "one", type=kinds[2 + a % 2], application_id=self.web)
        return [*builds, replace(ship, command=None) if ship.type is TaskType.DEPLOY else ship]

    def new_task(self, number: int, b: int) -> WorkflowTask:
        build: dict[str, Any] = {"type": TaskType.BUILD, "application_id": self.web} if b % 3 else {}
        return node(f"x{number}", require_confirm=b % 2 > 0, **build)

    async def change(self, a: int, b: int) -> None:
        """Change the definition of the application."""
        command = ("deploy", str(b))
        fields: dict[str, object] = {"shell": ShellTarget(command), "build": CommandStep(("build", str(a)))}
        await self.pick_user(a).call(applications.update, (self.web, fields))

    async def edit(self, a: int, b: int) -> None:
        """Edit a graph, or restore an older one."""
        id_, user = self.pick(a), self.pick_user(b)
        story = await self.engine.story(id_)
        keys, number = list(story.tasks), story.deployment.revision
        model = self.deployments[id_]
        if a % 3 == 0 and number > 1:
            restored = 1 + b % (number - 1)
            await user.call(
                workflows.restore, RestoreOrder(deployment_id=id_, expected_revision=number, revision=restored)
            )
            model.editors.append(self.user_id(user))
            model.authors_by_revision.append({self.user_id(user)}.union(*model.authors_by_revision[:restored]))
            return
        edits: tuple[Edit, ...] = (
            Addition(self.new_task(number, b)),
            Removal(keys[b % len(keys)]),
            Modification(keys[b % len(keys)], {"name": f"{a}{b}"}),
        )
        edit_ = edits[(a + b) % 3]
        await user.call(workflows.edit, EditOrder(deployment_id=id_, expected_revision=number, edit=edit_))
        model.editors.append(self.user_id(user))
        model.authors_by_revision.append({self.user_id(user)})

    async def vote(self, a: int, b: int) -> None:
        """Approve a deployment or task as a person, and check the result."""
        id_, user = self.pick(a), self.pick_user(b)
        approvals = await pending(self.engine, id_)
        if not approvals:
            return
        approval, model = approvals[a % len(approvals)], self.deployments[id_]
        if await decide(user, approval):
            return
        user_id = self.user_id(user)
        assert self.roles[user_id], "a person without the role decided"
        assert user_id not in model.authors(), "an author approved"
        voters = self.votes.setdefault(approval.id, set())
        voters -= {voter for voter in voters if not self.roles[voter]}
        voters.add(user_id)
        decided = next(stored for stored in await approvals_of(self.engine, id_) if stored.id == approval.id)
        assert (decided.status is A.APPROVED) == (len(voters) >= NEEDED), "votes were counted wrong"
        if decided.status is A.APPROVED and approval.subject is ApprovalSubject.DEPLOYMENT:
            model.approved_revisions.add(approval.revision)
            model.approved = approval.revision

    async def toggle_role(self, a: int, b: int) -> None:
        """Grant a person the approving role, or revoke it."""
        user = self.pick_user(a)
        user_id, is_approver = self.user_id(user), self.roles[self.user_id(user)]
        async with unit(self.engine.runtime) as work:
            if is_approver:
                await access_store.remove_grant(user_id, APPROVES)
            else:
                await access_store.add_grant(user_id, APPROVES, work.now)
        self.roles[user_id] = not is_approver
        grants = (Grant(Role.DEPLOYER), APPROVES) if not is_approver else (Grant(Role.DEPLOYER),)
        index = self.people.index(user)
        self.people[index] = replace(user, principal=replace(user.principal, grants=grants))

    async def steer(self, a: int, b: int) -> None:
        """Retry, skip, cancel or roll back."""
        id_, user = self.pick(a), self.pick_user(b)
        story = await self.engine.story(id_)
        task = list(story.tasks.values())[b % len(story.tasks)]
        order = ReasonedAction(id_, "chance")
        action = (a + b) % 5
        if action == 0:
            (rolling_back_id,) = await user.call(deployments.roll_back, order)
            if rolling_back_id != id_:
                self.deployments[rolling_back_id] = ModelDeployment(
                    "back", [self.user_id(user)], [{self.user_id(user)}]
                )
        elif action == 1:
            await user.call(deployments.cancel, order)
        elif action == 2:
            await user.call(deployments.retry, id_)
        elif action == 3:
            await user.call(tasks.retry, task.id)
        else:
            await user.call(tasks.skip, ReasonedAction(task.id, "chance"))
            assert not task.require_confirm or self.roles[self.user_id(user)], "a gate was skipped without the role"

    async def work(self, a: int, b: int) -> None:
        """End the tasks of a worker, and claim others."""
        for id_ in list(self.deployments):
            assignments = [assignment for assignment in self.running.values() if assignment.task.deployment_id == id_]
            ending = Ending.FAILED if (a + b) % 7 == 0 else Ending.SUCCEEDED
            results = tuple(Finished(assignment, Outcome(ending, "chance")) for assignment in assignments)
            turn = await claim_and_settle(
                self.engine.runtime, WORKER, id_, results, room=9, held_tasks=self.running.keys()
            )
            for assignment in assignments:
                del self.running[assignment.task.id]
            for assignment in turn.claimed:
                await self.check_started(id_, assignment)
                self.running[assignment.task.id] = assignment
        await sweep(self.engine.runtime)

    async def check_started(self, id_: str, assignment: Assignment) -> None:
        if assignment.task.activity is not Activity.RUN:
            return
        deployment = self.deployments[id_]
        is_allowed = deployment.may_start(assignment.task.type) or (self.trusted and assignment.task.type in BUILDING)
        assert is_allowed, (
            f"{assignment.task.key} ({assignment.task.type}) of a {deployment.kind} deployment began unapproved"
        )
        definition = (await definition_store.by_application(id_))[self.web]
        if deployment.kind == "back" and len(deployment.editors) == 1:
            version = assignment.context.deployment.version_id
            assert replace(definition, image=None) == self.ran[version], "a rollback ran what had not run"
        if assignment.task.type is TaskType.DEPLOY:
            self.ran[assignment.context.deployment.version_id] = replace(definition, image=None)


async def try_action(action: Awaitable[object]) -> None:
    with suppress(Refused):
        await action


ACTIONS: tuple[Callable[[ApprovalModel, int, int], Awaitable[None]], ...] = (
    *2 * (ApprovalModel.create,),
    ApprovalModel.change,
    *2 * (ApprovalModel.edit,),
    *5 * (ApprovalModel.vote,),
    ApprovalModel.toggle_role,
    *2 * (ApprovalModel.steer,),
    *6 * (ApprovalModel.work,),
)
actions = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 11), st.integers(0, 11)), min_size=10, max_size=60
)


@settings(max_examples=30, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow])
@given(actions, st.booleans())
async def test_nothing_runs_before_a_valid_approval(
    engine: Engine, steps: list[tuple[Callable[[ApprovalModel, int, int], Awaitable[None]], int, int]], trusted: bool
) -> None:
    site = await engine.site(OperatorKind.SIMULATED)
    site.applications = {"web": await site.application(f"web-{site.environment_id[-10:].lower()}")}
    await set_policy(site, required_approvals=NEEDED, trust_builds=trusted)
    draft = TemplateDraft(name=f"t-{site.environment_id}", tasks=(node("t", require_confirm=True), node("u", "t")))
    _, template = await engine.call(templates.save, draft)
    people = [await person(engine, f"P{number} {site.environment_id}", Grant(Role.DEPLOYER)) for number in range(5)]
    model = ApprovalModel(
        engine, site, people, template, trusted, roles={user.principal.actor.id: False for user in people}
    )
    for number in range(4):
        await model.toggle_role(number, 0)
    await model.create(len(steps), len(steps))
    for action, a, b in steps:
        await try_action(action(model, a, b))
