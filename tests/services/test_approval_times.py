"""Approvals that expire, that an edit replaces, and that several people decide concurrently.

In: deployments that need approval; concurrent people, edits and sweeps over the real database. Out: one outcome, the
same for all, and no deployment that waits forever.
"""

import asyncio
from datetime import timedelta

import pytest

from app.core.application import ShellTarget
from app.core.approval import ApprovalPolicy, ApprovalSubject, ApprovalTimeoutAction, Verdict
from app.core.editing import Modification, Removal
from app.core.environment import OperatorKind
from app.core.errors import ErrorCode
from app.core.events import ApprovalDecided
from app.services import environments, workflows
from app.services.worker.sweep import sweep
from app.services.workflows import EditOrder
from app.store.database import execute
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
from tests.services.support.commands import FAILURE, Notes, node
from tests.services.support.engine import D, Engine, S, Site, rolling

DEPLOYMENT, STEP = ApprovalSubject.DEPLOYMENT, ApprovalSubject.ROLLOUT_STEP


async def let_expire(engine: Engine, id_: str) -> None:
    """Let the pending approvals of a deployment expire."""
    await execute("UPDATE approvals SET expires_at = $2 WHERE deployment_id = $1", id_, engine.runtime.clock.now())


async def test_an_expired_approval_counts_as_rejected(engine: Engine, site: Site, notes: Notes) -> None:
    await set_policy(site, timeout_seconds=600)
    await site.application("web", rolling_shell(notes))
    ann = await person(engine, "Ann")
    id_ = await site.deploy(strategy=steps_asking(False, True))
    await engine.worker()
    assert await decide(ann, *await until_requested(engine, id_)) == []
    (approval,) = await until_requested(engine, id_)
    assert approval.expires_at == approval.requested_at + timedelta(seconds=600)
    await engine.until(id_, D.WAITING_CONFIRM)
    await let_expire(engine, id_)
    (problem,) = await decide(ann, approval)
    assert (problem.code, problem.status) == (ErrorCode.WRONG_STATE, "EXPIRED")  # type: ignore[attr-defined]
    await sweep(engine.runtime)
    story = await engine.until(id_, D.ROLLED_BACK)
    assert story.deployment.rollback and story.deployment.rollback.automatic
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.APPROVED), (STEP, A.EXPIRED)]
    assert notes.lines == ["one", "back one"]


def rolling_shell(notes: Notes) -> ShellTarget:
    """Return a target of two instances whose deployment and rollback each write a note."""
    return ShellTarget(notes.take("$BOREAS_INSTANCE"), ("one", "two"), notes.take("back $BOREAS_INSTANCE"))


async def test_a_policy_may_cancel_at_expiry_without_a_rollback(engine: Engine, site: Site, notes: Notes) -> None:
    await site.application("web", rolling_shell(notes))
    await set_policy(site, timeout_seconds=600, on_timeout=ApprovalTimeoutAction.CANCEL)
    ann = await person(engine, "Ann")
    id_ = await site.deploy(strategy=steps_asking(False, True))
    await engine.worker()
    assert await decide(ann, *await until_requested(engine, id_)) == []
    await until_requested(engine, id_)
    await engine.until(id_, D.WAITING_CONFIRM)
    await let_expire(engine, id_)
    await sweep(engine.runtime)
    story = await engine.story(id_)
    assert (story.status, story.statuses["web/deploy"], notes.lines) == (D.CANCELLED, S.CANCELLED, ["one"])
    assert story.attempt_statuses("web/deploy") == [S.CANCELLED]


async def test_an_approval_expires_without_a_sweep(engine: Engine, trial: Site) -> None:
    await set_policy(trial, timeout_seconds=1)
    id_ = await trial.deploy()
    await engine.worker()
    assert (await engine.until(id_, D.CANCELLED)).statuses["prepare"] is S.SUCCESS
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.EXPIRED)]
    (approval,) = await approvals_of(engine, id_)
    (event,) = [event for event in await engine.events(id_) if isinstance(event.body, ApprovalDecided)]
    comment = f"nobody approved until {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    assert (event.actor_id, event.body) == (None, ApprovalDecided(approval.id, Verdict.REJECT, comment))


