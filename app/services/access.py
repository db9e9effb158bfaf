"""Use cases of actors, tokens and grants; authentication of a bearer token.

A token is `bor_` and 43 random characters (256 bits). Only its SHA-256 is stored: with 256 random bits a slow hash adds
no security, and one index lookup authenticates a request.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core.access import Actor, ActorKind, ApiToken, Grant, Principal, scopes_beyond
from app.core.audit import AuditContext, to_json
from app.core.errors import Forbidden, InvalidInput, NotFound, Refused, WrongState, name_taken, not_found
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.validation import checks
from app.services import audit
from app.services.runtime import Runtime
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import access as store
from app.store import applications as application_store
from app.store import environments as environment_store
from app.store.access import NewToken
from app.store.database import lock_name
from app.store.unit_of_work import Unit, unit

TOKEN_BYTES = 32
PREFIX_LENGTH = 10
ADMIN_NAME, SYSTEM_NAME = "admin", "Boreas"
FIRST_TOKEN_ACTION, FIRST_TOKEN_REASON = "start", "a first token was given to begin with"
"""Action and reason in the audit log of what `ensure_admin` does; no mutation does it."""
TOKENS_LOCK = "tokens"
"""Locked while tokens are made or revoked, so that no token is made with one that is being revoked."""
ACTOR_NAMES_LOCK, GRANTS_LOCK = "names of actors", "grants"


def hash_secret(secret: str) -> str:
    """Return what is stored of a token's secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


async def authenticate(runtime: Runtime, secret: str) -> Principal | None:
    """Return the principal of a token; None if the token is unknown, expired or revoked."""
    return await store.principal(hash_secret(secret), runtime.clock.now())


async def authenticate_all(runtime: Runtime, secrets: Sequence[str]) -> dict[str, Principal]:
    """Return the principals of tokens, by secret, without tokens that are unknown, expired or revoked."""
    secrets_by_hash = {hash_secret(secret): secret for secret in secrets}
    principals = await store.principals(list(secrets_by_hash), runtime.clock.now())
    return {secrets_by_hash[hash_]: principal for hash_, principal in principals.items()}


