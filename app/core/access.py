"""Who may do what: roles, grants, and the one function that says yes. Everything not granted is denied."""

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
"""What holding a role permits. Deploying and approving are apart, so that one grant never lets a person approve what
the same grant let them start."""


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
    """Somebody who acts. `email` is a person's."""

    id: str
    kind: ActorKind
    name: str
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as it may be shown: its secret is stored hashed, and `prefix` is what people recognise it by.

    `made_by` is the token that its maker came with, and with which it ends (None: it is older than this, or the first).
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
        """Return whether it is good no more."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)


def grants_allow(
    grants: Iterable[Grant], role: Role, *, environment_id: str | None = None, application_ids: Collection[str] = ()
) -> bool:
    """Tell whether grants allow what `role` permits on an environment and every one of the applications.

    An object with neither (accounts, a new application) takes a grant on everything.
    """
    fitting = [grant for grant in grants if role in PERMITS[grant.role]]
    wanted: Iterable[str | None] = application_ids or (None,)
    return all(
        any(
            grant.environment_id in (None, environment_id) and grant.application_id in (None, application_id)
            for grant in fitting
        )
        for application_id in wanted
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
    """Who asks: an actor, what was granted to them, and the scopes of the token they came with."""

    actor: Actor
    grants: tuple[Grant, ...]
    scopes: tuple[Role, ...]
    token_id: str

    def allows(self, role: Role, *, environment_id: str | None = None, application_ids: Collection[str] = ()) -> bool:
        """Tell whether this principal may do what `role` permits to an object.

        A deployment is of one environment and of every one of its applications: each must be covered.
        """
        scoped = any(role in PERMITS[scope] for scope in self.scopes)
        return scoped and grants_allow(
            self.grants, role, environment_id=environment_id, application_ids=application_ids
        )

    def allows_on(self, role: Role, target: AccessTarget) -> bool:
        """Tell whether this principal may do what `role` permits to a deployment, or to an approval of one."""
        return self.allows(role, environment_id=target.environment_id, application_ids=target.application_ids)

    def without_token(self) -> "Principal":
        """Return this principal, whichever of their tokens they came with."""
        return replace(self, token_id="")

    def as_anybody(self) -> "Principal":
        """Return anybody with the same access: who depends on more than that is told nothing."""
        return replace(self, token_id="", actor=NOBODY)

    def allows_somewhere(self, role: Role, application_id: str | None = None) -> bool:
        """Tell whether what `role` permits is allowed in any environment, for one application or for any.

        The catalogue (names of applications, environments and versions) is read by everybody who may view anything.
        """
        return any(role in PERMITS[scope] for scope in self.scopes) and any(
            role in PERMITS[grant.role] and (application_id is None or grant.application_id in (None, application_id))
            for grant in self.grants
        )


NOBODY = Actor(id="", kind=ActorKind.SERVICE_ACCOUNT, name="")
"""Who asks where it is all the same who does."""


def scopes_beyond(principal: Principal, scopes: Iterable[Role]) -> tuple[Role, ...]:
    """Return the scopes that a new token may not have: those that its maker's own token lacks.

    Without this, a token with narrow scopes could make itself a wide one.
    """
    held = frozenset[Role]().union(*(PERMITS[scope] for scope in principal.scopes))
    return tuple(scope for scope in scopes if not PERMITS[scope] <= held)
