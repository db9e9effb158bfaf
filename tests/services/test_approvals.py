"""Approvals: which are requested, and how deployments proceed after a decision.

In: deployments of simulated and real commands that need approval, people with and without the right, workers. Out: what
runs, which approvals are requested, and how the deployment ends. Who may decide is in tests/core/test_approval.
"""

import pytest

from app.core.access import Grant
from app.core.application import ShellTarget
from app.core.approval import ApprovalSubject
from app.core.errors import ErrorCode
from app.core.gate import BlockerKind
from app.core.roles import Role
from app.core.workflow import TaskType
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from tests.services.support import controls
from tests.services.support.approving import (
    A,
    approval_statuses,
    approvals_of,
    decide,
    pending,
    person,
    set_policy,
    steps_asking,
    until_requested,
)
from tests.services.support.commands import NOTHING, Notes, node, step
from tests.services.support.engine import D, Engine, S, Site

DEPLOYMENT, TASK, STEP = ApprovalSubject.DEPLOYMENT, ApprovalSubject.TASK, ApprovalSubject.ROLLOUT_STEP


async def test_a_deployment_is_approved_before_its_first_deploy_task(engine: Engine, trial: Site) -> None:
    await trial.application("web", build=step(NOTHING))
    ann = await person(engine, "Ann")
    id_ = await trial.deploy(manual_approval=True)
    await engine.worker()
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert story.statuses == {"prepare": S.SUCCESS, "web/build": S.SUCCESS, "web/deploy": S.PENDING}
    assert await controls.blocker_kinds(engine, id_) == [BlockerKind.APPROVAL]
    assert await decide(ann, *await pending(engine, id_), comment="fine") == []
    await engine.until(id_, D.SUCCESS)
    (approval,) = await approvals_of(engine, id_)
    assert (approval.subject, approval.status, approval.decisions[0].comment) == (DEPLOYMENT, A.APPROVED, "fine")


async def test_a_policy_requires_its_number_of_approvals_for_every_deployment(engine: Engine, trial: Site) -> None:
    await set_policy(trial, required_approvals=2)
    ann, bob = await person(engine, "Ann"), await person(engine, "Bob")
    id_ = await trial.deploy()
    await engine.worker()
    (approval,) = await until_requested(engine, id_)
    assert await decide(ann, approval) == []
    (second_problem,) = await decide(ann, approval)
    assert (second_problem.code, second_problem.path) == (ErrorCode.ALREADY_DECIDED, ("approvalIds", "0"))
    assert "APPROVE by Ann" in second_problem.message
    assert (await engine.until(id_, D.WAITING_CONFIRM)).statuses["prepare"] is S.SUCCESS
    assert await decide(bob, approval) == []
    await engine.until(id_, D.SUCCESS)
    (late_problem,) = await decide(await person(engine, "Eve"), approval)
    assert late_problem.code is ErrorCode.ALREADY_DECIDED


@pytest.mark.parametrize("requirement", ["policy", "by hand"])
async def test_a_deployment_without_a_deploy_task_needs_approval_too(
    engine: Engine, trial: Site, requirement: str
) -> None:
    if requirement == "policy":
        await set_policy(trial)
    ann = await person(engine, "Ann")
    await engine.worker()
    id_ = await trial.deploy("v1", node("a"), manual_approval=requirement == "by hand")
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert (story.statuses, story.attempts) == ({"a": S.PENDING}, {"a": []})
    assert await decide(ann, *await pending(engine, id_)) == []
    await engine.until(id_, D.SUCCESS)
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.APPROVED)]


async def test_a_deployment_of_builds_does_not_succeed_without_approval(engine: Engine, trial: Site) -> None:
    web = await trial.application("web")
    ann = await person(engine, "Ann")
    await engine.worker()
    build = node("build", type=TaskType.BUILD, application_id=web)
    id_ = await trial.deploy("v1", build, manual_approval=True)
    assert (await engine.until(id_, D.WAITING_CONFIRM)).statuses == {"build": S.SUCCESS}
    assert await controls.blocker_kinds(engine, id_) == [BlockerKind.APPROVAL]
    assert await decide(ann, *await pending(engine, id_)) == []
    await engine.until(id_, D.SUCCESS)


async def test_approving_a_task_does_not_approve_its_neighbour(engine: Engine, trial: Site) -> None:
    ann = await person(engine, "Ann")
    graph = [node("a"), node("b", "a", require_confirm=True), node("c", "a", require_confirm=True), node("d", "b")]
    id_ = await trial.deploy("v1", *graph)
    assert await approvals_of(engine, id_) == []
    await engine.worker()
    approvals_by_task = {approval.task_id: approval for approval in await until_requested(engine, id_, 2)}
    story = await engine.until(id_, D.WAITING_CONFIRM)
    first_approval, second_approval = approvals_by_task[story.tasks["b"].id], approvals_by_task[story.tasks["c"].id]
    assert story.statuses == {"a": S.SUCCESS, "b": S.WAITING_CONFIRM, "c": S.WAITING_CONFIRM, "d": S.BLOCKED}
    assert await decide(ann, first_approval) == []
    await engine.until_task(id_, "d", lambda task: task.status is S.SUCCESS)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert story.statuses["c"] is S.WAITING_CONFIRM
    assert (story.tasks["b"].confirmed_by, story.tasks["c"].confirmed_by) == (ann.principal.actor.id, None)
    assert await decide(ann, second_approval) == []
    await engine.until(id_, D.SUCCESS)


