"""How a mutation calls its use case: once per idempotency key, in one transaction, then reads afresh."""

from typing import Any, Protocol, TypeVar

from app.api.context import Info
from app.api.types.references import find
from app.core.errors import not_found
from app.services import use_cases
from app.services.use_cases import MutationCall, Result, UseCase

Command = TypeVar("Command")
REASONS = ("reason", "comment", "freeze_override_reason")
"""The fields of inputs that say why something is done."""


class Input(Protocol):
    """Every input has a key that makes calling twice the same as calling once."""

    idempotency_key: str | None


async def perform(info: Info, given: Input, use_case: UseCase[Command], command: Command) -> list[str]:
    """Carry out a use case and return the ids of what it changed. Raises Refused."""
    return list((await result_of(info, given, use_case, command)).ids)


async def result_of(info: Info, given: Input, use_case: UseCase[Command], command: Command) -> Result:
    """Carry out a use case that may refuse a part of its command, and return its result. Raises Refused."""
    call = MutationCall(
        principal=info.context.viewer,
        mutation=info.field_name,
        idempotency_key=given.idempotency_key,
        reason=next((reason for name in REASONS if (reason := getattr(given, name, None))), None),
        address=info.context.address,
    )
    result = await use_cases.perform(info.context.runtime, call, use_case, command)
    info.context.invalidate()
    return result


async def changed(info: Info, name: str, id_: str) -> Any:
    """Return an object that was changed, as it is now. Raises Refused when the viewer may not see it (any more)."""
    found = await find(info, name, id_)
    if found is None:
        raise not_found(name.lower(), id_)
    return found
