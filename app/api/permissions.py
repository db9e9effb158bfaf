"""Guards of root fields.

Each field declares the role that it needs, and a test checks that each has a guard.

A guard requires the role on any object at all. The use case then requires it on the objects that it changes. Fields of
other types need no guard: their objects come from loaders, which only load what the viewer may see.
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
    """Refuses a query or subscription to viewers who have the role on no object."""

    def __init__(self, role: Role | None) -> None:
        self.role = role

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Check the role, then resolve. A subscription returns its generator. Raises Refused."""
        require_role(info.context, self.role)
        if kwargs:
            refuse_if(storable.problems(kwargs))
        resolved = next_(source, info, **kwargs)
        return await resolved if isawaitable(resolved) else resolved


class MutationGuard(FieldExtension):
    """Refuses a mutation to viewers without the role anywhere; returns refusals in the payload."""

    def __init__(self, role: Role | None, payload: Callable[..., Any]) -> None:
        self.role = role
        self._payload = payload

    async def resolve_async(
        self, next_: AsyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Check the role, then resolve to a payload. Raises Refused if the viewer is no longer authenticated."""
        viewer = info.context.viewer
        try:
            require_role(info.context, self.role)
            return await next_(source, info, **kwargs)
        except Refused as refused:
            return self._payload(errors=user_errors(refused))
        except Exception as error:
            problems = list(storable.problems(kwargs))
            if not problems:
                raise
            logger.info("%s sent values that no database can hold: %s", viewer.actor.id, type(error).__name__)
            return self._payload(errors=user_errors(Refused(*problems)))


def require_role(context: Context, role: Role | None) -> None:
    """Refuse viewers who have the role on no object. None allows every valid token. Raises Refused."""
    if role is not None and not context.viewer.allows_somewhere(role):
        raise forbidden(role)
