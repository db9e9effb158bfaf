"""Use cases of people, programs, tokens and grants; and telling who comes with a token.

A token is `bor_` and 43 random characters (256 bits). Only its SHA-256 is stored: with that much chance in it a slow
hash would add nothing, and a request is checked with one look at an index.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.core.access import Actor, ActorKind, ApiToken, Grant, Principal, token_faults
from app.core.audit import AuditContext, plain
from app.core.errors import Forbidden, InvalidInput, NotFound, Refused, WrongState, name_taken, not_found
from app.core.ids import Kind
from app.core.roles import Role
from app.core.validation import checks
from app.services import audit
from app.services.runtime import Runtime
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import access as store
from app.store import applications as application_store
from app.store import environments as environment_store
from app.store.access import NewToken
from app.store.database import take_turns
from app.store.unit_of_work import Unit, unit

TOKEN_BYTES = 32
PREFIX_LENGTH = 10
ADMIN_NAME, OWN_NAME = "admin", "Boreas"
FIRST, FIRST_REASON = "start", "a first token was given to begin with"
"""What the audit log keeps of an act that was no mutation."""
TOKENS = "tokens"
"""The turn of whoever makes or revokes tokens: nothing is made with a token while it is revoked."""


def hash_secret(secret: str) -> str:
    """Return what is stored of a token's secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


async def authenticate(runtime: Runtime, secret: str) -> Principal | None:
    """Return who comes with a token; None when it is unknown, expired or revoked."""
    return await store.principal(hash_secret(secret), runtime.clock.now())


async def authenticate_all(runtime: Runtime, secrets: Sequence[str]) -> dict[str, Principal]:
    """Return who comes with each of some tokens; those that are unknown, expired or revoked are left out."""
    hashes = {hash_secret(secret): secret for secret in secrets}
    found = await store.principals(list(hashes), runtime.clock.now())
    return {hashes[hash_]: principal for hash_, principal in found.items()}


async def create_service_account(case: UseCaseContext, name: str) -> Result:
    """Create a service account without any grant. For ADMIN."""
    case.require(Role.ADMIN)
    refuse_if(checks.title(name, 100, "name"))
    await take_turns("names of actors")
    if await store.actor_by_name(name):
        raise name_taken(f"There is somebody named “{name}” already. Use another name.")
    account = Actor(id=case.work.new_id(Kind.SERVICE_ACCOUNT), kind=ActorKind.SERVICE_ACCOUNT, name=name)
    await store.insert_actor(account, case.work.now)
    case.changed(account.id, None, account)
    return Result((account.id,))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token to make, for a service account or (None) for the caller. `secret` is what it shall be."""

    name: str
    service_account_id: str | None
    scopes: tuple[Role, ...]
    expires_at: datetime | None
    secret: str = field(repr=False, compare=False)


def new_secret(runtime: Runtime) -> str:
    """Return the secret of a new token."""
    return "bor_" + base64.urlsafe_b64encode(runtime.chance.noise(TOKEN_BYTES)).decode().rstrip("=")


async def create_token(case: UseCaseContext, request: TokenRequest) -> Result:
    """Make a token. For oneself always, within the scopes one came with; for a service account it takes ADMIN.

    It ends with the token that its maker came with: no later, and as soon as that is revoked. Else who found a token
    that ends soon could keep what it opens for ever.
    """
    owner = request.service_account_id or case.principal.actor.id
    if request.service_account_id is not None:
        case.require(Role.ADMIN)
        account = (await store.actors_by_ids([owner])).get(owner)
        if account is None or account.kind is not ActorKind.SERVICE_ACCOUNT:
            raise not_found("service account", owner, ("serviceAccountId",))
    refuse_if(checks.title(request.name, 100, "name"))
    refuse_if(checks.listed(request.scopes, "scopes"))
    if not request.scopes:
        raise Refused(InvalidInput(message="Name at least one scope.", path=("scopes",)))
    await take_turns(TOKENS)
    maker = (await store.tokens_by_ids([case.principal.token_id])).get(case.principal.token_id)
    if maker is None or maker.ended(case.work.now):
        raise Refused(Forbidden(message="Your token is not valid any more. Sign in with another one."))
    if request.expires_at is not None and request.expires_at <= case.work.now:
        raise Refused(InvalidInput(message="It is past.", path=("expiresAt",)))
    if maker.expires_at is not None and request.expires_at is not None and request.expires_at > maker.expires_at:
        message = (
            f"The token you came with ends at {plain(maker.expires_at)}, and what it makes ends no later. Leave "
            "expiresAt out, or come with a token that lasts longer."
        )
        raise Refused(InvalidInput(message=message, path=("expiresAt",)))
    wider = token_faults(case.principal, request.scopes)
    if wider:
        message = f"The token you came with has not the scope {', '.join(wider)}; a token can not make a wider one."
        raise Refused(Forbidden(message=message, required=wider[0], path=("scopes",)))
    until = request.expires_at or maker.expires_at
    token = _token(case.work, owner, replace(request, expires_at=until), made_by=maker.id)
    await store.insert_token(NewToken(token, hash_secret(request.secret)))
    case.changed(token.id, None, token)
    return Result((token.id,))


def _token(work: Unit, owner: str, request: TokenRequest, *, made_by: str | None = None) -> ApiToken:
    return ApiToken(
        id=work.new_id(Kind.API_TOKEN),
        actor_id=owner,
        name=request.name,
        prefix=request.secret[:PREFIX_LENGTH],
        scopes=tuple(dict.fromkeys(request.scopes)),
        created_at=work.now,
        expires_at=request.expires_at,
        last_used_at=None,
        revoked_at=None,
        made_by=made_by,
    )


async def revoke_token(case: UseCaseContext, id_: str) -> Result:
    """Revoke a token, and whatever was made with it: one's own always, others' as ADMIN.

    Returns its id, and those of the others. Revoking again changes nothing.
    """
    await take_turns(TOKENS)
    token = (await store.tokens_by_ids([id_])).get(id_)
    if token is None or token.actor_id != case.principal.actor.id:
        case.require(Role.ADMIN)
    if token is None:
        raise not_found("token", id_, ("id",))
    return Result((id_, *(made for made in await _revoke(case, [id_]) if made != id_)))


async def revoke_all_tokens(case: UseCaseContext, actor_id: str) -> Result:
    """Revoke every token of an actor, and whatever was made with them: one's own always, others' as ADMIN.

    Returns the ids of those that were good until now. The actor keeps its grants.
    """
    await take_turns(TOKENS)
    if actor_id != case.principal.actor.id:
        case.require(Role.ADMIN)
    actor = (await store.actors_by_ids([actor_id])).get(actor_id)
    if actor is None:
        raise not_found("actor", actor_id, ("id",))
    case.changed(actor_id, actor, actor)
    theirs = (await store.tokens_of([actor_id]))[actor_id]
    return Result(await _revoke(case, [token.id for token in theirs], only_good=True))


async def _revoke(case: UseCaseContext, ids: Sequence[str], *, only_good: bool = False) -> tuple[str, ...]:
    """Revoke tokens with all that was made with them, and return the ids; `only_good`: of those that were good."""
    found = await store.descendants(ids)
    await store.revoke_tokens([token.id for token in found], case.work.now)
    for token in found:
        case.changed(token.id, token, replace(token, revoked_at=token.revoked_at or case.work.now))
    return tuple(token.id for token in found if not (only_good and token.ended(case.work.now)))


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A grant to give or to take away."""

    actor_id: str
    grant: Grant


