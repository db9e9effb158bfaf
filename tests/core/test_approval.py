"""Decisions on approvals and their effects.

In: an approval with its policy and decisions, and a person with grants. Out: None if they may decide, else the reason;
the status after a decision; the tasks that run before it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.access import Actor, ActorKind, Grant, Principal
from app.core.approval import (
    Approval,
    ApprovalPolicy,
    ApprovalStatus,
    ApprovalSubject,
    Decision,
    Verdict,
    expiry_time,
    joined_roles,
    planned_approvals,
    status_after,
    types_before_approval,
    why_not_decide,
    why_not_waive,
)
from app.core.deployment import DeploymentApplication, DeploymentStatus, WorkflowSource
from app.core.errors import ErrorCode
from app.core.roles import Role
from app.core.strategy.model import Strategy, StrategyStep
from app.core.workflow import BUILD_TYPES, TaskType
from tests.core.support.build import NOW, at, deployment, node, property_of

A, V, R, W = ApprovalStatus, Verdict, Role, WorkflowSource
"""Short names for the tables below: A is ApprovalStatus, V is Verdict, R is Role, W is WorkflowSource."""
APPLICATIONS = (DeploymentApplication(application_id="web"), DeploymentApplication(application_id="api"))
DEPLOYMENT = replace(deployment(DeploymentStatus.RUNNING), applications=APPLICATIONS, created_by="starter")
EVERYTHING = Grant(R.APPROVER)


def approval(
    *decisions: Decision, status: ApprovalStatus = A.PENDING, expires_at: datetime | None = None, **policy: Any
) -> Approval:
    return Approval(
        id="apr",
        deployment_id="d",
        environment_id="e",
        application_ids=("web", "api"),
        authors=frozenset({"starter", "editor"}),
        subject=ApprovalSubject.DEPLOYMENT,
        task_id=None,
        rollout_step=None,
        revision=1,
        status=status,
        policy=ApprovalPolicy(**policy),
        requested_at=NOW,
        expires_at=expires_at,
        decisions=decisions,
    )


def somebody(*grants: Grant, id: str = "ann", scopes: tuple[Role, ...] = (R.ADMIN,)) -> Principal:
    actor = Actor(id=id, kind=ActorKind.USER, name=id)
    return Principal(actor=actor, grants=grants, scopes=scopes, token_id="t")


def decision(actor: str, verdict: Verdict = V.APPROVE, *grants: Grant, counts: bool = True) -> Decision:
    grants = grants or (EVERYTHING,)
    return Decision(actor_id=actor, actor_name=actor, verdict=verdict, comment="", at=NOW, held=grants, counts=counts)


def code(subject: Approval, actor: Principal, verdict: Verdict = V.APPROVE) -> ErrorCode | None:
    problem = why_not_decide(subject, actor, verdict, NOW)
    return problem.code if problem else None


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    ("roles", "grants", "may"),
    [
        ((R.APPROVER, R.ADMIN), [EVERYTHING], True),
        ((R.APPROVER, R.ADMIN), [Grant(R.ADMIN)], True),
        ((R.APPROVER, R.ADMIN), [Grant(R.DEPLOYER), Grant(R.VIEWER)], False),
        ((R.APPROVER, R.ADMIN), [Grant(R.APPROVER, "e")], True),
        ((R.APPROVER, R.ADMIN), [Grant(R.APPROVER, "other")], False),
        ((R.APPROVER, R.ADMIN), [Grant(R.APPROVER, None, "web")], False),
        ((R.APPROVER, R.ADMIN), [Grant(R.APPROVER, "e", "web"), Grant(R.APPROVER, None, "api")], True),
        ((R.ADMIN,), [EVERYTHING], False),
        ((R.ADMIN,), [Grant(R.ADMIN, "e")], True),
        ((R.DEPLOYER,), [Grant(R.DEPLOYER)], True),
        ((R.DEPLOYER,), [EVERYTHING], False),
    ],
)
def test_the_roles_that_the_policy_names_decide(
    roles: tuple[Role, ...], grants: list[Grant], may: bool, verdict: Verdict
) -> None:
    error_code = code(approval(approver_roles=roles), somebody(*grants), verdict)
    assert error_code == (None if may else ErrorCode.FORBIDDEN)


def test_a_token_without_the_scope_does_not_decide() -> None:
    assert code(approval(), somebody(EVERYTHING, scopes=(R.VIEWER,))) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("allow", "verdict", "expected"),
    [(False, V.APPROVE, ErrorCode.SELF_APPROVAL), (False, V.REJECT, None), (True, V.APPROVE, None)],
)
@pytest.mark.parametrize("author", ["starter", "editor"])
def test_authors_may_not_approve_unless_the_policy_allows_it(
    author: str, allow: bool, verdict: Verdict, expected: ErrorCode | None
) -> None:
    assert code(approval(allow_self_approval=allow), somebody(EVERYTHING, id=author), verdict) is expected


@pytest.mark.parametrize(
    ("vote", "counts"),
    [
        (decision("bob"), True),
        (decision("bob", V.APPROVE, Grant(R.APPROVER, "e")), True),
        (decision("bob", V.APPROVE, Grant(R.DEPLOYER)), False),
        (decision("bob", V.APPROVE, Grant(R.APPROVER, "other")), False),
        (decision("bob", V.APPROVE, Grant(R.APPROVER, "e", "web")), False),
        (decision("editor"), False),
        (decision("bob", counts=False), False),
        (decision("bob", V.REJECT, Grant(R.VIEWER)), True),
    ],
)
def test_a_vote_counts_for_as_long_as_its_author_may_decide(vote: Decision, counts: bool) -> None:
    subject = approval(vote, required_approvals=2)
    assert subject.counts(vote) is counts
    if vote.verdict is V.APPROVE:
        assert subject.missing == (1 if counts else 2)
        assert status_after(subject, V.APPROVE) is (A.APPROVED if counts else A.PENDING)


def test_a_vote_that_no_longer_counts_can_be_repeated() -> None:
    assert code(approval(decision("ann", counts=False), required_approvals=2), somebody(EVERYTHING)) is None


@pytest.mark.parametrize("status", [A.APPROVED, A.CANCELLED, A.EXPIRED])
def test_after_the_decision_votes_keep_counting(status: ApprovalStatus) -> None:
    vote = decision("bob", V.APPROVE, Grant(R.VIEWER))
    assert approval(vote, status=status).counts(vote)


POLICY, TRUSTING = ApprovalPolicy(), ApprovalPolicy(trust_builds=True)
NOTHING: frozenset[TaskType] = frozenset()


@pytest.mark.parametrize(
    ("source", "revision", "manual", "policy", "free"),
    [
        (W.GENERATED, 1, False, None, None),
        (W.CUSTOM, 1, False, None, None),
        (W.CUSTOM, 3, False, None, None),
        (W.GENERATED, 1, True, None, BUILD_TYPES),
        (W.CUSTOM, 1, True, None, BUILD_TYPES),
        (W.TEMPLATE, 2, True, None, BUILD_TYPES),
        (W.GENERATED, 1, False, POLICY, BUILD_TYPES),
        (W.GENERATED, 1, True, POLICY, BUILD_TYPES),
        (W.GENERATED, 2, False, POLICY, NOTHING),
        (W.CUSTOM, 1, False, POLICY, NOTHING),
        (W.TEMPLATE, 1, False, POLICY, NOTHING),
        (W.CUSTOM, 1, True, POLICY, NOTHING),
        (W.CUSTOM, 1, False, TRUSTING, BUILD_TYPES),
        (W.TEMPLATE, 4, False, TRUSTING, BUILD_TYPES),
        (W.REPEATED, 1, False, POLICY, None),
        (W.REPEATED, 1, True, POLICY, None),
        (W.REPEATED, 2, False, POLICY, NOTHING),
        (W.REPEATED, 2, False, TRUSTING, BUILD_TYPES),
        (W.REPEATED, 2, False, None, None),
    ],
)
def test_tasks_that_run_before_the_approval(
    source: WorkflowSource,
    revision: int,
    manual: bool,
    policy: ApprovalPolicy | None,
    free: frozenset[TaskType] | None,
) -> None:
    deployment = replace(DEPLOYMENT, source=source, revision=revision, manual_approval=manual)
    assert types_before_approval(deployment, policy) == free


@pytest.mark.parametrize(
    ("actor", "policy", "expected"),
    [
        (somebody(Grant(R.DEPLOYER)), POLICY, ErrorCode.FORBIDDEN),
        (somebody(EVERYTHING), POLICY, None),
        (somebody(Grant(R.APPROVER, "other")), POLICY, ErrorCode.FORBIDDEN),
        (somebody(EVERYTHING, id="starter"), POLICY, ErrorCode.SELF_APPROVAL),
        (somebody(EVERYTHING, id="editor"), POLICY, ErrorCode.SELF_APPROVAL),
        (somebody(EVERYTHING, id="editor"), ApprovalPolicy(allow_self_approval=True), None),
        (somebody(Grant(R.ADMIN), id="starter"), POLICY, None),
        (somebody(Grant(R.ADMIN, "other"), EVERYTHING, id="starter"), POLICY, ErrorCode.SELF_APPROVAL),
        (somebody(Grant(R.DEPLOYER)), ApprovalPolicy(approver_roles=(R.DEPLOYER,)), None),
        (somebody(EVERYTHING), ApprovalPolicy(approver_roles=(R.ADMIN,)), ErrorCode.FORBIDDEN),
    ],
)
def test_actors_that_can_skip_a_task_that_needs_approval(
    actor: Principal, policy: ApprovalPolicy, expected: ErrorCode | None
) -> None:
    problem = why_not_waive(DEPLOYMENT, policy, actor, {"starter", "editor"})
    assert (problem.code if problem else None) is expected


def test_a_plan_lists_every_approval_that_it_needs() -> None:
    steps = (StrategyStep(), StrategyStep(require_approval=True))
    tasks = [node("ask", require_confirm=True), node("ship", type=TaskType.DEPLOY, app="web"), node("other")]
    approvals = planned_approvals(W.GENERATED, POLICY, Strategy(steps=steps), tasks, manual=False)
    assert [(planned.subject, planned.task_key, planned.rollout_step) for planned in approvals] == [
        (ApprovalSubject.DEPLOYMENT, None, None),
        (ApprovalSubject.TASK, "ask", None),
        (ApprovalSubject.ROLLOUT_STEP, "ship", 1),
    ]


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (approval(decision("ann"), required_approvals=2), ErrorCode.ALREADY_DECIDED),
        (approval(decision("bob"), required_approvals=2), None),
        (approval(decision("bob"), status=A.APPROVED), ErrorCode.ALREADY_DECIDED),
        (approval(decision("bob", V.REJECT), status=A.REJECTED), ErrorCode.ALREADY_DECIDED),
        (approval(status=A.EXPIRED, expires_at=NOW), ErrorCode.WRONG_STATE),
        (approval(status=A.CANCELLED), ErrorCode.WRONG_STATE),
        (approval(expires_at=NOW), ErrorCode.WRONG_STATE),
        (approval(expires_at=at(1)), None),
    ],
)
def test_a_person_decides_once_and_in_time(subject: Approval, expected: ErrorCode | None, verdict: Verdict) -> None:
    assert code(subject, somebody(EVERYTHING), verdict) is expected


def test_the_message_names_the_author_and_time_of_a_decision() -> None:
    problem = why_not_decide(approval(decision("bob"), status=A.APPROVED), somebody(EVERYTHING), V.APPROVE, NOW)
    assert problem and problem.message == "The approval is APPROVED already: APPROVE by bob at 2030-01-01 12:00:00 UTC."


@property_of
@given(st.lists(st.sampled_from(Verdict), max_size=6), st.integers(1, 4))
def test_the_last_approval_approves_and_one_rejection_rejects(verdicts: list[Verdict], required: int) -> None:
    subject = approval(required_approvals=required)
    for number, verdict in enumerate(verdicts):
        if subject.status is not A.PENDING:
            break
        status = status_after(subject, verdict)
        subject = replace(subject, status=status, decisions=(*subject.decisions, decision(f"p{number}", verdict)))
    stored_verdicts = [vote.verdict for vote in subject.decisions]
    expected = A.APPROVED if stored_verdicts.count(V.APPROVE) == required else A.PENDING
    assert subject.status is (A.REJECTED if V.REJECT in stored_verdicts else expected)
    assert subject.missing == required - stored_verdicts.count(V.APPROVE) >= 0


@pytest.mark.parametrize(("seconds", "until"), [(None, None), (60, at(60))])
def test_until_when(seconds: int | None, until: datetime | None) -> None:
    assert expiry_time(ApprovalPolicy(timeout_seconds=seconds), NOW) == until


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([R.ADMIN], "ADMIN"),
        ([R.APPROVER, R.ADMIN], "APPROVER or ADMIN"),
        (list(Role)[1:], "DEPLOYER, APPROVER or ADMIN"),
    ],
)
def test_roles_in_words(roles: list[Role], expected: str) -> None:
    assert joined_roles(roles) == expected
