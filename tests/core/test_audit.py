"""Audit entries of changes: the objects that get an entry, and the fields in it.

Storing is tested with the API.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.access import ApiToken, Grant
from app.core.application import CommandStep
from app.core.audit import AuditContext, Change, entries, to_json, view
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.task import TaskStatus
from tests.core.support.build import task

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACT = AuditContext(actor_id="usr_1", action="updateApplication", reason="because", address="10.0.0.7")


def values_by_target(**changes: Change) -> dict[str, tuple[Any, Any]]:
    """Return what entries hold before and after, by target."""
    return {
        entry.target_id: (entry.before, entry.after) for entry in entries(ACT, changes, AT, lambda kind: f"{kind}_1")
    }


def test_an_entry_has_actor_action_time_reason_and_address() -> None:
    (entry,) = entries(ACT, {"app_1": Change(None, {"name": "web"})}, AT, lambda kind: f"{kind}_1")
    assert (entry.id, entry.at, entry.actor_id, entry.action) == (f"{IdKind.AUDIT_ENTRY}_1", AT, "usr_1", ACT.action)
    assert (entry.target_id, entry.before, entry.after) == ("app_1", None, {"name": "web"})
    assert (entry.reason, entry.source_ip) == ("because", "10.0.0.7")


def test_each_changed_object_has_an_entry_and_locked_ones_have_none() -> None:
    same = {"name": "same"}
    assert values_by_target(a=Change({"n": 1}, {"n": 2}), b=Change(same, same), c=Change({"n": 3}, None)) == {
        "a": ({"n": 1}, {"n": 2}),
        "c": ({"n": 3}, None),
    }


def test_a_call_without_changes_has_an_entry() -> None:
    same = {"name": "same"}
    assert values_by_target(a=Change(same, same)) == {"a": (same, same)}


def test_fields_outside_the_summary_of_a_task_make_no_entry() -> None:
    running = task("build")
    busy, skipped = replace(running, last_log=7), replace(running, status=TaskStatus.SKIPPED)
    assert set(values_by_target(t=Change(running, busy), u=Change(running, skipped))) == {"u"}
    assert view(skipped)["status"] == "SKIPPED"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AT, "2026-03-01T12:00:00.000000Z"),
        (Role.ADMIN, "ADMIN"),
        (Grant(Role.VIEWER, "env_1"), {"role": "VIEWER", "environmentId": "env_1", "applicationId": None}),
        (
            {"grants": (Grant(Role.ADMIN),)},
            {"grants": [{"role": "ADMIN", "environmentId": None, "applicationId": None}]},
        ),
        (None, None),
        ((1, 2.5, True), [1, 2.5, True]),
    ],
)
def test_values_become_json(value: object, expected: object) -> None:
    assert to_json(value) == expected


def test_names_of_variables_stay_as_they_are() -> None:
    step = CommandStep(command=("make",), env={"BUILD_ID": "7"})
    assert to_json(step)["env"] == {"BUILD_ID": "7"}
    assert to_json(step)["timeoutSeconds"] == step.timeout_seconds


def test_a_token_is_logged_without_its_secret() -> None:
    never = {"expires_at": None, "last_used_at": None, "revoked_at": None}
    token = ApiToken(
        id="tok_1", actor_id="usr_1", name="ci", prefix="bor_abcdef", scopes=(Role.VIEWER,), created_at=AT, **never
    )
    assert set(to_json(token)) == {
        "id", "actorId", "name", "prefix", "scopes", "createdAt", "expiresAt", "lastUsedAt", "revokedAt",
        "madeBy",
    }  # fmt: skip
