"""Approvals over the API: asking, the inbox, deciding several, what the feed tells, and what lists show live.

In: deployments that ask, people with some rights. Out: what they read, what their verdicts answer, what comes live.
What goes on or back is tested in tests/services, who may decide in tests/core.
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
STORY = """query($id: ID!) { deployment(id: $id) {
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
    here = await world(system.admin, **fields)
    await here.application("app")
    return here


async def approver(system: System, **where: Any) -> Client:
    return (await account(system.admin, {"role": "APPROVER"} | where)).client


async def story(client: Client, id_: str) -> Data:
    return dict((await client.query(STORY, id=id_))["deployment"])


async def inbox(client: Client, **page: Any) -> Data:
    return dict((await client.query(INBOX, **page))["myApprovals"])


async def decide(client: Client, name: str, *ids: str, **fields: Any) -> Data:
    return await client.mutate(name, "approvals { id status }", approvalIds=list(ids), **fields)


async def test_a_deployment_is_asked_for_approved_and_told_of(system: System) -> None:
    here, ann = await place(system), await approver(system)
    id_ = await here.deploy(manualApproval=True)
    await system.start_worker()
    await system.admin.until(id_, "WAITING_CONFIRM")
    seen = await story(ann, id_)
    (one,) = seen["approvals"]
    assert (seen["manualApproval"], seen["requireConfirm"], seen["viewerCan"]["approve"]["allowed"]) == (True,) * 3
    (blocker,) = seen["gate"]["blockers"]
    assert (blocker["kind"], blocker["approval"]["id"]) == ("APPROVAL", one["id"])
    assert blocker["message"] == (
        "The deployment waits for one more approval by somebody with the role APPROVER or ADMIN."
    )
    assert (one["subject"], one["missing"]) == ("DEPLOYMENT", 1)
    assert one["viewerCanDecide"] == {"allowed": True, "reason": None}
    own = (await story(system.admin, id_))["approvals"][0]["viewerCanDecide"]
    assert not own["allowed"] and "You started this deployment" in own["reason"]
    assert (await decide(ann, "approve", one["id"], comment="good"))["approvals"] == [
        {"id": one["id"], "status": "APPROVED"}
    ]
    await system.admin.until(id_, "SUCCESS")
    seen = await story(ann, id_)
    told = [event for event in seen["events"]["nodes"] if event["__typename"].startswith("Approval")]
    assert [event["__typename"] for event in told] == ["ApprovalRequested", "ApprovalDecided"]
    assert (told[1]["verdict"], told[1]["comment"], told[1]["approval"]["status"]) == ("APPROVE", "good", "APPROVED")
    assert seen["approvals"][0]["decisions"][0]["actor"]["name"] == told[1]["actor"]["name"]
    node = "query($id: ID!) { node(id: $id) { ... on Approval { status } } }"
    assert (await ann.query(node, id=one["id"]))["node"] == {"status": "APPROVED"}


async def test_several_are_decided_each_on_its_own(system: System) -> None:
    here, there = await place(system), await place(system)
    ann = await approver(system, environmentId=here.environment_id)
    ids = [await one.deploy(tasks=[ASKING, task("b", "ask")]) for one in (here, there)]
    mine, others = [(await story(system.admin, id_))["approvals"][0]["id"] for id_ in ids]
    answer = await decide(ann, "approve", "nobody", mine, others, idempotencyKey="all")
    assert [one["id"] for one in answer["approvals"]] == [mine]
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [
        ("NOT_FOUND", ["approvalIds", "0"]),
        ("NOT_FOUND", ["approvalIds", "2"]),
    ]
    assert await decide(ann, "approve", "nobody", mine, others, idempotencyKey="all") == answer
    seen = await story(system.admin, ids[0])
    assert seen["tasks"][0]["confirmedBy"]["name"] and seen["tasks"][0]["confirmedAt"]
    assert codes(await decide(ann, "reject", mine)) == ["ALREADY_DECIDED"]
    assert codes(await decide(system.admin, "approve", others)) == ["SELF_APPROVAL"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"approvalIds": []}, ["approvalIds"]),
        ({"approvalIds": ["a", "a"]}, ["approvalIds"]),
        ({"approvalIds": ["a"] * 101}, ["approvalIds"]),
        ({"approvalIds": ["a"], "comment": "x" * 10_001}, ["comment"]),
    ],
)
async def test_bad_verdicts_are_refused(system: System, fields: Data, path: list[str]) -> None:
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
async def test_bad_policies_are_refused(system: System, fields: Data, path: list[str]) -> None:
    here = await place(system)
    answer = await system.admin.mutate(
        "setApprovalPolicy", "environment { id }", environmentId=here.environment_id, **fields
    )
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [("INVALID", path)]


