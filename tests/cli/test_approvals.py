"""`approvals`, `approve`, `reject` and `watch`, as real processes against a real API."""

import json

from tests.api.support.people import account
from tests.cli.test_commands import boreas
from tests.support.system import System
from tests.support.world import task, world

ASKING = task("ask", requireConfirm=True)


async def test_pending_approvals_are_shown_and_approved(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[ASKING])
    ann = {"BOREAS_TOKEN": (await account(system.admin, {"role": "APPROVER"})).client.token}
    listing = await boreas(system, "approvals", **ann)
    assert (listing.status, "ask, v1 to env-" in listing.out, "1 of 1 missing" in listing.out) == (0, True, True)
    assert "is deployed by: true" in listing.out and "differs from what runs now in: deploy" in listing.out
    (approval,) = [json.loads(line) for line in (await boreas(system, "approvals", "--json", **ann)).out.splitlines()]
    own = await boreas(system, "approve", id_)
    assert (own.status, "SELF_APPROVAL" in own.err, approval["id"] in own.err) == (2, True, True)
    done = await boreas(system, "approve", id_, "--comment", "good", **ann)
    assert (done.status, done.out.startswith("Approved: ask, v1 to env-")) == (0, True)
    repeated = await boreas(system, "approve", id_, **ann)
    assert (repeated.status, "waits for no approval" in repeated.err) == (2, True)
    assert (await boreas(system, "approvals", **ann)).out == ""
    await system.start_worker()
    watched = await boreas(system, "watch", id_)
    assert watched.status == 0
    assert "? ASKED" in watched.out and "ask: waits for one person with the role APPROVER or ADMIN" in watched.out
    assert "✓ APPROVED" in watched.out and ": good" in watched.out


async def test_rejecting_two_approvals_reports_the_one_that_fails(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[ASKING])
    assert (await boreas(system, "approvals", "--json")).out == ""
    answer = await system.admin.query("query($id: ID!) { deployment(id: $id) { approvals { id } } }", id=id_)
    (approval,) = answer["deployment"]["approvals"]
    ran = await boreas(system, "reject", approval["id"], "apr_nothing", "--comment", "no")
    assert (ran.status, ran.out.startswith("Rejected: ask, v1 to env-")) == (2, True)
    assert "apr_nothing: There is no approval" in ran.err
    assert (await boreas(system, "watch", id_)).status == 4
    unknown = await boreas(system, "approve", "dep_nothing")
    assert (unknown.status, "no deployment “dep_nothing”" in unknown.err) == (2, True)


async def test_watching_shows_expired_approvals(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    policy = {"environmentId": environment.environment_id, "requiredApprovals": 1, "timeoutSeconds": 1}
    await system.admin.change("setApprovalPolicy", "environment { id }", **policy)
    id_ = await environment.deploy(tasks=[ASKING])
    await system.start_worker()
    watched = await boreas(system, "watch", id_)
    (line,) = [line for line in watched.out.splitlines() if "EXPIRED" in line]
    assert "deployment of v1" in line and "nobody approved until" in line and "by" not in line


async def add_task(system: System, id_: str, revision: int = 1) -> None:
    payload = {"deploymentId": id_, "expectedRevision": revision, "task": task("more", command={"command": ["true"]})}
    await system.admin.change("addTask", "deployment { id }", **payload)


async def test_an_edited_workflow_is_shown_and_approved_only_by_its_revision(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web", shell={"command": ["./deploy.sh", "now"]})
    id_ = await environment.deploy(tasks=[ASKING])
    ann = {"BOREAS_TOKEN": (await account(system.admin, {"role": "APPROVER"})).client.token}
    await add_task(system, id_)
    refused = await boreas(system, "approve", id_, **ann)
    assert (refused.status, refused.out) == (2, "")
    for part in (
        "revision 2, will run:",
        "is deployed by: ./deploy.sh now",
        "added more",
        f"approve {id_} --revision 2",
    ):
        assert part in refused.err
    stale = await boreas(system, "approve", id_, "--revision", "1", **ann)
    assert (stale.status, "REVISION_CONFLICT" in stale.err) == (2, True)
    done = await boreas(system, "approve", id_, "--revision", "2", **ann)
    assert (done.status, done.out.startswith("Approved: ask, v1 to env-")) == (0, True)


async def test_more_approvals_than_one_mutation_takes_are_decided(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    ann = {"BOREAS_TOKEN": (await account(system.admin, {"role": "APPROVER"})).client.token}
    graph = [task(f"ask-{number}", requireConfirm=True) for number in range(103)]
    rejected = await boreas(system, "reject", await environment.deploy(tasks=graph), **ann)
    assert (rejected.status, rejected.out.count("Rejected")) == (0, 1)
    approved = await boreas(system, "approve", await environment.deploy(tasks=graph), **ann)
    assert (approved.status, approved.out.count("Approved")) == (0, 103)