async def grant_role(case: UseCaseContext, request: GrantRequest) -> Result:
    """Give an actor a role. For ADMIN on everything. Giving it again changes nothing."""
    before = await _checked(case, request)
    await store.add_grant(request.actor_id, request.grant, case.work.now)
    case.changed(request.actor_id, before, await _granted(request.actor_id))
    return Result((request.actor_id,))


async def revoke_role(case: UseCaseContext, request: GrantRequest) -> Result:
    """Take a role away. For ADMIN on everything. The last ADMIN of everything stays: else nobody could undo it."""
    before = await _checked(case, request)
    if request.grant == Grant(Role.ADMIN) and not await store.other_admins(request.actor_id):
        message = "This is the last ADMIN of everything. Grant ADMIN to somebody else first."
        raise Refused(WrongState(message=message, status="LAST_ADMIN", path=("role",)))
    if not await store.remove_grant(request.actor_id, request.grant):
        raise Refused(
            NotFound(
                message="The actor does not have this grant; nothing changed.", id=request.actor_id, path=("role",)
            )
        )
    case.changed(request.actor_id, before, await _granted(request.actor_id))
    return Result((request.actor_id,))


async def _granted(actor_id: str) -> dict[str, object]:
    return {"grants": (await store.grants_of([actor_id]))[actor_id]}


async def _checked(case: UseCaseContext, request: GrantRequest) -> dict[str, object]:
    """Return what the actor holds, once all that the request names is there. Raises Refused."""
    case.require(Role.ADMIN)
    await take_turns("grants")
    grant = request.grant
    if not await store.actors_by_ids([request.actor_id]):
        raise not_found("actor", request.actor_id, ("actorId",))
    if grant.environment_id is not None and not await environment_store.by_ids([grant.environment_id]):
        raise not_found("environment", grant.environment_id, ("environmentId",))
    if grant.application_id is not None and not await application_store.by_ids([grant.application_id]):
        raise not_found("application", grant.application_id, ("applicationId",))
    return await _granted(request.actor_id)


async def ensure_admin(runtime: Runtime, secret: str) -> None:
    """Make sure that `secret` is a token of the first person; safe to call again.

    That one is ADMIN of everything when made, and has later what people have left it. What is done here is kept in the
    audit log as an act of Boreas itself.
    """
    async with unit(runtime) as work:
        admin = await store.actor_by_name(ADMIN_NAME)
        if admin is None:
            admin = Actor(id=work.new_id(Kind.USER), kind=ActorKind.USER, name=ADMIN_NAME)
            await store.insert_actor(admin, work.now)
            await store.add_grant(admin.id, Grant(Role.ADMIN), work.now)
            work.note(admin.id, None, {"name": admin.name, **await _granted(admin.id)})
        if await store.token_id_by_hash(hash_secret(secret)) is None:
            request = TokenRequest(
                name="first token", service_account_id=None, scopes=(Role.ADMIN,), expires_at=None, secret=secret
            )
            token = _token(work, admin.id, request)
            await store.insert_token(NewToken(token, hash_secret(secret)))
            work.note(token.id, None, token)
        if work.changes:
            await audit.keep(
                AuditContext(actor_id=await _boreas(work), action=FIRST, reason=FIRST_REASON, address=None), work
            )


async def _boreas(work: Unit) -> str:
    """Return the id of the account in whose name Boreas itself acts. It has no token and no grant."""
    found = await store.actor_by_name(OWN_NAME)
    if found is None:
        found = Actor(id=work.new_id(Kind.SERVICE_ACCOUNT), kind=ActorKind.SERVICE_ACCOUNT, name=OWN_NAME)
        await store.insert_actor(found, work.now)
    return found.id