async def test_a_failed_task_needs_no_second_approval(engine: Engine, site: Site, notes: Notes) -> None:
    ann = await person(engine, "Ann")
    ship = node("a", command=notes.then("tried", "test $(wc -l < $1) -gt 1", notes.path), require_confirm=True)
    id_ = await site.deploy("v1", ship)
    await engine.worker()
    assert await decide(ann, *await until_requested(engine, id_)) == []
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert len(await approvals_of(engine, id_)) == 1


async def test_a_step_of_a_rollout_is_approved_before_it_begins(engine: Engine, site: Site, notes: Notes) -> None:
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("one", "two")))
    ann = await person(engine, "Ann")
    id_ = await site.deploy(strategy=steps_asking(False, True))
    await engine.worker()
    (approval,) = await until_requested(engine, id_)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert (approval.subject, approval.rollout_step, notes.lines) == (STEP, 1, ["one"])
    assert (story.statuses["web/deploy"], story.tasks["web/deploy"].worker) == (S.WAITING_CONFIRM, None)
    assert story.deployment.progress == 75
    assert await decide(ann, approval) == []
    story = await engine.until(id_, D.SUCCESS)
    assert notes.lines == ["one", "two"]
    assert story.attempt_statuses("web/deploy") == [S.SUCCESS]


async def test_rejecting_rolls_back_a_started_rollout(engine: Engine, site: Site, notes: Notes) -> None:
    target = ShellTarget(notes.take("$BOREAS_INSTANCE"), ("one", "two"), notes.take("back $BOREAS_INSTANCE"))
    await site.application("web", target)
    ann = await person(engine, "Ann")
    id_ = await site.deploy(strategy=steps_asking(False, True))
    await engine.worker()
    assert await decide(ann, *await until_requested(engine, id_), reject=True, comment="it smells") == []
    story = await engine.until(id_, D.ROLLED_BACK)
    rollback = story.deployment.rollback
    assert rollback is not None
    assert (rollback.reason, rollback.automatic) == ("rejected by Ann: it smells", False)
    assert rollback.requested_by == ann.principal.actor.id
    assert notes.lines == ["one", "back one"]
    assert story.attempt_statuses("web/deploy") == [S.CANCELLED, S.ROLLED_BACK]
    assert await approval_statuses(engine, id_) == [(STEP, A.REJECTED)]


async def test_rejecting_before_any_rollout_cancels_the_deployment(engine: Engine, trial: Site) -> None:
    ann = await person(engine, "Ann")
    id_ = await trial.deploy("v1", node("a", require_confirm=True), node("b", require_confirm=True))
    first_approval, second_approval = await until_requested(engine, id_, 2)
    assert (await engine.story(id_)).status is D.WAITING_CONFIRM
    (problem,) = await decide(ann, first_approval, second_approval, reject=True)
    assert (problem.code, problem.path) == (ErrorCode.WRONG_STATE, ("approvalIds", "1"))
    story = await engine.story(id_)
    assert (story.status, set(story.statuses.values())) == (D.CANCELLED, {S.CANCELLED})
    assert await approval_statuses(engine, id_) == [(TASK, A.REJECTED), (TASK, A.CANCELLED)]
    assert await controls.last_reason(engine, id_, "a", S.CANCELLED) == "rejected by Ann"


async def test_each_of_several_approvals_is_decided_on_its_own(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("a", require_confirm=True), node("b", require_confirm=True))
    first_approval, second_approval = await until_requested(engine, id_, 2)
    ann = await person(engine, "Ann")
    problems = await decide(ann, "apr_" + "0" * 26, first_approval, second_approval)
    assert [(problem.code, problem.path) for problem in problems] == [(ErrorCode.NOT_FOUND, ("approvalIds", "0"))]
    assert await approval_statuses(engine, id_) == [(TASK, A.APPROVED), (TASK, A.APPROVED)]


async def test_the_creator_may_reject_but_not_approve(engine: Engine, trial: Site) -> None:
    starter = await person(engine, "Ann", Grant(Role.DEPLOYER), Grant(Role.APPROVER))
    own_site = Site(starter, trial.environment_id)
    await trial.application("web")
    own_site.applications = trial.applications
    version = await trial.version("v1")
    id_ = await own_site.deploy(version, manual_approval=True)
    (approval,) = await pending(engine, id_)
    (problem,) = await decide(starter, approval)
    assert (problem.code, await approval_statuses(engine, id_)) == (ErrorCode.SELF_APPROVAL, [(DEPLOYMENT, A.PENDING)])
    assert await decide(starter, approval, reject=True) == []
    await set_policy(trial, allow_self_approval=True)
    id_ = await own_site.deploy(version)
    assert await decide(starter, *await pending(engine, id_)) == []


