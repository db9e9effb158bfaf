"""Errors as clients see them: problems as types in payloads, as codes in GraphQL errors; anything else masked."""

import logging
import secrets
from datetime import datetime

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors

from app.api.request_codes import RequestCode
from app.core import errors as core
from app.core.errors import ErrorCode, FaultKind, Problem, Refused
from app.core.roles import Role

logger = logging.getLogger(__name__)


@strawberry.interface(description="Why a mutation was refused. Nothing was changed.")
class UserError:
    """What all refusals have."""

    code: ErrorCode
    message: str = strawberry.field(description="In words for people.")
    path: list[str] | None = strawberry.field(description="The field of the input that is wrong.")


@strawberry.type(description="A field of the input is not acceptable.")
class InvalidInput(UserError):
    """A field of the input is not acceptable."""


@strawberry.type(description="No such object, or none that you may see.")
class NotFound(UserError):
    """No such object."""

    object_id: strawberry.ID = strawberry.field(description="The id, or the name, that was asked for.")


@strawberry.type(description="You lack a right.")
class Forbidden(UserError):
    """The caller lacks a right."""

    required: Role | None = strawberry.field(description="The role that has it.")


@strawberry.type(
    description="The object is in a state that does not allow this, or something else holds what it needs."
)
class WrongState(UserError):
    """The object is in the wrong state."""

    status: str = strawberry.field(description="The state it is in.")


@strawberry.type(description="The workflow has changed since: look at what has changed, and edit that.")
class RevisionConflict(UserError):
    """The edit was made from an older revision."""

    expected: int = strawberry.field(description="The revision that the edit was made from.")
    actual: int = strawberry.field(description="The revision that the workflow is at now.")


@strawberry.type(description="A freeze window holds the environment. An ADMIN may override it with a reason.")
class Frozen(UserError):
    """A freeze holds the environment."""

    until: datetime | None = strawberry.field(description="When it ends; null: no end is in sight.")


@strawberry.type(description="The idempotency key was used before, with another input.")
class IdempotencyConflict(UserError):
    """The key was used before."""


@strawberry.type(description="A fault of a workflow graph. All faults are reported at once.")
class WorkflowFault(UserError):
    """A fault of a workflow graph."""

    kind: FaultKind
    task_keys: list[str] = strawberry.field(description="The tasks concerned; a cycle's in the order of its path.")


ERROR_TYPES = [
    InvalidInput,
    NotFound,
    Forbidden,
    WrongState,
    RevisionConflict,
    Frozen,
    IdempotencyConflict,
    WorkflowFault,
]


def user_error(problem: Problem) -> UserError:
    """Return a problem as clients see it."""
    path = list(problem.path) if problem.path else None
    match problem:
        case core.NotFound():
            id_ = strawberry.ID(problem.id)
            return NotFound(code=problem.code, message=problem.message, path=path, object_id=id_)
        case core.Forbidden():
            return Forbidden(code=problem.code, message=problem.message, path=path, required=problem.required)
        case core.WrongState():
            return WrongState(code=problem.code, message=problem.message, path=path, status=problem.status)
        case core.RevisionConflict(expected=expected, actual=actual):
            return RevisionConflict(
                code=problem.code, message=problem.message, path=path, expected=expected, actual=actual
            )
        case core.Locked():
            return WrongState(code=problem.code, message=problem.message, path=path, status="LOCKED")
        case core.Frozen():
            return Frozen(code=problem.code, message=problem.message, path=path, until=problem.until)
        case core.IdempotencyConflict():
            return IdempotencyConflict(code=problem.code, message=problem.message, path=path)
        case core.WorkflowFault():
            return workflow_fault(problem)
        case _:
            return InvalidInput(code=problem.code, message=problem.message, path=path)


def workflow_fault(fault: core.WorkflowFault) -> WorkflowFault:
    """Return a fault of a graph as clients see it."""
    return WorkflowFault(
        code=fault.code,
        message=fault.message,
        path=list(fault.path) if fault.path else None,
        kind=fault.kind,
        task_keys=list(fault.task_keys),
    )


def user_errors(refused: Refused) -> list[UserError]:
    """Return every problem of a refusal."""
    return [user_error(problem) for problem in refused.problems]


class TranslateErrors(MaskErrors):
    """Gives every GraphQL error its code; what nobody expected becomes an id that the log has."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Return an error as clients see it."""
        return translate_error(error)

    def process(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Return errors as clients see them."""
        return self._process_errors(errors)


def with_code(error: GraphQLError, code: RequestCode = RequestCode.BAD_USER_INPUT) -> GraphQLError:
    """Return an error with a code, unless it has one. What graphql-core finds while it executes are unfit values."""
    if error.extensions and "code" in error.extensions:
        return error
    extensions = {**(error.extensions or {}), "code": str(code)}
    return GraphQLError(error.message, error.nodes, error.source, error.positions, error.path, None, extensions)


def without_traceback(error: GraphQLError) -> GraphQLError:
    """Return an error that can be raised: one that is kept would keep the frames of whoever raises it."""
    return GraphQLError(error.message, error.nodes, error.source, error.positions, extensions=error.extensions)


def as_graphql_error(error: Exception) -> GraphQLError:
    """Return an exception as a GraphQL error, to be translated."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def translate_error(error: GraphQLError) -> GraphQLError:
    """Return a GraphQL error with its code; what nobody expected becomes an id that the log has."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        return with_code(error)
    if isinstance(cause, Refused):
        problem = cause.problems[0]
        extensions = {"code": str(problem.code)} | ({"path": list(problem.path)} if problem.path else {})
        return GraphQLError(str(cause), error.nodes, error.source, error.positions, error.path, None, extensions)
    id_ = secrets.token_hex(6)
    logger.error("unexpected error %s at %s", id_, error.path, exc_info=cause)
    message = f"Something went wrong on our side. The log of the API says more about error {id_}."
    extensions = {"code": "INTERNAL", "id": id_}
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, None, extensions)
