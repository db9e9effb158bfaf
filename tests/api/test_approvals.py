"""Approvals over the API: requests, the inbox, decisions on several at once, events and live updates.

In: deployments that need approvals, and people with some rights. Out: what they read, what their decisions return, and
the live updates. tests/services tests what happens afterwards; tests/core tests who may decide.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from tests.api.support.people import account, codes
from tests.api.support.wire import events
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, task, world

INBOX = """query($first: Int, $after: Cursor) { myApprovals(first: $first, after: $after) { totalCount
  pageInfo { hasNextPage endCursor } nodes { id subject } } }"""
CHANGED = "subscription { myApprovalsChanged { id status missing } }"
DEPLOYMENT = """query($id: ID!) { deployment(id: $id) {
  status manualApproval requireConfirm viewerCan { approve { allowed reason } }
  gate { canProceed blockers { kind message until approval { id } task { key } } }
  approvals { id status subject requiredApprovals missing rolloutStep expiresAt requestedAt approverRoles
    decisions { actor { id name } verdict comment at } task { key } deployment { id }
    viewerCanDecide { allowed reason } }
  strategy { steps { requireApproval manualApprovalStatus } }
  tasks { key status requireConfirm confirmedAt confirmedBy { name } viewerCan { approve { allowed } }
    blockers { kind approval { id } } }
  events { nodes { __typename actor { name }
    ... on ApprovalRequested { approval { id } }
    ... on ApprovalDecided { verdict comment approval { id status } } } } } }"""
ASKING = task("ask", requireConfirm=True)


async def place(system: System, **fields: Any) -> World:
    environment = await world(system.admin, **fields)
    await environment.application("app")
    return environment


async def approver(system: System, **where: Any) -> Client:
    return (await account(system.admin, {"role": "APPROVER"} | where)).client


async def read_deployment(client: Client, id_: str) -> Data:
    return dict((await client.query(DEPLOYMENT, id=id_))["deployment"])


async def inbox(client: Client, **page: Any) -> Data:
    return dict((await client.query(INBOX, **page))["myApprovals"])


async def decide(client: Client, name: str, *ids: str, **fields: Any) -> Data:
    return await client.mutate(name, "approvals { id status }", approvalIds=list(ids), **fields)


async def test_an_approval_is_requested_granted_and_reported(system: System) -> None:
    environment, ann = await place(system), await approver(system)
    id_ = await environment.deploy(manualApproval=True)
    await system.start_worker()
    await system.admin.until(id_, "WAITING_CONFIRM")
    deployment = await read_deployment(ann, id_)
    (approval,) = deployment["approvals"]
    assert (
        deployment["manualApproval"],
        deployment["requireConfirm"],
        deployment["viewerCan"]["approve"]["allowed"],
    ) == (True,) * 3
    (blocker,) = deployment["gate"]["blockers"]
    assert (blocker["kind"], blocker["approval"]["id"]) == ("APPROVAL", approval["id"])
    assert blocker["message"] == (
        "The deployment waits for one more approval by somebody with the role APPROVER or ADMIN."
    )
    assert (approval["subject"], approval["missing"]) == ("DEPLOYMENT", 1)
    assert approval["viewerCanDecide"] == {"allowed": True, "reason": None}
    own = (await read_deployment(system.admin, id_))["approvals"][0]["viewerCanDecide"]
    assert not own["allowed"] and "You started this deployment" in own["reason"]
    assert (await decide(ann, "approve", approval["id"], comment="good"))["approvals"] == [
        {"id": approval["id"], "status": "APPROVED"}
    ]
    await system.admin.until(id_, "SUCCESS")
    deployment = await read_deployment(ann, id_)
    approval_events = [event for event in deployment["events"]["nodes"] if event["__typename"].startswith("Approval")]
    assert [event["__typename"] for event in approval_events] == ["ApprovalRequested", "ApprovalDecided"]
    assert (approval_events[1]["verdict"], approval_events[1]["comment"], approval_events[1]["approval"]["status"]) == (
        "APPROVE",
        "good",
        "APPROVED",
    )
    assert deployment["approvals"][0]["decisions"][0]["actor"]["name"] == approval_events[1]["actor"]["name"]
    node = "query($id: ID!) { node(id: $id) { ... on Approval { status } } }"
    assert (await ann.query(node, id=approval["id"]))["node"] == {"status": "APPROVED"}


async def test_several_approvals_are_decided_independently(system: System) -> None:
    home, other_environment = await place(system), await place(system)
    ann = await approver(system, environmentId=home.environment_id)
    ids = [await environment.deploy(tasks=[ASKING, task("b", "ask")]) for environment in (home, other_environment)]
    mine, other_ids = [(await read_deployment(system.admin, id_))["approvals"][0]["id"] for id_ in ids]
    answer = await decide(ann, "approve", "nobody", mine, other_ids, idempotencyKey="all")
    assert [approval["id"] for approval in answer["approvals"]] == [mine]
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [
        ("NOT_FOUND", ["approvalIds", "0"]),
        ("NOT_FOUND", ["approvalIds", "2"]),
    ]
    assert await decide(ann, "approve", "nobody", mine, other_ids, idempotencyKey="all") == answer
    deployment = await read_deployment(system.admin, ids[0])
    assert deployment["tasks"][0]["confirmedBy"]["name"] and deployment["tasks"][0]["confirmedAt"]
    assert codes(await decide(ann, "reject", mine)) == ["ALREADY_DECIDED"]
    assert codes(await decide(system.admin, "approve", other_ids)) == ["SELF_APPROVAL"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"approvalIds": []}, ["approvalIds"]),
        ({"approvalIds": ["a", "a"]}, ["approvalIds"]),
        ({"approvalIds": ["a"] * 101}, ["approvalIds"]),
        ({"approvalIds": ["a"], "comment": "x" * 10_001}, ["comment"]),
    ],
)
async def test_invalid_decisions_are_refused(system: System, fields: Data, path: list[str]) -> None:
    answer = await system.admin.mutate("approve", "approvals { id }", **fields)
    assert ("INVALID", path) in [(error["code"], error["path"]) for error in answer["errors"]]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"requiredApprovals": -1}, ["requiredApprovals"]),
        ({"requiredApprovals": 1, "approverRoles": []}, ["approverRoles"]),
        ({"requiredApprovals": 1, "approverRoles": ["VIEWER"]}, ["approverRoles"]),
        ({"requiredApprovals": 1, "timeoutSeconds": 0}, ["timeoutSeconds"]),
    ],
)
async def test_invalid_policies_are_refused(system: System, fields: Data, path: list[str]) -> None:
    environment = await place(system)
    answer = await system.admin.mutate(
        "setApprovalPolicy", "environment { id }", environmentId=environment.environment_id, **fields
    )
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", path)]


async def test_a_policy_is_set_read_and_removed(system: System) -> None:
    environment = await place(system)
    selection = """environment { approvalPolicy { requiredApprovals approverRoles allowSelfApproval trustBuilds
      timeoutSeconds onTimeout } }"""
    fields = {"requiredApprovals": 2, "approverRoles": ["ADMIN"], "timeoutSeconds": 60, "onTimeout": "CANCEL"}
    fields |= {"trustBuilds": True}
    payload = await system.admin.change(
        "setApprovalPolicy", selection, environmentId=environment.environment_id, **fields
    )
    assert payload["environment"]["approvalPolicy"] == fields | {"allowSelfApproval": False}
    id_ = await environment.deploy()
    deployment = await read_deployment(system.admin, id_)
    assert (deployment["requireConfirm"], deployment["approvals"][0]["requiredApprovals"]) == (True, 2)
    payload = await system.admin.change(
        "setApprovalPolicy", selection, environmentId=environment.environment_id, requiredApprovals=0
    )
    assert payload["environment"]["approvalPolicy"] is None
    somebody = await account(system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    refused = await somebody.client.mutate(
        "setApprovalPolicy", "environment { id }", environmentId=environment.environment_id, requiredApprovals=1
    )
    assert codes(refused) == ["FORBIDDEN"]


async def test_the_inbox_lists_undecided_approvals_that_the_viewer_may_decide(system: System) -> None:
    home, other_environment = await place(system), await place(system)
    ann = await approver(system, environmentId=home.environment_id)
    for environment in (home, other_environment):
        await environment.deploy(tasks=[task(f"t{number}", requireConfirm=True) for number in range(3)])
    all_approvals = await inbox(ann)
    assert all_approvals["totalCount"] == len(all_approvals["nodes"]) == 3
    first_page = await inbox(ann, first=2)
    second_page = await inbox(ann, first=2, after=first_page["pageInfo"]["endCursor"])
    assert (first_page["pageInfo"]["hasNextPage"], second_page["pageInfo"]["hasNextPage"]) == (True, False)
    assert [*first_page["nodes"], *second_page["nodes"]] == all_approvals["nodes"]
    await decide(ann, "approve", all_approvals["nodes"][0]["id"])
    assert (await inbox(ann))["nodes"] == all_approvals["nodes"][1:]
    assert (await inbox(system.admin))["totalCount"] == 0
    assert (await inbox((await account(system.admin, {"role": "VIEWER"})).client))["nodes"] == []


@asynccontextmanager
async def follow_inbox(client: Client) -> AsyncIterator[dict[str, tuple[str, int]]]:
    """Subscribe to the inbox, and yield the latest status and missing approvals of each approval, by id."""
    latest: dict[str, tuple[str, int]] = {}

    async def follow() -> None:
        async with aclosing(events(client, CHANGED)) as results:
            async for result in results:
                approval = result["data"]["myApprovalsChanged"]
                latest[approval["id"]] = (approval["status"], approval["missing"])

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.5)
    try:
        yield latest
    finally:
        following.cancel()
        await asyncio.wait([following])


async def wait_until(latest: dict[str, tuple[str, int]], expected: dict[str, tuple[str, int]]) -> None:
    async with asyncio.timeout(10):
        while latest != expected:
            await asyncio.sleep(0.02)


async def test_inbox_changes_are_sent_live(system: System) -> None:
    environment, other_environment = await place(system), await place(system)
    await system.admin.change(
        "setApprovalPolicy", "environment { id }", environmentId=environment.environment_id, requiredApprovals=2
    )
    ann, bob = [await approver(system, environmentId=environment.environment_id) for _ in range(2)]
    async with follow_inbox(ann) as hers, follow_inbox(bob) as his:
        await other_environment.deploy(tasks=[ASKING])
        id_ = await environment.deploy(tasks=[ASKING])
        (approval_id,) = [approval["id"] for approval in (await read_deployment(ann, id_))["approvals"]]
        await wait_until(hers, {approval_id: ("PENDING", 2)})
        await decide(ann, "approve", approval_id)
        await wait_until(his, {approval_id: ("PENDING", 1)})
        await wait_until(hers, {approval_id: ("PENDING", 1)})
        await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="no")
        await wait_until(his, {approval_id: ("CANCELLED", 1)})


async def test_the_inbox_feed_stops_when_the_right_to_decide_is_lost(system: System) -> None:
    environment = await place(system)
    grant = {"role": "APPROVER", "environmentId": environment.environment_id}
    ann = await account(system.admin, grant, {"role": "VIEWER"})
    async with follow_inbox(ann.client) as latest:
        await system.admin.change("revokeRole", "actor { id }", actorId=ann.id, **grant)
        await asyncio.sleep(2)
        await environment.deploy(tasks=[ASKING])
        await asyncio.sleep(2)
    assert latest == {}


async def test_viewer_can_decide_reports_other_blockers_of_the_deployment(system: System) -> None:
    environment, ann = await place(system, workerPool="nobody"), await approver(system)
    id_ = await environment.deploy(tasks=[ASKING])
    await system.admin.change("pauseDeployment", "deployment { id }", id=id_)
    (approval,) = (await read_deployment(ann, id_))["approvals"]
    assert approval["viewerCanDecide"]["allowed"]
    assert "The deployment is paused" in approval["viewerCanDecide"]["reason"]
    assert "No live worker serves the pool “nobody”" in approval["viewerCanDecide"]["reason"]


async def test_a_decided_step_reports_its_decision(system: System) -> None:
    environment, ann = await place(system), await approver(system)
    await system.start_worker()
    strategy = {"kind": "ROLLING", "steps": [{"requireApproval": True}]}
    for name, status, final_status in (("approve", True, "SUCCESS"), ("reject", False, "CANCELLED")):
        id_ = await environment.deploy(strategy=strategy)
        await system.admin.until(id_, "WAITING_CONFIRM")
        deployment = await read_deployment(ann, id_)
        assert deployment["strategy"]["steps"] == [{"requireApproval": True, "manualApprovalStatus": None}]
        (approval,) = deployment["approvals"]
        assert (approval["subject"], approval["rolloutStep"], approval["task"]["key"].endswith("/deploy")) == (
            "ROLLOUT_STEP",
            0,
            True,
        )
        assert deployment["tasks"][-1]["viewerCan"]["approve"]["allowed"]
        assert deployment["tasks"][-1]["blockers"][0]["approval"]["id"] == approval["id"]
        await decide(ann, name, approval["id"])
        await system.admin.until(id_, final_status)
        assert (await read_deployment(ann, id_))["strategy"]["steps"][0]["manualApprovalStatus"] is status
