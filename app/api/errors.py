"""Errors as clients see them: types in payloads, codes in GraphQL errors, unexpected ones masked."""

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


@strawberry.interface(description="Why a mutation was refused. The mutation has changed nothing.")
class UserError:
    """The fields of every refusal."""

    code: ErrorCode
    message: str = strawberry.field(description="The message for people.")
    path: list[str] | None = strawberry.field(
        description="The path of the input field that is wrong. Null if no single field is."
    )


@strawberry.type(description="A field of the input is invalid.")
class InvalidInput(UserError):
    """A field of the input is invalid."""


@strawberry.type(description="The object does not exist, or you may not see it.")
class NotFound(UserError):
    """The object does not exist, or the caller may not see it."""

    object_id: strawberry.ID = strawberry.field(description="The id or the name that was given.")


@strawberry.type(description="You lack a role.")
class Forbidden(UserError):
    """The caller lacks the role that this needs."""

    required: Role | None = strawberry.field(description="The role that you need. Null if no role would be enough.")


@strawberry.type(
    description="The state of the object does not allow the mutation, or another object holds what it needs."
)
class WrongState(UserError):
    """The object's status does not allow the operation."""

    status: str = strawberry.field(description="The current state.")


@strawberry.type(
    description="The workflow has changed since the expected revision. Read it again, then repeat your edit."
)
class RevisionConflict(UserError):
    """The edit was made from an older revision."""

    expected: int = strawberry.field(description="The revision that the edit was based on.")
    actual: int = strawberry.field(description="The current revision of the workflow.")


@strawberry.type(description="A freeze window is active. An ADMIN may override it with a reason.")
class Frozen(UserError):
    """A freeze window holds deployments to the environment."""

    until: datetime | None = strawberry.field(description="When the freeze ends. Null if no end is known.")


@strawberry.type(description="The idempotency key was used before with a different input.")
class IdempotencyConflict(UserError):
    """The idempotency key was already used with another input."""


@strawberry.type(description="A fault in a workflow graph. All faults are reported at once.")
class WorkflowFault(UserError):
    """A fault in a workflow graph."""

    kind: FaultKind
    task_keys: list[str] = strawberry.field(
        description="The keys of the tasks that have the fault. For a cycle, in the order of its path."
    )


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
    """Return a problem as its GraphQL type."""
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
    """Return a fault of a graph as its GraphQL type."""
    return WorkflowFault(
        code=fault.code,
        message=fault.message,
        path=list(fault.path) if fault.path else None,
        kind=fault.kind,
        task_keys=list(fault.task_keys),
    )


def user_errors(refused: Refused) -> list[UserError]:
    """Return every problem of a refusal as its GraphQL type."""
    return [user_error(problem) for problem in refused.problems]


class TranslateErrors(MaskErrors):
    """Gives every GraphQL error its code. An unexpected error becomes an id that is in the log."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Return an error as clients see it."""
        return translate_error(error)

    def process(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Return errors as clients see them."""
        return self._process_errors(errors)


def with_code(error: GraphQLError, code: RequestCode = RequestCode.BAD_USER_INPUT) -> GraphQLError:
    """Return an error with a code, unless it has one. Errors of an execution are invalid values."""
    if error.extensions and "code" in error.extensions:
        return error
    extensions = {**(error.extensions or {}), "code": str(code)}
    return GraphQLError(error.message, error.nodes, error.source, error.positions, error.path, None, extensions)


def without_traceback(error: GraphQLError) -> GraphQLError:
    """Return a copy of a cached error, to be raised: the cached one would keep its callers' frames."""
    return GraphQLError(error.message, error.nodes, error.source, error.positions, extensions=error.extensions)


def as_graphql_error(error: Exception) -> GraphQLError:
    """Return an exception as a GraphQL error that `translate_error` masks."""
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def translate_error(error: GraphQLError) -> GraphQLError:
    """Return a GraphQL error with its code. An unexpected error is logged, and masked by an id."""
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
    message = f"An internal error occurred. Find its cause in the API's log under the error id {id_}."
    extensions = {"code": "INTERNAL", "id": id_}
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, None, extensions)
