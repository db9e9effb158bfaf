"""A state machine of approvals: people act in any order under a policy, and no unapproved task runs.

People deploy graphs that are generated, sent, or made from a template. They edit and restore them, skip and retry
tasks, retry and roll back deployments, vote, and gain and lose roles. Workers claim every task that the engine offers.
One model decides from the actions of people whether each task that begins may run; another one decides for each
approval whether enough people with the right had given it.
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
from tests.services.support.approving import A, asked, decide, pending, person, policy
from tests.services.support.commands import node
from tests.services.support.engine import Engine, Site

NEEDED = 2
BUILDING = {TaskType.PREPARE, TaskType.BUILD, TaskType.TEST}
APPROVES = Grant(Role.APPROVER)
WORKER = WorkerIdentity("one", "default")


@dataclass(slots=True)
class Made:
    """The model of a deployment: how it was created, and the author of each revision (from 1)."""

    kind: str
    writers: list[str]
    wrote: list[set[str]] = field(default_factory=list)
    approved: int = 0
    given: set[int] = field(default_factory=set)

    def may_start(self, type_: TaskType) -> bool:
        """Whether a task of a type may begin now."""
        revision = len(self.writers)
        if revision in self.given or (self.kind == "back" and revision == 1):
            return True
        return self.kind == "generated" and revision == 1 and type_ in BUILDING

    def authors(self) -> set[str]:
        """The authors of the present workflow since its last approval."""
        found = {self.writers[0]}
        for number in range(self.approved, len(self.writers)):
            found |= self.wrote[number]
        return found


@dataclass(slots=True)
class House:
    """An environment with a policy, its people, and the model."""

    engine: Engine
    site: Site
    people: list[Engine]
    template: str
    trusted: bool
    made: dict[str, Made] = field(default_factory=dict)
    roles: dict[str, bool] = field(default_factory=dict)
    votes: dict[str, set[str]] = field(default_factory=dict)
    hand: dict[str, Assignment] = field(default_factory=dict)
    ran: dict[str, Definition] = field(default_factory=dict)

    def who(self, a: int) -> Engine:
        return self.people[a % len(self.people)]

    def name(self, somebody: Engine) -> str:
        return somebody.principal.actor.id

    def pick(self, a: int) -> str:
        return list(self.made)[a % len(self.made)]

    @property
    def web(self) -> str:
        return self.site.applications["web"]

    async def create(self, a: int, b: int) -> None:
        """Make a deployment, in one of three ways."""
        somebody, version = self.who(a), await self.site.version(f"v{len(self.made)}")
        request = DeploymentRequest(version_id=version, environment_ids=(self.site.environment_id,))
        kind = ("generated", "custom", "template")[b % 3]
        if kind == "custom":
            request = replace(request, tasks=tuple(self.graph(a)))
        elif kind == "template":
            request = replace(request, template=TemplateUse(self.template, {}))
        (id_,) = await somebody.call(deployments.create, request)
        self.made[id_] = Made(kind, [self.name(somebody)], [{self.name(somebody)}])

    def graph(self, a: int) -> list[WorkflowTask]:
        kinds = (TaskType.BUILD, TaskType.CUSTOM, TaskType.DEPLOY, TaskType.TEST)
        own = [node("one", type=kinds[a % 2], application_id=self.web)]
        ship = node("ship", "one", type=kinds[2 + a % 2], application_id=self.web)
        return [*own, replace(ship, command=None) if ship.type is TaskType.DEPLOY else ship]

    def another(self, number: int, b: int) -> WorkflowTask:
        build: dict[str, Any] = {"type": TaskType.BUILD, "application_id": self.web} if b % 3 else {}
        return node(f"x{number}", require_confirm=b % 2 > 0, **build)

    async def change(self, a: int, b: int) -> None:
        """Redefine the application."""
        command = ("deploy", str(b))
        fields: dict[str, object] = {"shell": ShellTarget(command), "build": CommandStep(("build", str(a)))}
        await self.who(a).call(applications.update, (self.web, fields))

    async def edit(self, a: int, b: int) -> None:
        """Edit a graph, or bring an older one back."""
        id_, somebody = self.pick(a), self.who(b)
        story = await self.engine.story(id_)
        keys, number = list(story.tasks), story.deployment.revision
        known = self.made[id_]
        if a % 3 == 0 and number > 1:
            back = 1 + b % (number - 1)
            await somebody.call(
                workflows.restore, RestoreOrder(deployment_id=id_, expected_revision=number, revision=back)
            )
            known.writers.append(self.name(somebody))
            known.wrote.append({self.name(somebody)}.union(*known.wrote[:back]))
            return
        edits: tuple[Edit, ...] = (
            Addition(self.another(number, b)),
            Removal(keys[b % len(keys)]),
            Modification(keys[b % len(keys)], {"name": f"{a}{b}"}),
        )
        wanted = edits[(a + b) % 3]
        await somebody.call(workflows.edit, EditOrder(deployment_id=id_, expected_revision=number, edit=wanted))
        known.writers.append(self.name(somebody))
        known.wrote.append({self.name(somebody)})

    async def vote(self, a: int, b: int) -> None:
        """Let a person approve a request, and check the result."""
        id_, somebody = self.pick(a), self.who(b)
        waits = await pending(self.engine, id_)
        if not waits:
            return
        one, known = waits[a % len(waits)], self.made[id_]
        if await decide(somebody, one):
            return
        name = self.name(somebody)
        assert self.roles[name], "somebody without the role decided"
        assert name not in known.authors(), "somebody approved what they wrote"
        voters = self.votes.setdefault(one.id, set())
        voters -= {voter for voter in voters if not self.roles[voter]}
        voters.add(name)
        after = next(approval for approval in await asked(self.engine, id_) if approval.id == one.id)
        assert (after.status is A.APPROVED) == (len(voters) >= NEEDED), "votes were counted wrong"
        if after.status is A.APPROVED and one.subject is ApprovalSubject.DEPLOYMENT:
            known.given.add(one.revision)
            known.approved = one.revision

    async def promote(self, a: int, b: int) -> None:
        """Grant a person the approving role, or revoke it."""
        somebody = self.who(a)
        name, has = self.name(somebody), self.roles[self.name(somebody)]
        async with unit(self.engine.runtime) as work:
            if has:
                await access_store.remove_grant(name, APPROVES)
            else:
                await access_store.add_grant(name, APPROVES, work.now)
        self.roles[name] = not has
        held = (Grant(Role.DEPLOYER), APPROVES) if not has else (Grant(Role.DEPLOYER),)
        at = self.people.index(somebody)
        self.people[at] = replace(somebody, principal=replace(somebody.principal, grants=held))

    async def steer(self, a: int, b: int) -> None:
        """Retry, skip, cancel or roll back."""
        id_, somebody = self.pick(a), self.who(b)
        story = await self.engine.story(id_)
        task = list(story.tasks.values())[b % len(story.tasks)]
        order = ReasonedAction(id_, "chance")
        what = (a + b) % 5
        if what == 0:
            (made,) = await somebody.call(deployments.roll_back, order)
            if made != id_:
                self.made[made] = Made("back", [self.name(somebody)], [{self.name(somebody)}])
        elif what == 1:
            await somebody.call(deployments.cancel, order)
        elif what == 2:
            await somebody.call(deployments.retry, id_)
        elif what == 3:
            await somebody.call(tasks.retry, task.id)
        else:
            await somebody.call(tasks.skip, ReasonedAction(task.id, "chance"))
            assert not task.require_confirm or self.roles[self.name(somebody)], "a gate was skipped by anybody"

    async def work(self, a: int, b: int) -> None:
        """Let a worker claim and settle tasks."""
        for id_ in list(self.made):
            mine = [one for one in self.hand.values() if one.task.deployment_id == id_]
            fate = Ending.FAILED if (a + b) % 7 == 0 else Ending.SUCCEEDED
            done = tuple(Finished(one, Outcome(fate, "chance")) for one in mine)
            turn = await claim_and_settle(self.engine.runtime, WORKER, id_, done, room=9, held_tasks=self.hand.keys())
            for one in mine:
                del self.hand[one.task.id]
            for one in turn.claimed:
                await self.began(id_, one)
                self.hand[one.task.id] = one
        await sweep(self.engine.runtime)

    async def began(self, id_: str, one: Assignment) -> None:
        if one.task.activity is not Activity.RUN:
            return
        known = self.made[id_]
        may = known.may_start(one.task.type) or (self.trusted and one.task.type in BUILDING)
        assert may, f"{one.task.key} ({one.task.type}) of a {known.kind} deployment began unapproved"
        definition = (await definition_store.by_application(id_))[self.web]
        if known.kind == "back" and len(known.writers) == 1:
            version = one.context.deployment.version_id
            assert replace(definition, image=None) == self.ran[version], "a rollback ran what had not run"
        if one.task.type is TaskType.DEPLOY:
            self.ran[one.context.deployment.version_id] = replace(definition, image=None)


async def allowed(doing: Awaitable[object]) -> None:
    with suppress(Refused):
        await doing


DEEDS: tuple[Callable[[House, int, int], Awaitable[None]], ...] = (
    *2 * (House.create,),
    House.change,
    *2 * (House.edit,),
    *5 * (House.vote,),
    House.promote,
    *2 * (House.steer,),
    *6 * (House.work,),
)
deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 11), st.integers(0, 11)), min_size=10, max_size=60)


@settings(max_examples=30, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow])
@given(deeds, st.booleans())
async def test_nothing_runs_before_an_approval_that_counts(
    engine: Engine, doings: list[tuple[Callable[[House, int, int], Awaitable[None]], int, int]], trusted: bool
) -> None:
    site = await engine.site(OperatorKind.SIMULATED)
    site.applications = {"web": await site.application(f"web-{site.environment_id[-10:].lower()}")}
    await policy(site, required_approvals=NEEDED, trust_builds=trusted)
    kept = TemplateDraft(name=f"t-{site.environment_id}", tasks=(node("t", require_confirm=True), node("u", "t")))
    _, template = await engine.call(templates.save, kept)
    people = [await person(engine, f"P{number} {site.environment_id}", Grant(Role.DEPLOYER)) for number in range(5)]
    house = House(engine, site, people, template, trusted, roles={one.principal.actor.id: False for one in people})
    for number in range(4):
        await house.promote(number, 0)
    await house.create(len(doings), len(doings))
    for doing, a, b in doings:
        await allowed(doing(house, a, b))
