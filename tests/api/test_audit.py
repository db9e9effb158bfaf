"""Every mutation leaves entries in the audit log; refusals and repeated calls leave none."""

import asyncio
from typing import Any

from graphql import OperationType

from tests.api.support.audit_client import Audited, entries, log
from tests.api.support.people import account, codes
from tests.api.support.refusals import place
from tests.api.support.root_field_calls import root
from tests.api.support.rows import at_once, contents
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, unique, world

NODE = "query($id: ID!) { node(id: $id) { __typename id ... on AuditEntry { action target { id } } } }"
WATCHED = "query($id: ID!) { deployment(id: $id) { tasks { id blockers { kind } } } }"
MUTATIONS = set(root(OperationType.MUTATION).fields)


def change_of_only_entry(audit_entries: list[Data], *path: str) -> tuple[Any, Any]:
    """Return the values before and after the change at a path in the only entry."""
    (entry,) = audit_entries
    sides = [entry["before"], entry["after"]]
    for name in path:
        sides = [side and side[name] for side in sides]
    return sides[0], sides[1]


async def change_definitions(admin: Audited, environment: World) -> None:
    payload, audit_entries = await admin.change(
        "createApplication", "application { id }", name=unique("app"), shell={"command": ["true"]}
    )
    id_ = payload["application"]["id"]
    assert change_of_only_entry(audit_entries, "description") == (None, "")
    _, audit_entries = await admin.change("updateApplication", "application { id }", id=id_, description="better")
    assert (change_of_only_entry(audit_entries, "description"), audit_entries[0]["target"]) == (
        ("", "better"),
        {"__typename": "Application", "id": id_},
    )
    _, audit_entries = await admin.change(
        "createVersion", "version { id }", name="v1", artifacts=[{"applicationId": id_}]
    )
    assert change_of_only_entry(audit_entries, "name") == (None, "v1")
    for name in ("archiveApplication", "unarchiveApplication", "archiveApplication"):
        _, audit_entries = await admin.change(name, "application { id }", id=id_)
    assert (
        change_of_only_entry(audit_entries, "archivedAt")[0] is None
        and change_of_only_entry(audit_entries, "archivedAt")[1]
    )
    _, audit_entries = await admin.change("createEnvironment", "environment { id }", name=unique("e"), operator="SHELL")
    assert change_of_only_entry(audit_entries, "operator") == (None, "SHELL")
    _, audit_entries = await admin.change(
        "updateEnvironment", "environment { id }", id=environment.environment_id, rank=3
    )
    assert change_of_only_entry(audit_entries, "rank") == (0, 3)
    fields = {"name": "holidays", "reason": "nobody is here", "environmentId": environment.environment_id}
    span = {"startsAt": "2199-12-20T00:00:00Z", "endsAt": "2199-12-31T00:00:00Z"}
    _, audit_entries = await admin.change("createFreezeWindow", "environment { id }", **fields, **span)
    assert (change_of_only_entry(audit_entries, "name"), audit_entries[0]["reason"]) == (
        (None, "holidays"),
        "nobody is here",
    )
    _, audit_entries = await admin.change("deleteFreezeWindow", "environment { id }", id=audit_entries[0]["targetId"])
    assert (change_of_only_entry(audit_entries, "name"), audit_entries[0]["target"]) == (("holidays", None), None)


async def change_people(admin: Audited) -> None:
    payload, _ = await admin.change("createServiceAccount", "serviceAccount { id }", name=unique("bot"))
    id_ = payload["serviceAccount"]["id"]
    _, audit_entries = await admin.change("grantRole", "actor { id }", actorId=id_, role="VIEWER")
    grant = {"role": "VIEWER", "environmentId": None, "applicationId": None}
    assert change_of_only_entry(audit_entries, "grants") == ([], [grant])
    _, audit_entries = await admin.change("revokeRole", "actor { id }", actorId=id_, role="VIEWER")
    assert change_of_only_entry(audit_entries, "grants") == ([grant], [])
    fields = {"name": "ci", "scopes": ["VIEWER"], "serviceAccountId": id_}
    payload, audit_entries = await admin.change("createApiToken", "token { id } secret", **fields)
    assert change_of_only_entry(audit_entries, "prefix") == (None, payload["secret"][:10]) and payload[
        "secret"
    ] not in str(audit_entries)
    _, audit_entries = await admin.change("revokeApiToken", "token { id }", id=payload["token"]["id"])
    await admin.change("createApiToken", "token { id } secret", **fields | {"name": "another"})
    await admin.change("revokeApiTokens", "tokens { id }", id=fields["serviceAccountId"])
    assert (
        change_of_only_entry(audit_entries, "revokedAt")[0] is None
        and change_of_only_entry(audit_entries, "revokedAt")[1]
    )


