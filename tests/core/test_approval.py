"""Who may decide an approval, and what comes of it.

In: an approval with its policy and decisions, its deployment, and somebody with grants. Out: nothing when they may
decide, else why not; where a decision leaves it. When people are asked is tested in test_plan and test_play.
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
    decided,
    expiry,
    why_not,
    words,
)
from app.core.deployment import DeploymentApplication, DeploymentStatus
from app.core.errors import ErrorCode, Role
from tests.core.build import NOW, at, deployment, property_of

A, V, R = ApprovalStatus, Verdict, Role
APPLICATIONS = (DeploymentApplication(application_id="web"), DeploymentApplication(application_id="api"))
DEPLOYMENT = replace(deployment(DeploymentStatus.RUNNING), applications=APPLICATIONS, created_by="starter")
EVERYTHING = Grant(R.APPROVER)


def approval(
    *decisions: Decision, status: ApprovalStatus = A.PENDING, expires_at: datetime | None = None, **policy: Any
) -> Approval:
    return Approval(
        id="apr",
        deployment_id="d",
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


def said(actor: str, verdict: Verdict = V.APPROVE) -> Decision:
    return Decision(actor_id=actor, actor_name=actor, verdict=verdict, comment="", at=NOW)


def code(one: Approval, who: Principal, verdict: Verdict = V.APPROVE) -> ErrorCode | None:
    problem = why_not(one, DEPLOYMENT, who, verdict, NOW)
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
    found = code(approval(approver_roles=roles), somebody(*grants), verdict)
    assert found == (None if may else ErrorCode.FORBIDDEN)


def test_a_token_without_the_scope_does_not_decide() -> None:
    assert code(approval(), somebody(EVERYTHING, scopes=(R.VIEWER,))) is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    ("allow", "verdict", "expected"),
    [(False, V.APPROVE, ErrorCode.SELF_APPROVAL), (False, V.REJECT, None), (True, V.APPROVE, None)],
)
def test_whoever_started_it(allow: bool, verdict: Verdict, expected: ErrorCode | None) -> None:
    assert code(approval(allow_self_approval=allow), somebody(EVERYTHING, id="starter"), verdict) is expected


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (approval(said("ann"), required_approvals=2), ErrorCode.ALREADY_DECIDED),
        (approval(said("bob"), required_approvals=2), None),
        (approval(said("bob"), status=A.APPROVED), ErrorCode.ALREADY_DECIDED),
        (approval(said("bob", V.REJECT), status=A.REJECTED), ErrorCode.ALREADY_DECIDED),
        (approval(status=A.EXPIRED, expires_at=NOW), ErrorCode.WRONG_STATE),
        (approval(status=A.CANCELLED), ErrorCode.WRONG_STATE),
        (approval(expires_at=NOW), ErrorCode.WRONG_STATE),
        (approval(expires_at=at(1)), None),
    ],
)
def test_nobody_decides_twice_or_too_late(one: Approval, expected: ErrorCode | None, verdict: Verdict) -> None:
    assert code(one, somebody(EVERYTHING), verdict) is expected


def test_who_decided_and_when_is_told() -> None:
    problem = why_not(approval(said("bob"), status=A.APPROVED), DEPLOYMENT, somebody(EVERYTHING), V.APPROVE, NOW)
    assert problem and problem.message == "It is APPROVED: APPROVE by bob at 2030-01-01 12:00:00 UTC."


@property_of
@given(st.lists(st.sampled_from(Verdict), max_size=6), st.integers(1, 4))
def test_the_last_approval_approves_and_one_rejection_rejects(verdicts: list[Verdict], required: int) -> None:
    one = approval(required_approvals=required)
    for number, verdict in enumerate(verdicts):
        if one.status is not A.PENDING:
            break
        status = decided(one, verdict)
        one = replace(one, status=status, decisions=(*one.decisions, said(f"p{number}", verdict)))
    taken = [each.verdict for each in one.decisions]
    expected = A.APPROVED if taken.count(V.APPROVE) == required else A.PENDING
    assert one.status is (A.REJECTED if V.REJECT in taken else expected)
    assert one.missing == required - taken.count(V.APPROVE) >= 0


@pytest.mark.parametrize(("seconds", "until"), [(None, None), (60, at(60))])
def test_until_when(seconds: int | None, until: datetime | None) -> None:
    assert expiry(ApprovalPolicy(timeout_seconds=seconds), NOW) == until


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ([R.ADMIN], "ADMIN"),
        ([R.APPROVER, R.ADMIN], "APPROVER or ADMIN"),
        (list(Role)[1:], "DEPLOYER, APPROVER or ADMIN"),
    ],
)
def test_roles_in_words(roles: list[Role], told: str) -> None:
    assert words(roles) == told