async def test_an_edit_requests_approval_again(engine: Engine, trial: Site) -> None:
    await set_policy(trial, required_approvals=2)
    ann, bob = await person(engine, "Ann"), await person(engine, "Bob")
    id_ = await trial.deploy("v1", node("a"), node("b", "a"))
    (first_approval,) = await until_requested(engine, id_)
    assert await decide(ann, first_approval) == []
    edit = EditOrder(deployment_id=id_, expected_revision=1, edit=Modification("a", {"name": "something else"}))
    await engine.call(workflows.edit, edit)
    (second_approval,) = await pending(engine, id_)
    assert (second_approval.revision, second_approval.decisions) == (2, ())
    (problem,) = await decide(bob, first_approval)
    assert problem.code is ErrorCode.WRONG_STATE
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.CANCELLED), (DEPLOYMENT, A.PENDING)]
    await engine.call(workflows.edit, EditOrder(deployment_id=id_, expected_revision=2, edit=Removal("b")))
    (third_approval,) = await pending(engine, id_)
    assert (third_approval.subject, third_approval.revision) == (DEPLOYMENT, 3)
    await engine.worker()
    for approver in (ann, bob):
        assert (await engine.story(id_)).statuses == {"a": S.PENDING}
        assert await decide(approver, third_approval) == []
    await engine.until(id_, D.SUCCESS)
    assert await pending(engine, id_) == []


async def test_without_its_policy_an_environment_needs_no_approval(engine: Engine, trial: Site) -> None:
    await set_policy(trial)
    id_ = await trial.deploy()
    await engine.worker()
    await engine.until(id_, D.WAITING_CONFIRM)
    await engine.call(environments.set_approval_policy, (trial.environment_id, None))
    await sweep(engine.runtime)
    await engine.until(id_, D.SUCCESS)
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.CANCELLED)]


async def test_a_requested_approval_keeps_its_policy(engine: Engine, trial: Site) -> None:
    await set_policy(trial, required_approvals=2)
    id_ = await trial.deploy()
    await set_policy(trial, required_approvals=1)
    await sweep(engine.runtime)
    (approval,) = await approvals_of(engine, id_)
    assert approval.policy == ApprovalPolicy(required_approvals=2)


@pytest.mark.parametrize("needed", [1, 3])
async def test_concurrent_approvals_of_several_people(engine: Engine, trial: Site, needed: int) -> None:
    await set_policy(trial, required_approvals=needed)
    people = [await person(engine, f"P{number}") for number in range(5)]
    id_ = await trial.deploy()
    (approval,) = await pending(engine, id_)
    refusals = await asyncio.gather(*(decide(approver, approval) for approver in people))
    assert sum(not problems for problems in refusals) == needed
    assert {problem.code for problems in refusals for problem in problems} == {ErrorCode.ALREADY_DECIDED}
    (approval,) = await approvals_of(engine, id_)
    assert (approval.status, len(approval.decisions)) == (A.APPROVED, needed)


async def test_concurrent_approvals_of_one_person_count_once(engine: Engine, trial: Site) -> None:
    await set_policy(trial, required_approvals=2)
    ann = await person(engine, "Ann")
    id_ = await trial.deploy()
    (approval,) = await pending(engine, id_)
    refusals = await asyncio.gather(*(decide(ann, approval) for _ in range(4)))
    assert sum(not problems for problems in refusals) == 1
    assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.PENDING)]


