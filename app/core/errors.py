"""Domain errors: frozen problems with stable codes, carried by one exception.

A use case raises `Refused` with all problems at once; the GraphQL API and the command line translate it. Any other
exception is a defect, and clients see it masked.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from app.core.roles import Role

Path = tuple[str, ...]


class ErrorCode(StrEnum):
    """Stable codes that clients may rely on."""

    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID = "INVALID"
    WRONG_STATE = "WRONG_STATE"
    REVISION_CONFLICT = "REVISION_CONFLICT"
    FROZEN = "FROZEN"
    LOCKED = "LOCKED"
    SELF_APPROVAL = "SELF_APPROVAL"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    NAME_TAKEN = "NAME_TAKEN"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    TOO_LARGE = "TOO_LARGE"


class FaultKind(StrEnum):
    """The kinds of faults of a workflow graph."""

    UNKNOWN_BLOCKER = "UNKNOWN_BLOCKER"
    SELF_BLOCK = "SELF_BLOCK"
    CYCLE = "CYCLE"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    TYPE_ORDER = "TYPE_ORDER"
    MUST_IN_ORDER = "MUST_IN_ORDER"
    NOT_EDITABLE = "NOT_EDITABLE"
    TOO_LARGE = "TOO_LARGE"
    MISSING_COMMAND = "MISSING_COMMAND"
    UNKNOWN_APPLICATION = "UNKNOWN_APPLICATION"
    MISSING_PARAMETER = "MISSING_PARAMETER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem: a message for people, and the path of the input field that it concerns."""

    message: str
    path: Path | None = None
    code: ErrorCode = ErrorCode.INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInput(Problem):
    """A field of the input is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound(Problem):
    """The object does not exist, or the caller may not see it."""

    id: str
    code: ErrorCode = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden(Problem):
    """The caller lacks a right; `required` is the lowest role that has it."""

    required: Role | None = None
    code: ErrorCode = ErrorCode.FORBIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongState(Problem):
    """The state of the object does not allow this; `status` is that state."""

    status: str
    code: ErrorCode = ErrorCode.WRONG_STATE


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionConflict(Problem):
    """The edit was made from revision `expected`, but the workflow is at revision `actual` now."""

    expected: int
    actual: int
    code: ErrorCode = ErrorCode.REVISION_CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked(Problem):
    """Another deployment has locked an application that this one needs."""

    code: ErrorCode = ErrorCode.LOCKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen(Problem):
    """The environment is frozen until `until`; None where the end is unknown."""

    until: datetime | None
    code: ErrorCode = ErrorCode.FROZEN


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyConflict(Problem):
    """The idempotency key was used before with a different input."""

    code: ErrorCode = ErrorCode.IDEMPOTENCY_CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFault(Problem):
    """One fault of a workflow graph. `task_keys` are the tasks concerned, in path order for a cycle."""

    kind: FaultKind
    task_keys: tuple[str, ...]


AnyProblem = TypeVar("AnyProblem", bound=Problem)
MAX_PROBLEMS = 1000
"""Problems of one response."""
MAX_MESSAGE = 10_000
"""Characters of one message, which may quote input of any length."""
MAX_STEP = 200
"""Characters of one step of a path, or of an id."""


def bounded(problem: AnyProblem) -> AnyProblem:
    """Return a problem with its message, path, id and keys cut to readable lengths."""
    if len(problem.message) > MAX_MESSAGE:
        problem = replace(problem, message=f"{problem.message[:MAX_MESSAGE]}…")
    if problem.path and any(len(step) > MAX_STEP for step in problem.path):
        problem = replace(problem, path=tuple(step[:MAX_STEP] for step in problem.path))
    if isinstance(problem, NotFound) and len(problem.id) > MAX_STEP:
        return replace(problem, id=problem.id[:MAX_STEP])
    if isinstance(problem, WorkflowFault) and any(len(key) > MAX_STEP for key in problem.task_keys):
        return replace(problem, task_keys=tuple(key[:MAX_STEP] for key in problem.task_keys))
    return problem


class Refused(Exception):
    """The request is refused and nothing has changed. `problems` holds 1 to MAX_PROBLEMS problems."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(map(bounded, problems[:MAX_PROBLEMS]))
        super().__init__(" ".join(problem.message for problem in self.problems)[:MAX_MESSAGE])


class IllegalTransitionError(Exception):
    """A status change that is not in the transition table: a defect of the code, never of the user."""

    def __init__(self, noun: str, current: str, target: str, allowed: tuple[str, ...]) -> None:
        expected = " or ".join(allowed) or "nothing: it has ended"
        super().__init__(f"a {noun} in {current} cannot become {target}; expected {expected}")
        self.current = current
        self.target = target


def not_found(noun: str, value: str, path: Path | None = None) -> Refused:
    """Return the error for a `noun` with the id or name `value` that is unknown or hidden."""
    return Refused(missing(noun, value, path))


def missing(noun: str, value: str, path: Path | None = None) -> NotFound:
    """Return the problem of a `noun` with the id or name `value` that the caller cannot see."""
    return NotFound(message=f"There is no {noun} “{value[:MAX_STEP]}” that you may see.", id=value, path=path)


def name_taken(message: str) -> Refused:
    """Return the error for a name that is taken already."""
    return Refused(InvalidInput(message=message, path=("name",), code=ErrorCode.NAME_TAKEN))