async def test_without_the_role_deciding_is_forbidden_and_without_access_not_found(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("a", require_confirm=True))
    (approval,) = await until_requested(engine, id_)
    elsewhere = Grant(Role.APPROVER, (await engine.site()).environment_id)
    (forbidden,) = await decide(await person(engine, "Ann", Grant(Role.DEPLOYER)), approval)
    (not_found,) = await decide(await person(engine, "Bob", elsewhere), approval, reject=True)
    assert (forbidden.code, not_found.code) == (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)


async def test_cancelling_a_deployment_cancels_its_approvals(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("a", require_confirm=True), node("b"))
    (approval,) = await until_requested(engine, id_)
    await engine.cancel(id_)
    assert (await engine.story(id_)).status is D.CANCELLED
    (problem,) = await decide(await person(engine, "Ann"), approval)
    assert (problem.code, "no longer needed" in problem.message) == (ErrorCode.WRONG_STATE, True)


async def test_a_deployment_that_waits_for_approval_can_be_controlled(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("a", require_confirm=True))
    task = (await engine.story(id_)).tasks["a"]
    await engine.call(deployments.pause, id_)
    await engine.call(deployments.resume, id_)
    assert (await engine.story(id_)).status is D.WAITING_CONFIRM
    await engine.call(tasks.cancel, ReasonedAction(task.id, "no"))
    assert (await engine.story(id_)).status is D.FAILED
    await engine.retry_task(task.id)
    assert (await engine.story(id_)).status is D.WAITING_CONFIRM
    await engine.call(tasks.skip, ReasonedAction(task.id, "no need"))
    assert (await engine.story(id_)).status is D.SUCCESS
    assert await approval_statuses(engine, id_) == [(TASK, A.CANCELLED), (TASK, A.CANCELLED)]


async def test_a_rollout_that_waits_can_be_cancelled_and_rolled_back_but_not_skipped(
    engine: Engine, trial: Site
) -> None:
    await trial.application("web", ShellTarget(NOTHING, ("one", "two")))
    await engine.worker()
    for use_case, end_status in ((tasks.cancel, D.ROLLED_BACK), (deployments.roll_back, D.ROLLED_BACK)):
        id_ = await trial.deploy(strategy=steps_asking(False, True))
        await engine.until(id_, D.WAITING_CONFIRM)
        task = (await engine.story(id_)).tasks["web/deploy"]
        await controls.check_refused(engine, id_, "web/deploy", tasks.skip)
        await engine.call(use_case, ReasonedAction(task.id if use_case is tasks.cancel else id_, "no"))
        story = await engine.until(id_, end_status)
        assert story.attempt_statuses("web/deploy") == [S.CANCELLED, S.ROLLED_BACK]
        assert await approval_statuses(engine, id_) == [(STEP, A.CANCELLED)]


async def test_a_failure_cancels_pending_approvals(engine: Engine, site: Site) -> None:
    graph = node("a", require_confirm=True), node("bad", command=("false",))
    id_ = await site.deploy("v1", *graph)
    assert len(await pending(engine, id_)) == 1
    await engine.worker()
    story = await engine.until(id_, D.FAILED)
    assert story.statuses == {"a": S.PENDING, "bad": S.FAILED}
    assert await approval_statuses(engine, id_) == [(TASK, A.CANCELLED)]


async def test_rolling_a_successful_deployment_back_needs_no_approval(engine: Engine, trial: Site) -> None:
    await trial.application("web", ShellTarget(NOTHING, ("one", "two")))
    await engine.worker()
    await trial.deployed("v1")
    await set_policy(trial)
    ann = await person(engine, "Ann")
    id_ = await trial.deploy("v2", strategy=steps_asking(True, False))
    for _ in range(2):
        assert await decide(ann, *await until_requested(engine, id_)) == []
    await engine.until(id_, D.SUCCESS)
    rollback_id = await engine.roll_back(id_)
    await engine.until(rollback_id, D.SUCCESS)
    assert await approvals_of(engine, rollback_id) == []


async def test_manual_approval_of_a_custom_graph_comes_after_its_builds(engine: Engine, trial: Site) -> None:
    web = await trial.application("web")
    build = node("build", type=TaskType.BUILD, application_id=web)
    ship = node("ship", "build", type=TaskType.DEPLOY, application_id=web)
    await engine.worker()
    id_ = await trial.deploy("v1", build, ship, node("b", "build"), node("c", "b"), manual_approval=True)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert story.statuses == {"build": S.SUCCESS, "ship": S.PENDING, "b": S.PENDING, "c": S.BLOCKED}