@pytest.mark.parametrize("round_", range(6))
async def test_approving_while_another_decision_is_made(engine: Engine, trial: Site, round_: int) -> None:
    ann, bob = await person(engine, "Ann"), await person(engine, "Bob")
    await set_policy(trial, timeout_seconds=600)
    id_ = await trial.deploy("v1", node("a"))
    (approval,) = await pending(engine, id_)
    if round_ % 3 == 2:
        await let_expire(engine, id_)
    against = (
        lambda: engine.cancel(id_),
        lambda: decide(bob, approval, reject=True),
        lambda: sweep(engine.runtime),
    )[round_ % 3]
    await asyncio.gather(decide(ann, approval), against())
    (approval,) = await approvals_of(engine, id_)
    story = await engine.story(id_)
    assert approval.status is not A.PENDING
    if approval.status is A.APPROVED:
        assert story.status in (D.RUNNING, D.CANCELLED)
    else:
        assert (story.status, story.statuses) == (D.CANCELLED, {"a": S.CANCELLED})


async def test_two_people_who_decide_many_approvals_do_not_deadlock(engine: Engine) -> None:
    ann, bob = await person(engine, "Ann"), await person(engine, "Bob")
    ids = []
    for number in range(4):
        site = await engine.site(OperatorKind.SIMULATED)
        await set_policy(site, required_approvals=2)
        await site.application(f"app-{number}")
        ids.append(await site.deploy())
    approvals = [approval for id_ in ids for approval in await pending(engine, id_)]
    refusals = await asyncio.gather(decide(ann, *approvals), decide(bob, *reversed(approvals)))
    assert list(map(list, refusals)) == [[], []]
    for id_ in ids:
        assert await approval_statuses(engine, id_) == [(DEPLOYMENT, A.APPROVED)]


async def test_a_paused_deployment_requests_no_approval_and_stays_paused_after_one(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", node("a"), node("b", "a", require_confirm=True))
    await controls.pause(engine, id_)
    assert await pending(engine, id_) == []
    await controls.resume(engine, id_)
    await engine.worker()
    (approval,) = await until_requested(engine, id_)
    await controls.pause(engine, id_)
    assert await decide(await person(engine, "Ann"), approval) == []
    story = await engine.story(id_)
    assert (story.status, story.statuses["b"]) == (D.RUNNING, S.PENDING)
    await controls.resume(engine, id_)
    await engine.until(id_, D.SUCCESS)


async def test_an_approval_covers_retries_for_one_day(engine: Engine, site: Site, notes: Notes) -> None:
    await set_policy(site)
    ann = await person(engine, "Ann")
    await site.application("web", ShellTarget(notes.then("tried", "exit 1")))
    await engine.worker()
    id_ = await site.deploy(strategy=rolling(auto_rollback=False))
    assert await decide(ann, *await until_requested(engine, id_)) == []
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.FAILED)
    assert (await approval_statuses(engine, id_), len(notes.lines)) == ([(DEPLOYMENT, A.APPROVED)], 2)
    await execute("UPDATE approvals SET decided_at = decided_at - interval '25 hours' WHERE deployment_id = $1", id_)
    await engine.retry(id_)
    (second_approval,) = await until_requested(engine, id_)
    assert (await engine.until(id_, D.WAITING_CONFIRM)).deployment.attempt == 3
    assert (second_approval.subject, len(notes.lines)) == (DEPLOYMENT, 2)
    assert await decide(ann, second_approval) == []
    await engine.until(id_, D.FAILED)
    assert len(notes.lines) == 3


async def test_an_old_confirmation_of_a_task_expires(engine: Engine, site: Site) -> None:
    ann = await person(engine, "Ann")
    await engine.worker()
    id_ = await site.deploy("v1", node("a", command=FAILURE, require_confirm=True))
    assert await decide(ann, *await until_requested(engine, id_)) == []
    await engine.until(id_, D.FAILED)
    await execute("UPDATE tasks SET confirmed_at = confirmed_at - interval '25 hours' WHERE deployment_id = $1", id_)
    await engine.retry(id_)
    (second_approval,) = await until_requested(engine, id_)
    assert (second_approval.subject, (await engine.story(id_)).statuses) == (
        ApprovalSubject.TASK,
        {"a": S.WAITING_CONFIRM},
    )