async def create_service_account(context: UseCaseContext, name: str) -> Result:
    """Create a service account without grants. For ADMIN."""
    context.require(Role.ADMIN)
    refuse_if(checks.display_name(name, 100, "name"))
    await lock_name(ACTOR_NAMES_LOCK)
    if await store.actor_by_name(name):
        raise name_taken(f"The name “{name}” is taken by another person or service account. Use another name.")
    account = Actor(id=context.unit.new_id(IdKind.SERVICE_ACCOUNT), kind=ActorKind.SERVICE_ACCOUNT, name=name)
    await store.insert_actor(account, context.unit.now)
    context.record_change(account.id, None, account)
    return Result((account.id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token to make with the given `secret`, for a service account or (None) for the caller."""

    name: str
    service_account_id: str | None
    scopes: tuple[Role, ...]
    expires_at: datetime | None
    secret: str = field(repr=False, compare=False)


def new_secret(runtime: Runtime) -> str:
    """Return the secret of a new token."""
    return "bor_" + base64.urlsafe_b64encode(runtime.chance.random_bytes(TOKEN_BYTES)).decode().rstrip("=")


async def create_token(context: UseCaseContext, request: TokenRequest) -> Result:
    """Make a token within the scopes of the caller's token.

    For the caller always; for a service account as ADMIN. The new token expires no later than the caller's, and is
    revoked with it. Otherwise a stolen token that expires soon could be turned into one that lasts.
    """
    owner_id = await _token_owner(context, request)
    refuse_if(checks.display_name(request.name, 100, "name"))
    refuse_if(checks.list_size(request.scopes, "scopes"))
    if not request.scopes:
        raise Refused(InvalidInput(message="Name at least one scope.", path=("scopes",)))
    await lock_name(TOKENS_LOCK)
    parent = (await store.tokens_by_ids([context.principal.token_id])).get(context.principal.token_id)
    if parent is None or parent.ended(context.unit.now):
        raise Refused(Forbidden(message="Your token has expired or was revoked. Sign in with another token."))
    _check_expiry(request.expires_at, parent, context.unit.now)
    missing_scopes = scopes_beyond(context.principal, request.scopes)
    if missing_scopes:
        message = (
            f"Your token does not have the scope {', '.join(missing_scopes)}, and a token cannot make a wider one. "
            "Leave the scope out, or use a token that has it."
        )
        raise Refused(Forbidden(message=message, required=missing_scopes[0], path=("scopes",)))
    request = replace(request, expires_at=request.expires_at or parent.expires_at)
    token = _token(context.unit, owner_id, request, made_by=parent.id)
    await store.insert_token(NewToken(token, hash_secret(request.secret)))
    context.record_change(token.id, None, token)
    return Result((token.id,))


async def _token_owner(context: UseCaseContext, request: TokenRequest) -> str:
    """Return the id of the actor for whom a token is made. Raises Refused."""
    if request.service_account_id is None:
        return context.principal.actor.id
    context.require(Role.ADMIN)
    id_ = request.service_account_id
    account = (await store.actors_by_ids([id_])).get(id_)
    if account is None or account.kind is not ActorKind.SERVICE_ACCOUNT:
        raise not_found("service account", id_, ("serviceAccountId",))
    return id_


def _check_expiry(expires_at: datetime | None, parent: ApiToken, now: datetime) -> None:
    """Check when a new token expires against the clock and the token that makes it. Raises Refused."""
    if expires_at is not None and expires_at <= now:
        message = "This time is in the past. Give a time in the future, or leave expiresAt out."
        raise Refused(InvalidInput(message=message, path=("expiresAt",)))
    if parent.expires_at is not None and expires_at is not None and expires_at > parent.expires_at:
        message = (
            f"Your token expires at {to_json(parent.expires_at)}, and a token that it makes cannot expire later. Leave "
            "expiresAt out, or use a token that lasts longer."
        )
        raise Refused(InvalidInput(message=message, path=("expiresAt",)))


def _token(work: Unit, owner_id: str, request: TokenRequest, *, made_by: str | None = None) -> ApiToken:
    return ApiToken(
        id=work.new_id(IdKind.API_TOKEN),
        actor_id=owner_id,
        name=request.name,
        prefix=request.secret[:PREFIX_LENGTH],
        scopes=tuple(dict.fromkeys(request.scopes)),
        created_at=work.now,
        expires_at=request.expires_at,
        last_used_at=None,
        revoked_at=None,
        made_by=made_by,
    )


async def revoke_token(context: UseCaseContext, id_: str) -> Result:
    """Revoke a token and all tokens that were made with it: one's own always, those of others as ADMIN.

    Returns its id first, then the others. Revoking again changes nothing.
    """
    await lock_name(TOKENS_LOCK)
    token = (await store.tokens_by_ids([id_])).get(id_)
    if token is None or token.actor_id != context.principal.actor.id:
        context.require(Role.ADMIN)
    if token is None:
        raise not_found("token", id_, ("id",))
    revoked = await _revoke(context, [id_])
    return Result((id_, *(token.id for token in revoked if token.id != id_)))


async def revoke_all_tokens(context: UseCaseContext, actor_id: str) -> Result:
    """Revoke all tokens of an actor and all tokens that were made with them.

    One's own always, those of others as ADMIN. Returns the ids of the tokens that were valid until now. The actor keeps
    its grants.
    """
    await lock_name(TOKENS_LOCK)
    if actor_id != context.principal.actor.id:
        context.require(Role.ADMIN)
    actor = (await store.actors_by_ids([actor_id])).get(actor_id)
    if actor is None:
        raise not_found("actor", actor_id, ("id",))
    context.record_change(actor_id, actor, actor)
    tokens = (await store.tokens_of([actor_id]))[actor_id]
    revoked = await _revoke(context, [token.id for token in tokens])
    return Result(tuple(token.id for token in revoked if not token.ended(context.unit.now)))


async def _revoke(context: UseCaseContext, ids: Sequence[str]) -> list[ApiToken]:
    """Revoke tokens and all that were made with them. Return all of these as they were before."""
    tokens = await store.descendants(ids)
    await store.revoke_tokens([token.id for token in tokens], context.unit.now)
    for token in tokens:
        context.record_change(token.id, token, replace(token, revoked_at=token.revoked_at or context.unit.now))
    return tokens


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A grant to give to an actor or to take away."""

    actor_id: str
    grant: Grant


async def grant_role(context: UseCaseContext, request: GrantRequest) -> Result:
    """Give an actor a role. For ADMIN on everything. Giving it again changes nothing."""
    before = await _checked_grants(context, request)
    await store.add_grant(request.actor_id, request.grant, context.unit.now)
    context.record_change(request.actor_id, before, await _grants(request.actor_id))
    return Result((request.actor_id,))


async def revoke_role(context: UseCaseContext, request: GrantRequest) -> Result:
    """Take a role away. For ADMIN on everything.

    The last ADMIN on everything stays, so that one can undo this.
    """
    before = await _checked_grants(context, request)
    if request.grant == Grant(Role.ADMIN) and not await store.other_admins(request.actor_id):
        message = "This actor is the last one with ADMIN on everything. Grant ADMIN to another actor first."
        raise Refused(WrongState(message=message, status="LAST_ADMIN", path=("role",)))
    if not await store.remove_grant(request.actor_id, request.grant):
        message = "The actor does not have this grant; nothing changed."
        raise Refused(NotFound(message=message, id=request.actor_id, path=("role",)))
    context.record_change(request.actor_id, before, await _grants(request.actor_id))
    return Result((request.actor_id,))


async def _grants(actor_id: str) -> dict[str, object]:
    return {"grants": (await store.grants_of([actor_id]))[actor_id]}


async def _checked_grants(context: UseCaseContext, request: GrantRequest) -> dict[str, object]:
    """Check the caller and that everything that the request names exists. Return the actor's grants.

    Raises Refused.
    """
    context.require(Role.ADMIN)
    await lock_name(GRANTS_LOCK)
    grant = request.grant
    if not await store.actors_by_ids([request.actor_id]):
        raise not_found("actor", request.actor_id, ("actorId",))
    if grant.environment_id is not None and not await environment_store.by_ids([grant.environment_id]):
        raise not_found("environment", grant.environment_id, ("environmentId",))
    if grant.application_id is not None and not await application_store.by_ids([grant.application_id]):
        raise not_found("application", grant.application_id, ("applicationId",))
    return await _grants(request.actor_id)


async def ensure_admin(runtime: Runtime, secret: str) -> None:
    """Make sure that `secret` is a token of the actor named `admin`; safe to call again.

    The actor is created with ADMIN on everything; an existing one keeps its present grants. The audit log has this as
    an act of Boreas itself.
    """
    async with unit(runtime) as work:
        admin = await store.actor_by_name(ADMIN_NAME)
        if admin is None:
            admin = Actor(id=work.new_id(IdKind.USER), kind=ActorKind.USER, name=ADMIN_NAME)
            await store.insert_actor(admin, work.now)
            await store.add_grant(admin.id, Grant(Role.ADMIN), work.now)
            work.record_change(admin.id, None, {"name": admin.name, **await _grants(admin.id)})
        if await store.token_id_by_hash(hash_secret(secret)) is None:
            request = TokenRequest(
                name="first token", service_account_id=None, scopes=(Role.ADMIN,), expires_at=None, secret=secret
            )
            token = _token(work, admin.id, request)
            await store.insert_token(NewToken(token, hash_secret(secret)))
            work.record_change(token.id, None, token)
        if work.changes:
            await audit.store_entries(
                AuditContext(
                    actor_id=await _system_account_id(work),
                    action=FIRST_TOKEN_ACTION,
                    reason=FIRST_TOKEN_REASON,
                    address=None,
                ),
                work,
            )


async def _system_account_id(work: Unit) -> str:
    """Return the id of the account in whose name Boreas itself acts. It has no token and no grant."""
    account = await store.actor_by_name(SYSTEM_NAME)
    if account is None:
        account = Actor(id=work.new_id(IdKind.SERVICE_ACCOUNT), kind=ActorKind.SERVICE_ACCOUNT, name=SYSTEM_NAME)
        await store.insert_actor(account, work.now)
    return account.id
