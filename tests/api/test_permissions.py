"""viewerCan agrees with its mutations: the same code, or none.

In: deployments in several states, and people with several roles. Out: each permission and the result of its mutation.
"""

from collections.abc import Mapping

import pytest

from tests.api.support.people import Account, account, codes
from tests.api.support.refusals import deploy, place
from tests.api.test_deployment_errors import in_state, set_status
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task

PERMISSION = "{ allowed reason code }"
DEPLOYMENT: Mapping[str, str] = {
    "start": "startDeployment",
    "cancel": "cancelDeployment",
    "pause": "pauseDeployment",
    "resume": "resumeDeployment",
    "retry": "retryDeployment",
    "rollback": "rollbackDeployment",
    "editWorkflow": "updateWorkflow",
}
TASK: Mapping[str, str] = {
    "retry": "retryTask",
    "skip": "skipTask",
    "cancel": "cancelTask",
    "promote": "promoteRollout",
}
SEEN = f"""query($id: ID!) {{ deployment(id: $id) {{
  viewerCan {{ {" ".join(f"{name} {PERMISSION}" for name in (*DEPLOYMENT, "approve"))} }}
  tasks {{ id type viewerCan {{ {" ".join(f"{name} {PERMISSION}" for name in (*TASK, "approve"))} }} }}
  approvals {{ id status viewerCanDecide {PERMISSION} }} }} }}"""
STATES = ("PENDING", "QUEUED", "RUNNING", "ROLLING_BACK", "SUCCESS", "FAILED", "ROLLED_BACK", "CANCELLED")
REASONED = {"cancelDeployment", "rollbackDeployment", "skipTask", "cancelTask"}


@pytest.fixture(scope="module")
async def people(shared: System) -> dict[str, Account]:
    """An account for each role on everything."""
    roles = ("VIEWER", "DEPLOYER", "APPROVER", "ADMIN")
    return {role: await account(shared.admin, {"role": role}) for role in roles}


async def read_deployment(client: Client, id_: str) -> Data:
    return dict((await client.query(SEEN, id=id_))["deployment"])


def arguments(mutation: str, id_: str) -> Data:
    """Return a valid input of a mutation for a deployment or task."""
    if mutation == "updateWorkflow":
        return {"deploymentId": id_, "expectedRevision": 1, "tasks": [task("another")]}
    if mutation == "promoteRollout":
        return {"taskId": id_}
    return {"id": id_} | ({"reason": "a test"} if mutation in REASONED else {})


async def error_of(client: Client, mutation: str, id_: str) -> str | None:
    answer = await client.mutate(mutation, "__typename", **arguments(mutation, id_))
    return next(iter(codes(answer)), None)


def reason_of(permission: Data) -> str | None:
    """Return the code of a permission. It has a reason exactly if it has a code."""
    assert permission["allowed"] is (permission["code"] is None) is (permission["reason"] is None), permission
    return str(permission["code"]) if permission["code"] else None


@pytest.mark.parametrize("role", ["VIEWER", "DEPLOYER", "APPROVER", "ADMIN"])
async def test_permissions_of_a_deployment_agree_with_its_mutations(
    shared: System, people: dict[str, Account], role: str
) -> None:
    _, base = await place(shared)
    for state in STATES:
        id_ = await in_state(shared, base, state)
        client = people[role].client
        reasons = {
            name: reason_of(permission)
            for name, permission in (await read_deployment(client, id_))["viewerCan"].items()
            if name in DEPLOYMENT
        }
        for name in sorted(reasons, key=lambda permission: reasons[permission] is None):
            at = id_ if reasons[name] else await in_state(shared, base, state)
            assert await error_of(client, DEPLOYMENT[name], at) == reasons[name], (state, name)


@pytest.mark.parametrize("role", ["VIEWER", "DEPLOYER", "APPROVER"])
async def test_permissions_of_a_task_agree_with_its_mutations(
    shared: System, people: dict[str, Account], role: str
) -> None:
    _, base = await place(shared)
    base = base | {"tasks": [task("ask", requireConfirm=True)]}
    client = people[role].client
    for state in STATES:
        id_ = await in_state(shared, base, state)
        (item,) = (await read_deployment(client, id_))["tasks"]
        reasons = {name: reason_of(permission) for name, permission in item["viewerCan"].items() if name in TASK}
        for name in sorted(reasons, key=lambda action: reasons[action] is None):
            at = item["id"]
            if reasons[name] is None:
                (fresh,) = (await read_deployment(client, await in_state(shared, base, state)))["tasks"]
                at = fresh["id"]
            assert await error_of(client, TASK[name], at) == reasons[name], (state, name)


async def test_a_retry_blocked_by_a_lock_or_a_freeze_says_so(shared: System, people: dict[str, Account]) -> None:
    client = people["DEPLOYER"].client
    environment, base = await place(shared)
    failed = await deploy(shared.admin, base)
    await set_status(shared, failed, "FAILED")
    holder = await deploy(shared.admin, base | {"autoStart": True})
    assert reason_of((await read_deployment(client, failed))["viewerCan"]["retry"]) == "LOCKED"
    assert await error_of(client, "retryDeployment", failed) == "LOCKED"
    await shared.admin.change("cancelDeployment", "__typename", id=holder, reason="a test")
    window = {"name": "x", "reason": "r", "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
    payload = await shared.admin.change(
        "createFreezeWindow", "freezeWindow { id name }", environmentId=environment.environment_id, **window
    )
    assert reason_of((await read_deployment(client, failed))["viewerCan"]["retry"]) == "FROZEN"
    assert await error_of(client, "retryDeployment", failed) == "FROZEN"
    id_ = payload["freezeWindow"]["id"]
    selection = "deletedFreezeWindowId freezeWindow { id } environment { freezeWindows { id } }"
    deleted = await shared.admin.change("deleteFreezeWindow", selection, id=id_, idempotencyKey=id_)
    deletion = await shared.admin.change("deleteFreezeWindow", selection, id=id_, idempotencyKey=id_)
    assert deleted == deletion
    assert (deleted["deletedFreezeWindowId"], deleted["freezeWindow"]) == (id_, None)
    assert deleted["environment"] == {"freezeWindows": []}
    assert reason_of((await read_deployment(client, failed))["viewerCan"]["retry"]) is None


async def test_the_permission_to_decide_agrees_with_the_mutations(system: System) -> None:
    _, base = await place(system)
    await system.start_worker()
    approver = await account(system.admin, {"role": "APPROVER"})
    viewer = await account(system.admin, {"role": "VIEWER"})
    id_ = await deploy(system.admin, base | {"autoStart": True, "manualApproval": True})
    await system.admin.until(id_, "WAITING_CONFIRM")
    for client, code in ((viewer.client, "FORBIDDEN"), (system.admin, "SELF_APPROVAL"), (approver.client, None)):
        deployment = await read_deployment(client, id_)
        (approval,) = deployment["approvals"]
        assert reason_of(deployment["viewerCan"]["approve"]) == reason_of(approval["viewerCanDecide"]) == code
        answer = await client.mutate("approve", "__typename", approvalIds=[approval["id"]])
        assert next(iter(codes(answer)), None) == code
    await system.admin.until(id_, "SUCCESS")
    deployment = await read_deployment(approver.client, id_)
    assert reason_of(deployment["viewerCan"]["approve"]) == "WRONG_STATE"
    assert reason_of(deployment["approvals"][0]["viewerCanDecide"]) == "ALREADY_DECIDED"
    answer = await approver.client.mutate("approve", "__typename", approvalIds=[deployment["approvals"][0]["id"]])
    assert codes(answer) == ["ALREADY_DECIDED"]