async def change_deployments(admin: Audited, fields: Data) -> None:
    payload, audit_entries = await admin.change("createDeployment", "deployments { id tasks { id key } }", **fields)
    deployment = payload["deployments"][0]
    id_, (first_task, second_task) = (
        deployment["id"],
        [task["id"] for task in deployment["tasks"] if task["key"] != "prepare"],
    )
    assert change_of_only_entry(audit_entries, "status") == (None, "PENDING")
    for name, field, sides in (
        ("startDeployment", "status", ("PENDING", "PENDING")),
        ("pauseDeployment", "paused", (False, True)),
        ("resumeDeployment", "paused", (True, False)),
    ):
        _, audit_entries = await admin.change(name, "deployment { id }", id=id_)
        assert change_of_only_entry(audit_entries, field) == sides, name
    _, audit_entries = await admin.change("skipTask", "task { id }", id=first_task, reason="not needed")
    assert (change_of_only_entry(audit_entries, "status"), audit_entries[0]["reason"]) == (
        ("BLOCKED", "SKIPPED"),
        "not needed",
    )
    _, audit_entries = await admin.change("cancelTask", "task { id }", id=second_task, reason="broken")
    assert {entry["targetId"]: entry["after"]["status"] for entry in audit_entries} == {
        id_: "FAILED",
        second_task: "CANCELLED",
    }
    await admin.change("retryTask", "task { id }", id=second_task)
    await admin.change("cancelTask", "task { id }", id=second_task, reason="still broken")
    _, audit_entries = await admin.change("retryDeployment", "deployment { id }", id=id_)
    assert (change_of_only_entry(audit_entries, "status"), change_of_only_entry(audit_entries, "attempt")) == (
        ("FAILED", "RUNNING"),
        (2, 3),
    )
    _, audit_entries = await admin.change("cancelDeployment", "deployment { id }", id=id_, reason="enough")
    assert (change_of_only_entry(audit_entries, "status"), audit_entries[0]["reason"]) == (
        ("RUNNING", "CANCELLED"),
        "enough",
    )
    payload, _ = await admin.change("createDeployment", "deployments { id }", **fields | {"autoStart": True})
    _, audit_entries = await admin.change(
        "rollbackDeployment", "deployment { id }", id=payload["deployments"][0]["id"], reason="x"
    )
    assert change_of_only_entry(audit_entries, "status") == ("RUNNING", "ROLLED_BACK")


async def edit(admin: Audited, base: Data) -> None:
    payload, _ = await admin.change("createDeployment", "deployments { id }", **base)
    id_ = payload["deployments"][0]["id"]
    added = {key: {"key": key, "name": key, "type": "CUSTOM", "blockBy": []} for key in "xy"}
    two, revision = {"from": "x", "to": "y"}, 1
    for mutation, fields in (
        ("addTask", {"task": added["x"]}),
        ("addTask", {"task": added["y"]}),
        ("updateTask", {"key": "x", "name": "other"}),
        ("connectTasks", two),
        ("disconnectTasks", two),
        ("moveTask", {"key": "y", "direction": "UP"}),
        ("removeTask", {"key": "y"}),
        ("updateWorkflow", {"tasks": list(added.values())}),
        ("restoreWorkflow", {"revision": 2}),
    ):
        _, audit_entries = await admin.change(
            mutation, "workflow { revision }", deploymentId=id_, expectedRevision=revision, **fields
        )
        revision += 1
        assert (audit_entries[0]["targetId"], change_of_only_entry(audit_entries, "revision")) == (
            id_,
            (revision - 1, revision),
        ), mutation
    positions = [{"key": "x", "position": {"x": 1.0, "y": 2.0}}]
    await admin.change("setTaskPositions", "workflow { revision }", deploymentId=id_, positions=positions)


