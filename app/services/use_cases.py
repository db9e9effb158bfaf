"""Running a use case: one transaction, once per idempotency key, with audit entries."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from app.core.access import Principal
from app.core.audit import AuditContext
from app.core.errors import MAX_PROBLEMS, Forbidden, IdempotencyConflict, InvalidInput, Problem, Refused
from app.core.fingerprint import fingerprint as fingerprint_of
from app.core.roles import Role
from app.core.validation import checks
from app.services import audit
from app.services.engine.admission import admit_waiting
from app.services.runtime import Runtime
from app.store import idempotency
from app.store.idempotency import StoredAnswer
from app.store.unit_of_work import Unit, unit

MAX_KEY = 200
"""Characters of an idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationCall:
    """A call of a mutation: its caller, idempotency key, reason and network address."""

    principal: Principal
    mutation: str
    idempotency_key: str | None
    reason: str | None = None
    address: str | None = None

    @property
    def audit_context(self) -> AuditContext:
        """What the audit log keeps of the call."""
        return AuditContext(
            actor_id=self.principal.actor.id, action=self.mutation, reason=self.reason, address=self.address
        )


@dataclass(frozen=True, slots=True)
class UseCaseContext:
    """What a use case works with: the ports, its unit of work, and the caller."""

    runtime: Runtime
    unit: Unit
    principal: Principal

    def require(self, role: Role, *, environment_id: str | None = None, application_ids: Iterable[str] = ()) -> None:
        """Refuse with FORBIDDEN unless the caller may do what `role` permits here. Raises Refused."""
        if not self.principal.allows(role, environment_id=environment_id, application_ids=tuple(application_ids)):
            raise forbidden(role)

    def record_change(self, id_: str, before: object, after: object) -> None:
        """Record a changed object for the audit log, without secrets.

        `before` is None for a new object, `after` for a deleted one. A locked deployment records its own change.
        """
        self.unit.record_change(id_, before, after)


@dataclass(frozen=True, slots=True)
class Result:
    """Ids of the objects to show to the caller, and problems of the parts that were not carried out."""

    ids: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


Command = TypeVar("Command")
UseCase = Callable[[UseCaseContext, Command], Awaitable[Result]]
"""A use case carries out a command in the context's transaction.

It raises Refused if it changes nothing.
"""


async def perform(runtime: Runtime, call: MutationCall, use_case: UseCase[Command], command: Command) -> Result:
    """Carry out a use case and return its result; a repeated idempotency key returns the first result.

    Raises Refused. The audit entries are written in the same transaction and last, because they block the entries of
    other mutations until the commit.
    """
    actor, key = call.principal.actor.id, call.idempotency_key
    if key is not None and not 0 < len(key) <= MAX_KEY:
        message = f"An idempotency key has 1 to {MAX_KEY} characters."
        raise Refused(InvalidInput(message=message, path=("idempotencyKey",)))
    fingerprint = "" if key is None else fingerprint_of(command)
    async with unit(runtime) as work:
        if key is not None and (answer := await idempotency.find(actor, key)) is not None:
            return _first_result(answer, call.mutation, fingerprint)
        result = await use_case(UseCaseContext(runtime, work, call.principal), command)
        if key is not None:
            answer = StoredAnswer(call.mutation, fingerprint, result.ids, result.problems)
            await idempotency.save(actor, key, answer, work.now)
        await audit.store_entries(call.audit_context, work)
    await admit_waiting(runtime, work)
    return result


def _first_result(answer: StoredAnswer, mutation: str, fingerprint: str) -> Result:
    """Return the result that is stored for a key. Raises Refused if it is of another mutation or command."""
    if (answer.mutation, answer.fingerprint) == (mutation, fingerprint):
        return Result(answer.ids, answer.problems)
    message = f"This key was used for another call of {answer.mutation}. Use a new key for a new call."
    raise Refused(IdempotencyConflict(message=message, path=("idempotencyKey",)))


def forbidden(role: Role) -> Refused:
    """Return the refusal of a caller who lacks a role."""
    message = f"This needs the role {role} on every environment and application that it affects."
    return Refused(Forbidden(message=message, required=role))


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise Refused with all the problems, if there are any."""
    first = tuple(islice(problems, MAX_PROBLEMS))
    if first:
        raise Refused(*first)


def reason_problems(reason: str) -> Iterable[Problem]:
    """Return the problems of a reason that a person gives."""
    return checks.reason(reason, "reason")
