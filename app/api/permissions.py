"""Who may call a root field: declared at the field, checked before its resolver, walked by a test.

A guard asks for a role on anything at all; the use case behind it then asks for the role on the very objects that it
touches. Fields of objects need no guard of their own: objects come from loaders, which show only what may be seen.
"""

import logging
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver

from app.api.context import Context
from app.api.errors import user_errors
from app.api.inputs import storable
from app.core.errors import Refused
from app.core.roles import Role
from app.services.use_cases import forbidden, refuse_if

logger = logging.getLogger(__name__)


class Guard(FieldExtension):
    """Refuses a query or subscription to those who hold the role nowhere."""

    def __init__(self, role: Role | None) -> None:
        self.role = role

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Check, then resolve; the generator of a subscription is not awaited. Raises Refused."""
        require_role(info.context, self.role)
        if kwargs:
            refuse_if(storable.problems(kwargs))
        resolved = next_(source, info, **kwargs)
        return await resolved if isawaitable(resolved) else resolved


class MutationGuard(FieldExtension):
    """Guards a mutation, and turns refusals into the errors of its payload."""

    def __init__(self, role: Role | None, payload: Callable[..., Any]) -> None:
        self.role = role
        self._payload = payload

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Check, then resolve; answer with a payload either way. Raises Refused to those who are nobody any more."""
        asking = info.context.viewer
        try:
            require_role(info.context, self.role)
            return await next_(source, info, **kwargs)
        except Refused as refused:
            return self._payload(errors=user_errors(refused))
        except Exception as error:
            problems = list(storable.problems(kwargs))
            if not problems:
                raise
            logger.info("%s sent what no database can hold: %s", asking.actor.id, type(error).__name__)
            return self._payload(errors=user_errors(Refused(*problems)))


def require_role(context: Context, role: Role | None) -> None:
    """Refuse those who hold the role nowhere; None admits everybody with a valid token. Raises Refused."""
    if role is not None and not context.viewer.allows_somewhere(role):
        raise forbidden(role)
