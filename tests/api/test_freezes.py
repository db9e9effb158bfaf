"""Freeze windows over the API. The engine's tests cover their effect, the core's tests their times."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.support.people import account, codes
from tests.api.support.refusals import deploy, place
from tests.api.support.rows import database
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import world

WINDOW = "id name reason startsAt endsAt recurrence timezone"
ENVIRONMENT = f"environment {{ freezeWindows {{ {WINDOW} }} freeze {{ frozen window {{ id }} nextStart nextEnd }} }}"
NODE = f"query($id: ID!) {{ node(id: $id) {{ __typename ... on FreezeWindow {{ {WINDOW} }} }} }}"
STATE = """query($id: ID!) { deployment(id: $id) { status freezeOverrideReason
  gate { canProceed blockers { kind message until } } tasks { blockers { kind until } }
  viewerCan { retry { allowed reason } } } }"""
PLAN = (
    "query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) { gate { canProceed blockers { kind } } } }"
)
ERRORS = "errors { __typename code path ... on Frozen { until } }"


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def window(environment_id: str, **more: object) -> Data:
    fields = {"environmentId": environment_id, "name": "year end", "reason": "nobody is here"}
    return fields | {"startsAt": in_hours(-1), "endsAt": in_hours(1)} | more


async def test_a_window_is_created_listed_and_deleted(system: System) -> None:
    home = await world(system.admin)
    fields = window(home.environment_id)
    environment = (await system.admin.change("createFreezeWindow", ENVIRONMENT, **fields))["environment"]
    (created,) = environment["freezeWindows"]
    assert created == {name: fields[name] for name in ("name", "reason", "startsAt", "endsAt")} | {
        "id": created["id"],
        "recurrence": None,
        "timezone": "UTC",
    }
    assert environment["freeze"] == {
        "frozen": True,
        "window": {"id": created["id"]},
        "nextStart": None,
        "nextEnd": fields["endsAt"],
    }
    assert (await system.admin.query(NODE, id=created["id"]))["node"] == {"__typename": "FreezeWindow"} | created
    environment_after = (await system.admin.change("deleteFreezeWindow", ENVIRONMENT, id=created["id"]))["environment"]
    assert (environment_after["freezeWindows"], environment_after["freeze"]["frozen"]) == ([], False)
    assert (await system.admin.query(NODE, id=created["id"]))["node"] is None
    repeated = await system.admin.mutate("deleteFreezeWindow", "environment { id }", id=created["id"])
    assert codes(repeated) == ["NOT_FOUND"]


async def test_a_recurring_window_reports_its_next_occurrence(system: System) -> None:
    home = await world(system.admin)
    fields = window(
        home.environment_id,
        startsAt="2026-01-02T17:00:00+01:00",
        endsAt="2026-01-05T08:00:00+01:00",
        recurrence="FREQ=WEEKLY;BYDAY=FR;UNTIL=21990101",
        timezone="Europe/Berlin",
    )
    environment = (await system.admin.change("createFreezeWindow", ENVIRONMENT, **fields))["environment"]
    moment = datetime.fromisoformat(environment["freeze"]["nextEnd"])
    assert datetime.now(UTC) < moment < datetime.now(UTC) + timedelta(days=11)
    assert environment["freezeWindows"][0]["startsAt"] == "2026-01-02T16:00:00.000000Z"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "name"),
        ({"reason": " "}, "reason"),
        ({"endsAt": in_hours(-2)}, "endsAt"),
        ({"timezone": "Middle/Earth"}, "timezone"),
        *(
            ({"timezone": name}, "timezone")
            for name in ("localtime", "Factory", "posixrules", "posix/UTC", "", "UTC\n")
        ),
        ({"recurrence": "FREQ=SECONDLY"}, "recurrence"),
        ({"environmentId": "env_none"}, "environmentId"),
    ],
)
async def test_invalid_input_is_refused_with_the_path_of_the_field(system: System, change: Data, path: str) -> None:
    environment = await world(system.admin)
    payload = await system.admin.mutate(
        "createFreezeWindow", "environment { id }", **window(environment.environment_id) | change
    )
    assert [error["path"] for error in payload["errors"]] == [[path]]
    data = await system.admin.query(
        "query($id: ID) { environment(id: $id) { freezeWindows { id } } }", id=environment.environment_id
    )
    assert data["environment"]["freezeWindows"] == []


async def test_only_admins_of_the_environment_manage_its_windows(system: System) -> None:
    environment, other_environment = await world(system.admin), await world(system.admin)
    local = await account(system.admin, {"role": "ADMIN", "environmentId": environment.environment_id})
    payload = await local.client.change("createFreezeWindow", ENVIRONMENT, **window(environment.environment_id))
    id_ = payload["environment"]["freezeWindows"][0]["id"]
    assert codes(
        await local.client.mutate("createFreezeWindow", "__typename", **window(other_environment.environment_id))
    ) == ["FORBIDDEN"]
    other_admin = await account(system.admin, {"role": "ADMIN", "environmentId": other_environment.environment_id})
    assert codes(await other_admin.client.mutate("deleteFreezeWindow", "__typename", id=id_)) == ["FORBIDDEN"]
    deployer = await account(system.admin, {"role": "DEPLOYER"})
    assert codes(
        await deployer.client.mutate("createFreezeWindow", "__typename", **window(environment.environment_id))
    ) == ["FORBIDDEN"]
    await local.client.change("deleteFreezeWindow", "environment { id }", id=id_)


async def test_a_freeze_shows_in_gate_status_and_permissions(system: System) -> None:
    environment, arguments = await place(system)
    frozen = window(environment.environment_id)
    await system.admin.change("createFreezeWindow", "environment { id }", **frozen)
    id_ = await deploy(system.admin, arguments | {"autoStart": True})
    state = (await system.admin.query(STATE, id=id_))["deployment"]
    assert (state["status"], state["gate"]["canProceed"]) == ("PENDING", False)
    blocker = state["gate"]["blockers"][0]
    assert (blocker["kind"], blocker["until"]) == ("FREEZE", frozen["endsAt"])
    assert "year end" in blocker["message"] and "nobody is here" in blocker["message"]
    assert {"kind": "FREEZE", "until": frozen["endsAt"]} in state["tasks"][0]["blockers"]
    for override, kinds in ((None, True), ("urgent", False)):
        plan = await system.admin.query(PLAN, input=arguments | {"freezeOverrideReason": override})
        assert ("FREEZE" in [blocker["kind"] for blocker in plan["deploymentPlan"]["gate"]["blockers"]]) == kinds


async def test_a_freeze_override_needs_an_admin_and_a_reason(system: System) -> None:
    environment, arguments = await place(system)
    await system.admin.change("createFreezeWindow", "environment { id }", **window(environment.environment_id))
    override = arguments | {"autoStart": True, "freezeOverrideReason": "payments are down"}
    somebody = await account(system.admin, {"role": "DEPLOYER"})
    assert codes(await somebody.client.mutate("createDeployment", "__typename", **override)) == ["FORBIDDEN"]
    blank = await system.admin.mutate("createDeployment", "__typename", **override | {"freezeOverrideReason": " "})
    assert [(error["code"], error["path"]) for error in blank["errors"]] == [("INVALID", ["freezeOverrideReason"])]
    id_ = await deploy(system.admin, override)
    state = (await system.admin.query(STATE, id=id_))["deployment"]
    assert (state["status"], state["freezeOverrideReason"]) == ("RUNNING", "payments are down")


async def test_a_retry_during_a_freeze_is_refused_with_its_end(system: System) -> None:
    environment, arguments = await place(system)
    id_ = await deploy(system.admin, arguments | {"autoStart": True})
    tasks = (await system.admin.query("query($id: ID!) { deployment(id: $id) { tasks { id } } }", id=id_))[
        "deployment"
    ]["tasks"]
    await system.admin.change("cancelTask", "task { id }", id=tasks[0]["id"], reason="broken")
    frozen = window(environment.environment_id)
    await system.admin.change("createFreezeWindow", "environment { id }", **frozen)
    for mutation, target in (("retryDeployment", id_), ("retryTask", tasks[0]["id"])):
        document = f"mutation($input: ByIdInput!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
        (error,) = (await system.admin.query(document, input={"id": target}))[mutation]["errors"]
        assert error == {"__typename": "Frozen", "code": "FROZEN", "path": ["id"], "until": frozen["endsAt"]}
    can = (await system.admin.query(STATE, id=id_))["deployment"]["viewerCan"]["retry"]
    assert (can["allowed"], "year end" in can["reason"]) == (False, True)


BROKEN = """{ environments { id freeze { frozen nextEnd window { name fault } } freezeWindows { name fault } }
  deployments { nodes { id status gate { canProceed blockers { kind message until } } tasks { blockers { kind } }
    viewerCan { retry { reason } } } } }"""


@pytest.mark.parametrize(
    ("column", "value"),
    [("recurrence", "FREQ=MONTHLY;BYDAY=1MO,8MO"), ("recurrence", "FREQ=SECONDLY"), ("timezone", "Mars/Olympus")],
)
async def test_a_window_with_an_unknown_rule_freezes_only_its_environment(
    system: System, column: str, value: str
) -> None:
    home, arguments = await place(system)
    other_environment, given_there = await place(system)
    payload = await system.admin.change(
        "createFreezeWindow", ENVIRONMENT, **window(home.environment_id, recurrence="FREQ=DAILY;COUNT=1")
    )
    async with database(system) as connection:
        await connection.execute(f"UPDATE freeze_windows SET {column} = $1", value)
    frozen_id = await deploy(system.admin, arguments | {"autoStart": True})
    free = await deploy(system.admin, given_there | {"autoStart": True})
    data = await system.admin.query(BROKEN)
    environments = {environment["id"]: environment for environment in data["environments"]}
    broken = environments[home.environment_id]
    assert (broken["freeze"]["frozen"], broken["freeze"]["nextEnd"]) == (True, None)
    assert value.rpartition("=")[2].rpartition(",")[2] in broken["freeze"]["window"]["fault"]
    assert broken["freezeWindows"] == [broken["freeze"]["window"]]
    assert environments[other_environment.environment_id]["freeze"] == {
        "frozen": False,
        "nextEnd": None,
        "window": None,
    }
    states = {node["id"]: node for node in data["deployments"]["nodes"]}
    (blocker, *_) = states[frozen_id]["gate"]["blockers"]
    assert (states[frozen_id]["status"], blocker["kind"], blocker["until"]) == ("PENDING", "FREEZE", None)
    assert "Its times are unknown" in blocker["message"] and "year end" in blocker["message"]
    assert states[free]["status"] == "RUNNING"
    plan = await system.admin.query(PLAN, input=arguments)
    assert "FREEZE" in [blocker["kind"] for blocker in plan["deploymentPlan"]["gate"]["blockers"]]
    id_ = payload["environment"]["freezeWindows"][0]["id"]
    await system.admin.change("deleteFreezeWindow", "environment { id }", id=id_)
    assert (await system.admin.query(STATE, id=frozen_id))["deployment"]["status"] == "RUNNING"


async def test_an_invalid_recurrence_is_refused_with_the_wrong_part(system: System) -> None:
    environment = await world(system.admin)
    wrong = window(environment.environment_id, recurrence="FREQ=MONTHLY;BYDAY=1MO,8MO")
    (error,) = (await system.admin.mutate("createFreezeWindow", "__typename", **wrong))["errors"]
    assert (error["path"], "8MO" in error["message"], "BYDAY" in error["message"]) == (["recurrence"], True, True)
