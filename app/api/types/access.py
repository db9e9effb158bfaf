"""People, service accounts, tokens and grants."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.documents.measure import DEPENDS_ON_ACTOR
from app.api.scalars import Cursor
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import TOKENS
from app.api.types.references import find
from app.core import access as core
from app.core.roles import Role
from app.services.use_cases import forbidden

if TYPE_CHECKING:
    from app.api.types.applications import Application
    from app.api.types.environments import Environment


@strawberry.interface(description="A person or a service account.")
class Actor(Node):
    name: str


@strawberry.type(description="A role on an environment, an application, or both. Null means all of them.")
class Grant:
    value: strawberry.Private[core.Grant]
    role: Role

    @strawberry.field
    async def environment(
        self, info: Info
    ) -> Annotated["Environment", strawberry.lazy("app.api.types.environments")] | None:
        return await find(info, "Environment", self.value.environment_id)

    @strawberry.field
    async def application(
        self, info: Info
    ) -> Annotated["Application", strawberry.lazy("app.api.types.applications")] | None:
        return await find(info, "Application", self.value.application_id)


def _require_self_or_admin(info: Info, actor_id: str) -> None:
    viewer = info.context.viewer
    if viewer.actor.id != actor_id and not viewer.allows(Role.ADMIN):
        raise forbidden(Role.ADMIN)


async def _tokens(info: Info, actor_id: str) -> list["ApiToken"]:
    _require_self_or_admin(info, actor_id)
    return [ApiToken.of(token) for token in await info.context.loaders.tokens_of.load(actor_id)]


async def _token_page(info: Info, actor_id: str, arguments: PageArguments) -> Connection["ApiToken"]:
    _require_self_or_admin(info, actor_id)
    return await TOKENS.page(info, actor_id, ApiToken.of, arguments)


async def _grants(info: Info, actor_id: str) -> list[Grant]:
    _require_self_or_admin(info, actor_id)
    return [Grant(value=grant, role=grant.role) for grant in await info.context.loaders.grants_of.load(actor_id)]


@strawberry.type(description="A bearer token. Its secret is shown only once, when the token is created.")
class ApiToken(Node):
    name: str
    prefix: str = strawberry.field(description="The first characters of the secret, to recognise it.")
    scopes: list[Role] = strawberry.field(description="The roles that the token may use, within its owner's grants.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = strawberry.field(
        description="When the token was last used, to the minute. Null if it was never used."
    )
    revoked_at: datetime | None
    creator_token_id: strawberry.Private[str | None]

    @strawberry.field(
        description="The token that created this one. If it is revoked, this one is too. Null if there is none, or "
        "you may not see it.",
        metadata=DEPENDS_ON_ACTOR,
    )
    async def made_by(self, info: Info) -> "ApiToken | None":
        return await find_token(info, self.creator_token_id) if self.creator_token_id else None

    @classmethod
    def of(cls, token: core.ApiToken) -> "ApiToken":
        return cls(
            id=strawberry.ID(token.id),
            name=token.name,
            prefix=token.prefix,
            scopes=list(token.scopes),
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
            creator_token_id=token.made_by,
        )


@strawberry.type(description="A person.")
class User(Actor):
    name: str
    value: strawberry.Private[core.Actor]

    @strawberry.field(description="The email address. For the person, and for ADMIN.", metadata=DEPENDS_ON_ACTOR)
    async def email(self, info: Info) -> str | None:
        _require_self_or_admin(info, self.id)
        return self.value.email

    @strawberry.field(description="The grants of the person. For the person, and for ADMIN.", metadata=DEPENDS_ON_ACTOR)
    async def grants(self, info: Info) -> list[Grant]:
        return await _grants(info, self.id)

    @strawberry.field(
        description="The personal tokens, newest first. For the person, and for ADMIN.",
        metadata=DEPENDS_ON_ACTOR,
        deprecation_reason="It grows for ever: use tokensConnection.",
    )
    async def tokens(self, info: Info) -> list[ApiToken]:
        return await _tokens(info, self.id)

    @strawberry.field(
        description="The personal tokens, newest first. For the person, and for ADMIN.", metadata=DEPENDS_ON_ACTOR
    )
    async def tokens_connection(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[ApiToken]:
        return await _token_page(info, self.id, PageArguments(first, after, last, before))


@strawberry.type(description="A program that uses tokens.")
class ServiceAccount(Actor):
    name: str

    @strawberry.field(
        description="The grants of the service account. For the service account, and for ADMIN.",
        metadata=DEPENDS_ON_ACTOR,
    )
    async def grants(self, info: Info) -> list[Grant]:
        return await _grants(info, self.id)

    @strawberry.field(
        description="The tokens of the service account, newest first. For the service account, and for ADMIN.",
        metadata=DEPENDS_ON_ACTOR,
        deprecation_reason="It grows for ever: use tokensConnection.",
    )
    async def tokens(self, info: Info) -> list[ApiToken]:
        return await _tokens(info, self.id)

    @strawberry.field(
        description="The tokens of the service account, newest first. For the service account, and for ADMIN.",
        metadata=DEPENDS_ON_ACTOR,
    )
    async def tokens_connection(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[ApiToken]:
        return await _token_page(info, self.id, PageArguments(first, after, last, before))


def actor_of(actor: core.Actor) -> User | ServiceAccount:
    """Return an actor as clients see them."""
    if actor.kind is core.ActorKind.USER:
        return User(id=strawberry.ID(actor.id), name=actor.name, value=actor)
    return ServiceAccount(id=strawberry.ID(actor.id), name=actor.name)


async def load_actor(info: Info, id_: str) -> Actor:
    """Load an actor that must exist. Raises LookupError."""
    actor = await info.context.loaders.actor.load(id_)
    if actor is None:
        raise LookupError(f"actor {id_} does not exist, but another object refers to it")
    return actor_of(actor)


async def find_token(info: Info, id_: str) -> ApiToken | None:
    """Load a token, None if it is neither the viewer's nor the viewer is ADMIN."""
    token = await info.context.loaders.token.load(id_)
    if token is None or (token.actor_id != info.context.viewer.actor.id and not info.context.viewer.allows(Role.ADMIN)):
        return None
    return ApiToken.of(token)
