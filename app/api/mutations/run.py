"""Runs the use case of a mutation.

Once per idempotency key, in one transaction, with fresh reads afterwards.
"""

from typing import Any, Protocol, TypeVar

from app.api.context import Info
from app.api.types.references import find
from app.core.errors import not_found
from app.services import use_cases
from app.services.use_cases import MutationCall, Result, UseCase

Command = TypeVar("Command")
REASONS = ("reason", "comment", "freeze_override_reason")
"""The input fields that hold the reason for a change."""


class Input(Protocol):
    """An input of a mutation. Its key makes two calls the same as one."""

    idempotency_key: str | None


async def perform(info: Info, input: Input, use_case: UseCase[Command], command: Command) -> list[str]:
    """Run a use case and return the ids of the objects that it changed. Raises Refused."""
    return list((await result_of(info, input, use_case, command)).ids)


async def result_of(info: Info, input: Input, use_case: UseCase[Command], command: Command) -> Result:
    """Run a use case that may refuse a part of its command, and return its result. Raises Refused."""
    call = MutationCall(
        principal=info.context.viewer,
        mutation=info.field_name,
        idempotency_key=input.idempotency_key,
        reason=next((reason for name in REASONS if (reason := getattr(input, name, None))), None),
        address=info.context.address,
    )
    result = await use_cases.perform(info.context.runtime, call, use_case, command)
    info.context.invalidate()
    return result


async def load_changed(info: Info, name: str, id_: str) -> Any:
    """Load an object that was changed. Raises Refused if the viewer may not see it, or no longer may."""
    changed = await find(info, name, id_)
    if changed is None:
        raise not_found(name.lower(), id_)
    return changed