async def template(admin: Audited) -> None:
    fields = {"name": unique("template"), "tasks": [{"key": "x", "name": "x", "type": "CUSTOM"}]}
    payload, audit_entries = await admin.change("saveWorkflowTemplate", "template { id } version { id }", **fields)
    assert {entry["targetId"] for entry in audit_entries} == {payload["template"]["id"], payload["version"]["id"]}
    id_ = payload["template"]["id"]
    _, audit_entries = await admin.change("saveWorkflowTemplate", "version { id }", **fields | {"description": "more"})
    assert [entry["after"].get("description", "more") for entry in audit_entries] == ["more"] * 2
    _, audit_entries = await admin.change("archiveWorkflowTemplate", "template { id }", id=id_)
    assert (
        change_of_only_entry(audit_entries, "archivedAt")[0] is None
        and change_of_only_entry(audit_entries, "archivedAt")[1]
    )


async def decide(admin: Audited, environment: World, fields: Data) -> None:
    policy = {"environmentId": environment.environment_id, "requiredApprovals": 1, "allowSelfApproval": True}
    _, audit_entries = await admin.change("setApprovalPolicy", "environment { id }", **policy)
    old_policy, new_policy = change_of_only_entry(audit_entries, "approvalPolicy")
    assert (old_policy, new_policy["requiredApprovals"]) == (None, 1)
    asking = {"key": "ask", "name": "ask", "type": "CUSTOM", "requireConfirm": True}
    for name, status in (("approve", "APPROVED"), ("reject", "REJECTED")):
        deployment_fields = fields | {"autoStart": True, "tasks": [asking]}
        payload, _ = await admin.change("createDeployment", "deployments { id approvals { id } }", **deployment_fields)
        deployment = payload["deployments"][0]
        (approval,) = deployment["approvals"]
        _, audit_entries = await admin.change(name, "approvals { id }", approvalIds=[approval["id"]], comment="because")
        entry = next(entry for entry in audit_entries if entry["targetId"] == approval["id"])
        assert (entry["before"]["status"], entry["after"]["status"], entry["reason"]) == ("PENDING", status, "because")
        if name == "approve":
            await admin.change("cancelDeployment", "deployment { id }", id=deployment["id"], reason="enough")


async def promote(admin: Audited, client: Client, fields: Data) -> None:
    strategy = {"kind": "ROLLING", "steps": [{"batchSize": 1, "batchInterval": 600}]}
    payload, _ = await admin.change(
        "createDeployment", "deployments { id }", **fields | {"autoStart": True, "strategy": strategy}
    )
    id_ = payload["deployments"][0]["id"]
    watched: list[str] = []
    async with asyncio.timeout(10):
        while not watched:
            tasks = (await client.query(WATCHED, id=id_))["deployment"]["tasks"]
            watched = [
                task["id"] for task in tasks if task["blockers"] and task["blockers"][0]["kind"] == "BATCH_INTERVAL"
            ]
            await asyncio.sleep(0.02)
    _, audit_entries = await admin.change("promoteRollout", "deployment { id }", taskId=watched[0])
    assert watched[0] in {entry["targetId"] for entry in audit_entries}


async def test_every_mutation_leaves_an_entry_for_each_object_that_it_changes(system: System) -> None:
    admin = Audited(system)
    environment, base = await place(system)
    await change_definitions(admin, environment)
    await change_people(admin)
    await change_deployments(admin, base)
    await edit(admin, base)
    await template(admin)
    await decide(admin, environment, base)
    await admin.change(
        "setApprovalPolicy", "environment { id }", environmentId=environment.environment_id, requiredApprovals=0
    )
    await system.start_worker()
    await promote(admin, system.admin, base)
    assert admin.called == MUTATIONS