async def test_a_policy_is_set_read_and_taken_away(system: System) -> None:
    here = await place(system)
    selection = """environment { approvalPolicy { requiredApprovals approverRoles allowSelfApproval trustBuilds
      timeoutSeconds onTimeout } }"""
    given = {"requiredApprovals": 2, "approverRoles": ["ADMIN"], "timeoutSeconds": 60, "onTimeout": "CANCEL"}
    given |= {"trustBuilds": True}
    made = await system.admin.change("setApprovalPolicy", selection, environmentId=here.environment_id, **given)
    assert made["environment"]["approvalPolicy"] == given | {"allowSelfApproval": False}
    id_ = await here.deploy()
    seen = await story(system.admin, id_)
    assert (seen["requireConfirm"], seen["approvals"][0]["requiredApprovals"]) == (True, 2)
    made = await system.admin.change(
        "setApprovalPolicy", selection, environmentId=here.environment_id, requiredApprovals=0
    )
    assert made["environment"]["approvalPolicy"] is None
    somebody = await account(system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    refused = await somebody.client.mutate(
        "setApprovalPolicy", "environment { id }", environmentId=here.environment_id, requiredApprovals=1
    )
    assert codes(refused) == ["FORBIDDEN"]


async def test_the_inbox_holds_what_one_may_decide_and_has_not(system: System) -> None:
    here, there = await place(system), await place(system)
    ann = await approver(system, environmentId=here.environment_id)
    for one in (here, there):
        await one.deploy(tasks=[task(f"t{number}", requireConfirm=True) for number in range(3)])
    whole = await inbox(ann)
    assert whole["totalCount"] == len(whole["nodes"]) == 3
    first = await inbox(ann, first=2)
    rest = await inbox(ann, first=2, after=first["pageInfo"]["endCursor"])
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert [*first["nodes"], *rest["nodes"]] == whole["nodes"]
    await decide(ann, "approve", whole["nodes"][0]["id"])
    assert (await inbox(ann))["nodes"] == whole["nodes"][1:]
    assert (await inbox(system.admin))["totalCount"] == 0
    assert (await inbox((await account(system.admin, {"role": "VIEWER"})).client))["nodes"] == []


@asynccontextmanager
async def followed(client: Client) -> AsyncIterator[dict[str, tuple[str, int]]]:
    """Follow an inbox, from a moment on at which it listens; what came last of each approval, by id."""
    came: dict[str, tuple[str, int]] = {}

    async def keep() -> None:
        async with aclosing(events(client, CHANGED)) as results:
            async for result in results:
                one = result["data"]["myApprovalsChanged"]
                came[one["id"]] = (one["status"], one["missing"])

    keeping = asyncio.create_task(keep())
    await asyncio.sleep(0.5)
    try:
        yield came
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def until(came: dict[str, tuple[str, int]], wanted: dict[str, tuple[str, int]]) -> None:
    async with asyncio.timeout(10):
        while came != wanted:
            await asyncio.sleep(0.02)


async def test_an_inbox_is_kept_live(system: System) -> None:
    here, there = await place(system), await place(system)
    await system.admin.change(
        "setApprovalPolicy", "environment { id }", environmentId=here.environment_id, requiredApprovals=2
    )
    ann, bob = [await approver(system, environmentId=here.environment_id) for _ in range(2)]
    async with followed(ann) as hers, followed(bob) as his:
        await there.deploy(tasks=[ASKING])
        id_ = await here.deploy(tasks=[ASKING])
        (one,) = [approval["id"] for approval in (await story(ann, id_))["approvals"]]
        await until(hers, {one: ("PENDING", 2)})
        await decide(ann, "approve", one)
        await until(his, {one: ("PENDING", 1)})
        await until(hers, {one: ("PENDING", 1)})
        await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="no")
        await until(his, {one: ("CANCELLED", 1)})


async def test_who_may_not_decide_any_more_is_not_told_any_more(system: System) -> None:
    here = await place(system)
    grant = {"role": "APPROVER", "environmentId": here.environment_id}
    ann = await account(system.admin, grant, {"role": "VIEWER"})
    async with followed(ann.client) as came:
        await system.admin.change("revokeRole", "actor { id }", actorId=ann.id, **grant)
        await asyncio.sleep(2)
        await here.deploy(tasks=[ASKING])
        await asyncio.sleep(2)
    assert came == {}


async def test_approving_what_can_not_go_on_says_so(system: System) -> None:
    here, ann = await place(system, workerPool="nobody"), await approver(system)
    id_ = await here.deploy(tasks=[ASKING])
    await system.admin.change("pauseDeployment", "deployment { id }", id=id_)
    (one,) = (await story(ann, id_))["approvals"]
    assert one["viewerCanDecide"]["allowed"]
    assert "The deployment is paused" in one["viewerCanDecide"]["reason"]
    assert "No live worker serves the pool “nobody”" in one["viewerCanDecide"]["reason"]


async def test_a_step_that_was_decided_says_how(system: System) -> None:
    here, ann = await place(system), await approver(system)
    await system.start_worker()
    strategy = {"kind": "ROLLING", "steps": [{"requireApproval": True}]}
    for name, status, ended in (("approve", True, "SUCCESS"), ("reject", False, "CANCELLED")):
        id_ = await here.deploy(strategy=strategy)
        await system.admin.until(id_, "WAITING_CONFIRM")
        seen = await story(ann, id_)
        assert seen["strategy"]["steps"] == [{"requireApproval": True, "manualApprovalStatus": None}]
        (one,) = seen["approvals"]
        assert (one["subject"], one["rolloutStep"], one["task"]["key"].endswith("/deploy")) == ("ROLLOUT_STEP", 0, True)
        assert seen["tasks"][-1]["viewerCan"]["approve"]["allowed"]
        assert seen["tasks"][-1]["blockers"][0]["approval"]["id"] == one["id"]
        await decide(ann, name, one["id"])
        await system.admin.until(id_, ended)
        assert (await story(ann, id_))["strategy"]["steps"][0]["manualApprovalStatus"] is status
