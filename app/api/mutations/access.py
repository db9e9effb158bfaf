"""Root fields that change service accounts, tokens and grants."""

from collections.abc import Sequence

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.access import CreateApiTokenInput, CreateServiceAccountInput, GrantInput
from app.api.inputs.common import ByIdInput
from app.api.mutations.run import perform
from app.api.permissions import MutationGuard
from app.api.types.access import Actor, ApiToken, ServiceAccount, find_token, load_actor
from app.core.roles import Role
from app.core.texts import normalized
from app.services import access
from app.services.access import TokenRequest


@strawberry.type(description="The new service account, or the errors.")
class ServiceAccountPayload:
    service_account: ServiceAccount | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The new token and its secret, or the errors.")
class CreateApiTokenPayload:
    token: ApiToken | None = None
    secret: str | None = strawberry.field(
        default=None,
        description="The secret of the token. It is shown only in this response. Null if the idempotency "
        "key was used before.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The revoked token, or the errors.")
class ApiTokenPayload:
    token: ApiToken | None = None
    also_revoked: list[ApiToken] = strawberry.field(
        default_factory=list,
        description="The tokens that were created with the revoked token, directly or indirectly. "
        "They are revoked too.",
    )
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The tokens that were revoked, or the errors.")
class ApiTokensPayload:
    tokens: list[ApiToken] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type(description="The person or service account, or the errors.")
class ActorPayload:
    actor: Actor | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


async def _tokens(info: Info, ids: Sequence[str]) -> list[ApiToken]:
    """Return the tokens that the viewer may see."""
    return [token for id_ in ids if (token := await find_token(info, id_))]


@strawberry.type
class AccessMutations:
    @strawberry.mutation(
        description="Create a service account without any grants. For ADMIN on everything.",
        extensions=[MutationGuard(Role.ADMIN, ServiceAccountPayload)],
    )
    async def create_service_account(self, info: Info, input: CreateServiceAccountInput) -> ServiceAccountPayload:
        (id_,) = await perform(info, input, access.create_service_account, normalized(input.name))
        account = await load_actor(info, id_)
        return ServiceAccountPayload(service_account=account if isinstance(account, ServiceAccount) else None)

    @strawberry.mutation(
        description="Create a token. For everybody, for themselves and within the scopes of their token. A token for "
        "a service account takes ADMIN on everything.",
        extensions=[MutationGuard(None, CreateApiTokenPayload)],
    )
    async def create_api_token(self, info: Info, input: CreateApiTokenInput) -> CreateApiTokenPayload:
        secret = access.new_secret(info.context.runtime)
        request = TokenRequest(
            name=normalized(input.name),
            service_account_id=input.service_account_id,
            scopes=tuple(input.scopes),
            expires_at=input.expires_at,
            secret=secret,
        )
        (id_,) = await perform(info, input, access.create_token, request)
        token = await find_token(info, id_)
        return CreateApiTokenPayload(token=token, secret=secret if token and secret.startswith(token.prefix) else None)

    @strawberry.mutation(
        description="Revoke a token, and all tokens that were created with it. For its owner, and for ADMIN on "
        "everything.",
        extensions=[MutationGuard(None, ApiTokenPayload)],
    )
    async def revoke_api_token(self, info: Info, input: ByIdInput) -> ApiTokenPayload:
        id_, *descendant_ids = await perform(info, input, access.revoke_token, str(input.id))
        return ApiTokenPayload(token=await find_token(info, id_), also_revoked=await _tokens(info, descendant_ids))

    @strawberry.mutation(
        description="Revoke all tokens of a person or service account, and all tokens that were created with them. "
        "Grants are kept. For the owner, and for ADMIN on everything.",
        extensions=[MutationGuard(None, ApiTokensPayload)],
    )
    async def revoke_api_tokens(self, info: Info, input: ByIdInput) -> ApiTokensPayload:
        ids = await perform(info, input, access.revoke_all_tokens, str(input.id))
        return ApiTokensPayload(tokens=await _tokens(info, ids))

    @strawberry.mutation(
        description="Grant a role to a person or service account. For ADMIN on everything.",
        extensions=[MutationGuard(Role.ADMIN, ActorPayload)],
    )
    async def grant_role(self, info: Info, input: GrantInput) -> ActorPayload:
        (id_,) = await perform(info, input, access.grant_role, input.request())
        return ActorPayload(actor=await load_actor(info, id_))

    @strawberry.mutation(
        description="Revoke a role from a person or service account. For ADMIN on everything.",
        extensions=[MutationGuard(Role.ADMIN, ActorPayload)],
    )
    async def revoke_role(self, info: Info, input: GrantInput) -> ActorPayload:
        (id_,) = await perform(info, input, access.revoke_role, input.request())
        return ActorPayload(actor=await load_actor(info, id_))
