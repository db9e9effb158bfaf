"""What is refused, and why: frozen problems with stable codes, carried by one exception.

A use case raises `Refused` with everything that is wrong at once; the doors (GraphQL, the command line) translate.
Nothing else is an expected error: any other exception is a defect and reaches clients masked.
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
    """Everything that can be wrong with a workflow graph."""

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
    """One thing that is wrong: what it is, in words for people, and the path of the input field that has it."""

    message: str
    path: Path | None = None
    code: ErrorCode = ErrorCode.INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidInput(Problem):
    """A field of the input is not acceptable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound(Problem):
    """No such object, or none that the caller may see."""

    id: str
    code: ErrorCode = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden(Problem):
    """The caller lacks a right; `required` is the least role that has it."""

    required: Role | None = None
    code: ErrorCode = ErrorCode.FORBIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongState(Problem):
    """The object is not in a state that allows this; `status` is the state it is in."""

    status: str
    code: ErrorCode = ErrorCode.WRONG_STATE


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionConflict(Problem):
    """The workflow has changed since: the edit was made from revision `expected`, and it is at `actual` now."""

    expected: int
    actual: int
    code: ErrorCode = ErrorCode.REVISION_CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked(Problem):
    """Another deployment holds an application that this one needs."""

    code: ErrorCode = ErrorCode.LOCKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen(Problem):
    """A freeze holds the environment, `until` then; None: no end is in sight."""

    until: datetime | None
    code: ErrorCode = ErrorCode.FROZEN


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyConflict(Problem):
    """The idempotency key was used before, with another input."""

    code: ErrorCode = ErrorCode.IDEMPOTENCY_CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFault(Problem):
    """One fault of a workflow graph; `task_keys` are the tasks concerned, a cycle's in the order of its path."""

    kind: FaultKind
    task_keys: tuple[str, ...]


AnyProblem = TypeVar("AnyProblem", bound=Problem)
MAX_PROBLEMS = 1000
"""Problems that are told at once."""
MAX_SAID = 10_000
"""Characters of what is said of one problem: what people sent is in it, of whatever length."""
MAX_STEP = 200
"""Characters of one step of a path, or of an id."""


def bounded(problem: AnyProblem) -> AnyProblem:
    """Return a problem that says no more than can be read."""
    if len(problem.message) > MAX_SAID:
        problem = replace(problem, message=f"{problem.message[:MAX_SAID]}…")
    if problem.path and any(len(step) > MAX_STEP for step in problem.path):
        problem = replace(problem, path=tuple(step[:MAX_STEP] for step in problem.path))
    if isinstance(problem, NotFound) and len(problem.id) > MAX_STEP:
        return replace(problem, id=problem.id[:MAX_STEP])
    if isinstance(problem, WorkflowFault) and any(len(key) > MAX_STEP for key in problem.task_keys):
        return replace(problem, task_keys=tuple(key[:MAX_STEP] for key in problem.task_keys))
    return problem


class Refused(Exception):
    """The request is refused and nothing was changed. `problems` holds at least one, and not too many to be read."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(map(bounded, problems[:MAX_PROBLEMS]))
        super().__init__(" ".join(problem.message for problem in self.problems)[:MAX_SAID])


class IllegalTransitionError(Exception):
    """A status change that no transition table has: a defect of the caller, never of the user."""

    def __init__(self, noun: str, seen: str, wanted: str, allowed: tuple[str, ...]) -> None:
        expected = " or ".join(allowed) or "nothing: it has ended"
        super().__init__(f"a {noun} in {seen} can not become {wanted}; expected {expected}")
        self.seen = seen
        self.wanted = wanted


def not_found(noun: str, value: str, path: Path | None = None) -> Refused:
    """Refuse because no `noun` with the id or name `value` exists, or none that the caller may see."""
    return Refused(missing(noun, value, path))


def missing(noun: str, value: str, path: Path | None = None) -> NotFound:
    """Return the problem that no `noun` with the id or name `value` exists, or none that the caller may see."""
    return NotFound(message=f"There is no {noun} “{value[:MAX_STEP]}” that you may see.", id=value, path=path)


def name_taken(message: str) -> Refused:
    """Refuse because something else has the name that was given."""
    return Refused(InvalidInput(message=message, path=("name",), code=ErrorCode.NAME_TAKEN))
