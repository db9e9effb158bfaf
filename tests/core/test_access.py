"""Permissions of principals.

In: a person's grants, the scopes of their token, the required role, and the object.
Out: yes or no. Also: which scopes a new token may not have.
Tested: permissions of each role, objects of each grant, that all else is denied, and that narrowing never widens.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.access import PERMITS, Actor, ActorKind, Grant, Principal, scopes_beyond
from app.core.deployment import DeploymentApplication, DeploymentStatus
from app.core.roles import Role
from tests.core.support.build import deployment, property_of

VIEWER, DEPLOYER, APPROVER, ADMIN = Role
EVERY = tuple(Role)


def principal(*grants: Grant, scopes: tuple[Role, ...] = (ADMIN,)) -> Principal:
    actor = Actor(id="u", kind=ActorKind.USER, name="Ada")
    return Principal(actor=actor, grants=grants, scopes=scopes, token_id="t")


@pytest.mark.parametrize(
    ("granted_role", "permitted"),
    [
        (VIEWER, {VIEWER}),
        (DEPLOYER, {VIEWER, DEPLOYER}),
        (APPROVER, {VIEWER, APPROVER}),
        (ADMIN, {VIEWER, DEPLOYER, APPROVER, ADMIN}),
    ],
)
def test_permissions_of_each_role(granted_role: Role, permitted: set[Role]) -> None:
    assert PERMITS[granted_role] == permitted
    granted, scoped = principal(Grant(granted_role)), principal(Grant(ADMIN), scopes=(granted_role,))
    assert {role for role in Role if granted.allows(role)} == permitted
    assert {role for role in Role if scoped.allows(role)} == permitted


ALL, E1, A1 = Grant(DEPLOYER), Grant(DEPLOYER, "e1"), Grant(DEPLOYER, None, "a1")
E1A1, E1A2, E2A2 = Grant(DEPLOYER, "e1", "a1"), Grant(DEPLOYER, "e1", "a2"), Grant(DEPLOYER, "e2", "a2")


@pytest.mark.parametrize(
    ("grants", "environment", "applications", "allowed"),
    [
        ([], None, [], False),
        ([], "e1", ["a1"], False),
        ([ALL], None, [], True),
        ([ALL], "e1", [], True),
        ([ALL], "e1", ["a1", "a2"], True),
        ([ALL], None, ["a1"], True),
        ([E1], None, [], False),
        ([E1], "e1", [], True),
        ([E1], "e2", [], False),
        ([E1], "e1", ["a1", "a2"], True),
        ([E1], "e2", ["a1"], False),
        ([E1], None, ["a1"], False),
        ([A1], None, [], False),
        ([A1], "e1", [], False),
        ([A1], "e1", ["a1"], True),
        ([A1], "e2", ["a1"], True),
        ([A1], None, ["a1"], True),
        ([A1], "e1", ["a1", "a2"], False),
        ([E1A1], "e1", [], False),
        ([E1A1], "e1", ["a1"], True),
        ([E1A1], "e2", ["a1"], False),
        ([E1A1], "e1", ["a2"], False),
        ([E1A1, E1A2], "e1", ["a1", "a2"], True),
        ([E1A1, E2A2], "e1", ["a1", "a2"], False),
        ([A1, E1A2], "e1", ["a1", "a2"], True),
        ([A1, E1A2], "e2", ["a1", "a2"], False),
        ([E1A1, E1A2], "e1", [], False),
    ],
)
def test_each_application_in_its_environment_must_be_covered(
    grants: list[Grant], environment: str | None, applications: list[str], allowed: bool
) -> None:
    actor = principal(*grants)
    assert actor.allows(DEPLOYER, environment_id=environment, application_ids=applications) is allowed
    assert not actor.allows(APPROVER, environment_id=environment, application_ids=applications)


@pytest.mark.parametrize(
    ("grants", "allowed"),
    [
        ([], False),
        ([ALL], True),
        ([E1], True),
        ([A1], False),
        ([E1A1], False),
        ([A1, E1A2], True),
        ([E1A1, E2A2], False),
        ([Grant(VIEWER)], False),
    ],
)
def test_a_deployment_needs_the_right_on_its_environment_and_all_its_applications(
    grants: list[Grant], allowed: bool
) -> None:
    applications = (DeploymentApplication(application_id="a1"), DeploymentApplication(application_id="a2"))
    target = deployment(DeploymentStatus.RUNNING, environment_id="e1", applications=applications)
    assert principal(*grants).allows_on(DEPLOYER, target) is allowed


@pytest.mark.parametrize(
    ("grant", "scopes", "permitted"),
    [
        (ADMIN, (), set()),
        (ADMIN, (VIEWER,), {VIEWER}),
        (VIEWER, (ADMIN,), {VIEWER}),
        (DEPLOYER, (APPROVER,), {VIEWER}),
        (APPROVER, (DEPLOYER,), {VIEWER}),
        (ADMIN, (DEPLOYER, APPROVER), {VIEWER, DEPLOYER, APPROVER}),
        (DEPLOYER, (DEPLOYER, APPROVER), {VIEWER, DEPLOYER}),
        (ADMIN, EVERY, set(EVERY)),
    ],
)
def test_scopes_narrow_grants(grant: Role, scopes: tuple[Role, ...], permitted: set[Role]) -> None:
    actor = principal(Grant(grant), scopes=scopes)
    assert {role for role in Role if actor.allows(role)} == permitted
    assert {role for role in Role if actor.allows_somewhere(role)} == permitted


def test_two_grants_do_not_add_up_to_a_third() -> None:
    actor = principal(Grant(DEPLOYER, "e1"), Grant(APPROVER, "e2"))
    assert not actor.allows(APPROVER, environment_id="e1")
    assert not actor.allows(DEPLOYER, environment_id="e2")
    assert not principal(Grant(DEPLOYER), Grant(APPROVER)).allows(ADMIN)


@pytest.mark.parametrize(
    ("grants", "application", "allowed"),
    [
        ([], None, False),
        ([ALL], None, True),
        ([ALL], "a1", True),
        ([E1], None, True),
        ([E1], "a1", True),
        ([A1], None, True),
        ([A1], "a1", True),
        ([A1], "a2", False),
        ([E1A1], "a1", True),
        ([E1A1], "a2", False),
        ([Grant(VIEWER, None, "a1"), E2A2], "a1", False),
    ],
)
def test_permissions_in_any_environment(grants: list[Grant], application: str | None, allowed: bool) -> None:
    assert principal(*grants).allows_somewhere(DEPLOYER, application) is allowed


ROLES = st.lists(st.sampled_from(Role), max_size=4).map(tuple)
GRANTS = st.lists(
    st.builds(Grant, st.sampled_from(Role), st.sampled_from([None, "e1", "e2"]), st.sampled_from([None, "a1", "a2"])),
    max_size=4,
).map(tuple)
PLACES = st.tuples(st.sampled_from([None, "e1", "e2"]), st.lists(st.sampled_from(["a1", "a2"]), max_size=2))
Place = tuple[str | None, list[str]]


def is_allowed(actor: Principal, role: Role, place: Place) -> bool:
    return actor.allows(role, environment_id=place[0], application_ids=place[1])


@property_of
@given(GRANTS, ROLES, st.sampled_from(Role), PLACES, st.data())
def test_narrowing_never_widens(
    grants: tuple[Grant, ...], scopes: tuple[Role, ...], role: Role, place: Place, data: st.DataObject
) -> None:
    wide, unscoped = principal(*grants, scopes=scopes), principal(*grants, scopes=EVERY)
    fewer = tuple(scope for scope in scopes if data.draw(st.booleans()))
    lesser = tuple(data.draw(st.sampled_from(sorted(PERMITS[scope]))) for scope in scopes)
    fewer_grants = tuple(grant for grant in grants if data.draw(st.booleans()))
    for narrow in (
        principal(*grants, scopes=fewer),
        principal(*grants, scopes=lesser),
        principal(*fewer_grants, scopes=scopes),
    ):
        assert is_allowed(narrow, role, place) <= is_allowed(wide, role, place) <= is_allowed(unscoped, role, place)
        assert narrow.allows_somewhere(role) <= wide.allows_somewhere(role)


@property_of
@given(GRANTS, ROLES, st.sampled_from(Role), PLACES)
def test_a_permission_implies_weaker_permissions(
    grants: tuple[Grant, ...], scopes: tuple[Role, ...], role: Role, place: Place
) -> None:
    actor = principal(*grants, scopes=scopes)
    if is_allowed(actor, role, place):
        assert actor.allows_somewhere(role) and all(actor.allows_somewhere(role, id) for id in place[1])
        assert all(is_allowed(actor, lesser, place) for lesser in PERMITS[role])
        assert all(is_allowed(actor, role, (place[0], [application])) for application in place[1])


@pytest.mark.parametrize(
    ("own", "scopes", "refused"),
    [
        ((ADMIN,), EVERY, ()),
        ((VIEWER,), (VIEWER,), ()),
        ((VIEWER,), (DEPLOYER, VIEWER, ADMIN), (DEPLOYER, ADMIN)),
        ((DEPLOYER,), (VIEWER, DEPLOYER, APPROVER), (APPROVER,)),
        ((DEPLOYER, APPROVER), (VIEWER, DEPLOYER, APPROVER), ()),
        ((DEPLOYER, APPROVER), (ADMIN,), (ADMIN,)),
        ((), (VIEWER,), (VIEWER,)),
        ((VIEWER,), (), ()),
    ],
)
def test_a_token_makes_no_wider_one(own: tuple[Role, ...], scopes: tuple[Role, ...], refused: tuple[Role, ...]) -> None:
    assert scopes_beyond(principal(Grant(ADMIN), scopes=own), scopes) == refused
