"""Access: roles, grants and the one function that allows. Everything without a grant is denied."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core.roles import Role

PERMITS: Mapping[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.DEPLOYER: frozenset({Role.VIEWER, Role.DEPLOYER}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.APPROVER}),
    Role.ADMIN: frozenset(Role),
}
"""The roles whose actions a role permits. No single grant lets a person both start and approve."""


class ActorKind(StrEnum):
    """People and programs."""

    USER = "USER"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one environment, one application, one of both, or (None and None) everything."""

    role: Role
    environment_id: str | None = None
    application_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or a service account; only a person has an `email`."""

    id: str
    kind: ActorKind
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as it may be shown. Its secret is stored as a hash; people recognise it by `prefix`.

    `made_by` is the token that created it, with which it ends; None for the first token and for old ones.
    """

    id: str
    actor_id: str
    name: str
    prefix: str
    scopes: tuple[Role, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    made_by: str | None = None

    def ended(self, now: datetime) -> bool:
        """Return whether the token is revoked or expired."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)


def grants_allow(
    grants: Iterable[Grant], role: Role, *, environment_id: str | None = None, application_ids: Collection[str] = ()
) -> bool:
    """Tell whether grants allow what `role` permits on an environment and all of the applications.

    An object with neither, such as an account or a new application, needs a grant on everything.
    """
    matching = [grant for grant in grants if role in PERMITS[grant.role]]
    ids: Iterable[str | None] = application_ids or (None,)
    return all(
        any(
            grant.environment_id in (None, environment_id) and grant.application_id in (None, application_id)
            for grant in matching
        )
        for application_id in ids
    )


class AccessTarget(Protocol):
    """An object of one environment and some applications, such as a deployment or an approval."""

    @property
    def environment_id(self) -> str:
        """The environment."""

    @property
    def application_ids(self) -> Collection[str]:
        """All its applications."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The authenticated caller: an actor, their grants, and the scopes of their token."""

    actor: Actor
    grants: tuple[Grant, ...]
    scopes: tuple[Role, ...]
    token_id: str

    def allows(self, role: Role, *, environment_id: str | None = None, application_ids: Collection[str] = ()) -> bool:
        """Tell whether this principal may do what `role` permits to an object.

        A deployment belongs to its environment and to all of its applications: grants must cover each of them.
        """
        in_scope = any(role in PERMITS[scope] for scope in self.scopes)
        return in_scope and grants_allow(
            self.grants, role, environment_id=environment_id, application_ids=application_ids
        )

    def allows_on(self, role: Role, target: AccessTarget) -> bool:
        """Tell whether this principal may do what `role` permits to a deployment, or to an approval of one."""
        return self.allows(role, environment_id=target.environment_id, application_ids=target.application_ids)

    def without_token(self) -> "Principal":
        """Return this principal without its token, so that all tokens of an actor with equal scopes are equal."""
        return replace(self, token_id="")

    def anonymous(self) -> "Principal":
        """Return an anonymous principal with the same access, for results that depend on nothing else."""
        return replace(self, token_id="", actor=ANONYMOUS)

    def allows_somewhere(self, role: Role, application_id: str | None = None) -> bool:
        """Tell whether what `role` permits is allowed in any environment, for one application or for any.

        Everybody who may view anything may read the names of applications, environments and versions.
        """
        return any(role in PERMITS[scope] for scope in self.scopes) and any(
            role in PERMITS[grant.role] and (application_id is None or grant.application_id in (None, application_id))
            for grant in self.grants
        )


ANONYMOUS = Actor(id="", kind=ActorKind.SERVICE_ACCOUNT, name="")
"""The actor of an execution that many callers share."""


def scopes_beyond(principal: Principal, scopes: Iterable[Role]) -> tuple[Role, ...]:
    """Return the scopes that a new token must not have because its creator's own token lacks them.

    Otherwise a token with narrow scopes could create a wider one.
    """
    permitted = frozenset[Role]().union(*(PERMITS[scope] for scope in principal.scopes))
    return tuple(scope for scope in scopes if not PERMITS[scope] <= permitted)
