"""Errors and events.

In: problems, and bodies of events. Out: one exception that carries all problems; a table of bodies by name.
Tested: the codes that clients rely on, that an exception lists every problem, and that the table has every body.
"""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from app.core import errors, events
from app.core.deployment import DeploymentStatus
from app.core.errors import ErrorCode, FaultKind, InvalidInput, Problem, Refused
from app.core.roles import Role
from app.core.task import TaskStatus


def test_codes_of_errors_do_not_change() -> None:
    assert " ".join(ErrorCode) == (
        "NOT_FOUND FORBIDDEN INVALID WRONG_STATE REVISION_CONFLICT FROZEN LOCKED SELF_APPROVAL ALREADY_DECIDED "
        "IDEMPOTENCY_CONFLICT NAME_TAKEN UNAUTHENTICATED TOO_LARGE"
    )
    assert " ".join(FaultKind) == (
        "UNKNOWN_BLOCKER SELF_BLOCK CYCLE DUPLICATE_KEY TYPE_ORDER MUST_IN_ORDER NOT_EDITABLE TOO_LARGE "
        "MISSING_COMMAND UNKNOWN_APPLICATION MISSING_PARAMETER"
    )
    assert " ".join(Role) == "VIEWER DEPLOYER APPROVER ADMIN"


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (InvalidInput(message="m"), ErrorCode.INVALID),
        (errors.NotFound(message="m", id="x"), ErrorCode.NOT_FOUND),
        (errors.Forbidden(message="m"), ErrorCode.FORBIDDEN),
        (errors.WrongState(message="m", status="RUNNING"), ErrorCode.WRONG_STATE),
        (errors.Locked(message="m"), ErrorCode.LOCKED),
        (errors.IdempotencyConflict(message="m"), ErrorCode.IDEMPOTENCY_CONFLICT),
        (errors.WorkflowFault(message="m", kind=FaultKind.CYCLE, task_keys=()), ErrorCode.INVALID),
    ],
)
def test_each_problem_has_its_code(problem: Problem, code: ErrorCode) -> None:
    assert (problem.code, problem.path) == (code, None)


def test_a_refusal_contains_and_lists_every_problem() -> None:
    problems = InvalidInput(message="It is too long.", path=("name",)), errors.Locked(message="It is held.")
    refused = Refused(*problems)
    assert refused.problems == problems
    assert str(refused) == "It is too long. It is held."


def test_a_not_found_error_does_not_reveal_whether_the_object_exists() -> None:
    (problem,) = errors.not_found("version", "ver_1", ("versionId",)).problems
    assert problem == errors.NotFound(
        message="There is no version “ver_1” that you may see.", id="ver_1", path=("versionId",)
    )


def test_every_event_body_is_registered_under_its_name() -> None:
    assert {body.__name__: body for body in get_args(events.Body)} == events.BODIES


def test_events_are_immutable() -> None:
    body = events.TaskStatusChanged("tsk_1", TaskStatus.PENDING, TaskStatus.RUNNING)
    with pytest.raises(FrozenInstanceError):
        body.to = TaskStatus.FAILED  # type: ignore[misc]
    assert events.DeploymentStatusChanged(None, DeploymentStatus.PENDING).reason is None