async def test_refused_and_repeated_calls_leave_no_entry(system: System) -> None:
    fields = {"name": unique("env"), "operator": "SHELL", "idempotencyKey": "once"}
    await system.admin.change("createEnvironment", "environment { id }", **fields)
    contents_before = await contents(system)
    await system.admin.change("createEnvironment", "environment { id }", **fields)
    repeated = fields | {"idempotencyKey": "twice"}
    assert codes(await system.admin.mutate("createEnvironment", "environment { id }", **repeated)) == ["NAME_TAKEN"]
    somebody = system.client("bor_nobody-at-all")
    assert (await somebody.post("mutation { __typename }")).status_code == 401
    assert await contents(system) == contents_before


async def test_concurrent_changes_record_the_state_before_each(system: System) -> None:
    environment = await world(system.admin)
    id_ = await environment.application("app")
    calls = [system.admin.change("updateApplication", "application { id }", id=id_, description=text) for text in "ab"]
    await at_once(system, f"SELECT FROM applications WHERE id = '{id_}' FOR UPDATE", *calls)
    *changes, creation = [(e["before"], e["after"]) for e in await entries(system.admin, targetId=id_)]
    earlier, later = changes if changes[0][0] == creation[1] else reversed(changes)
    assert (creation[0], creation[1], earlier[1]) == (None, earlier[0], later[0])
    assert {earlier[1]["description"], later[1]["description"]} == {"a", "b"}


async def test_only_admins_of_everything_read_the_audit_log(system: System) -> None:
    environment = await world(system.admin)
    entry = (await entries(system.admin))[0]
    local = await account(system.admin, {"role": "ADMIN", "environmentId": environment.environment_id})
    narrow = await account(system.admin, {"role": "ADMIN"}, scopes=["DEPLOYER"])
    for somebody in (local, narrow):
        refused = await somebody.client.execute("{ auditLog { totalCount } }")
        assert [error["extensions"]["code"] for error in refused["errors"]] == ["FORBIDDEN"]
        assert (await somebody.client.query(NODE, id=entry["id"]))["node"] is None
    node = (await system.admin.query(NODE, id=entry["id"]))["node"]
    assert node == {
        "__typename": "AuditEntry",
        "id": entry["id"],
        "action": "createEnvironment",
        "target": {"id": environment.environment_id},
    }


async def test_the_audit_log_is_filtered_and_paged(system: System) -> None:
    environment = await world(system.admin)
    for rank in range(1, 6):
        await system.admin.change("updateEnvironment", "environment { id }", id=environment.environment_id, rank=rank)
    everything = await entries(system.admin, targetId=environment.environment_id)
    assert [entry["after"]["rank"] for entry in everything] == [5, 4, 3, 2, 1, 0]
    moments = [entry["at"] for entry in everything]
    assert moments == sorted(moments, reverse=True)
    me = everything[0]["actor"]["id"]
    for filter_, expected in (
        ({"actions": ["updateEnvironment"]}, everything[:5]),
        ({"actions": []}, []),
        ({"actorId": me}, everything),
        ({"actorId": environment.environment_id}, []),
        ({"since": moments[1]}, everything[:2]),
        ({"until": moments[1]}, everything[2:]),
        ({"since": "1970-01-01T00:00:00Z", "until": "9999-12-31T00:00:00Z"}, everything),
        ({"until": "1970-01-01T00:00:00Z"}, []),
    ):
        assert await entries(system.admin, targetId=environment.environment_id, **filter_) == expected, filter_
    page = await log(system.admin, 4, targetId=environment.environment_id)
    assert (page["nodes"], page["totalCount"], page["pageInfo"]["hasNextPage"]) == (everything[:4], 6, True)
    second_page = await log(system.admin, 4, page["pageInfo"]["endCursor"], targetId=environment.environment_id)
    assert (second_page["nodes"], second_page["pageInfo"]["hasNextPage"]) == (everything[4:], False)
