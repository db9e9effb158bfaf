"""Attempts to run something without approval in an environment with a policy.

In: an environment of real commands with a policy, and a person who may deploy but not approve. They try custom graphs,
edits, templates, skips, rollbacks and changed definitions. Out: nothing runs that was not approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.support.people import Account, account, codes
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import World, task, unique, world

SEEN = """query($id: ID!) { deployment(id: $id) { status requireConfirm errorMessage rollbackOf { id }
  workflow { revision } tasks { id key type status attempt viewerCan { skip { allowed reason } } }
  viewerCan { rollback { allowed reason } retry { allowed reason } start { allowed reason } }
  approvals { id status subject revision missing viewerCanDecide { allowed reason } decisions { counts actor { id } } }
  definitions { application { id } build { command } deploy { ... on ShellTarget { command rollbackCommand } }
    differsFromRunning differsFromCurrent } } }"""


@dataclass(slots=True)
class Production:
    """An environment with a policy in which each command leaves a trace, with a deployer and approvers."""

    system: System
    environment: World
    notes: Path
    app: str
    deployer: Account
    approvers: Sequence[Account]

    def command(self, note: str) -> list[str]:
        return ["sh", "-c", f"echo {note} >> {self.notes}"]

    @property
    def ran(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").split() if self.notes.exists() else []

    async def read_deployment(self, id_: str) -> Data:
        return dict((await self.deployer.client.query(SEEN, id=id_))["deployment"])

    async def make(self, version: str, **fields: object) -> str:
        arguments = {"versionId": version, "environmentIds": [self.environment.environment_id]} | fields
        payload = await self.deployer.client.change("createDeployment", "deployments { id }", **arguments)
        return str(payload["deployments"][0]["id"])

    async def until(self, id_: str, *statuses: str) -> Data:
        await self.system.admin.until(id_, *statuses)
        return await self.read_deployment(id_)

    async def approve(self, id_: str, *people: Account) -> None:
        for person in people or self.approvers:
            pending = [
                approval["id"]
                for approval in (await self.read_deployment(id_))["approvals"]
                if approval["status"] == "PENDING"
            ]
            answer = await person.client.mutate("approve", "approvals { id }", approvalIds=pending)
            assert answer["errors"] == [], answer

    async def deploy_approved(self, version: str) -> str:
        """Deploy with the required approvals."""
        id_ = await self.make(version)
        await self.until(id_, "WAITING_CONFIRM")
        await self.approve(id_)
        await self.until(id_, "SUCCESS")
        return id_

    async def version(self, name: str) -> str:
        return await self.environment.version(unique(name))


@pytest.fixture
async def production(system: System, tmp_path: Path) -> Production:
    environment = await world(system.admin, operator="SHELL")
    deployer = await account(system.admin, {"role": "DEPLOYER"})
    approvers = [await account(system.admin, {"role": "APPROVER"}) for _ in range(2)]
    created = Production(system, environment, tmp_path / "notes", "", deployer, approvers)
    created.app = await environment.application("web", shell={"command": created.command("good"), "instances": ["one"]})
    policy = {"environmentId": environment.environment_id, "requiredApprovals": 2}
    await system.admin.change("setApprovalPolicy", "environment { id }", **policy)
    await system.start_worker()
    return created


@pytest.mark.parametrize("kind", ["PREPARE", "BUILD", "TEST", "DEPLOY", "HEALTH_CHECK", "CUSTOM"])
async def test_a_custom_graph_waits_as_a_whole(production: Production, kind: str) -> None:
    own = task("x", type=kind, command={"command": production.command("evil")})
    if kind not in ("PREPARE", "CUSTOM"):
        own["applicationId"] = production.app
    if kind in ("DEPLOY", "HEALTH_CHECK"):
        del own["command"]
    id_ = await production.make(await production.version("v"), tasks=[own])
    deployment = await production.until(id_, "WAITING_CONFIRM")
    assert (deployment["requireConfirm"], [task["attempt"] for task in deployment["tasks"]]) == (True, [0])
    assert [(approval["subject"], approval["status"]) for approval in deployment["approvals"]] == [
        ("DEPLOYMENT", "PENDING")
    ]
    skipped = await production.deployer.client.mutate(
        "skipTask", "task { status }", id=deployment["tasks"][0]["id"], reason="past it"
    )
    assert skipped["errors"] == []
    assert (await production.read_deployment(id_))["status"] == "WAITING_CONFIRM"
    assert production.ran == []


@pytest.mark.parametrize("trusted", [False, True])
async def test_custom_builds_run_before_the_approval_only_if_trusted(production: Production, trusted: bool) -> None:
    policy = {"environmentId": production.environment.environment_id, "requiredApprovals": 2, "trustBuilds": trusted}
    await production.system.admin.change("setApprovalPolicy", "environment { id }", **policy)
    step = {"applicationId": production.app, "command": {"command": production.command("built")}}
    graph = [task("b", type="BUILD", **step), task("x", "b", command={"command": production.command("evil")})]
    id_ = await production.make(await production.version("v"), tasks=graph)
    deployment = await production.until(id_, "WAITING_CONFIRM")
    assert [task["status"] for task in deployment["tasks"]] == (
        ["SUCCESS", "PENDING"] if trusted else ["PENDING", "BLOCKED"]
    )
    assert production.ran == (["built"] if trusted else [])


async def test_an_edit_requests_approval_again_and_removes_no_request(production: Production) -> None:
    id_ = await production.make(await production.version("v"))
    await production.until(id_, "WAITING_CONFIRM")
    (first_approval,) = (await production.read_deployment(id_))["approvals"]
    await production.approve(id_, production.approvers[0])
    graph = [task("x", command={"command": production.command("evil")})]
    deployment = await production.read_deployment(id_)
    done = [{"key": task["key"], "name": "Prepare", "type": "PREPARE"} for task in deployment["tasks"][:1]]
    edited = await production.deployer.client.mutate(
        "updateWorkflow", "deployment { id }", deploymentId=id_, expectedRevision=1, tasks=[*done, *graph]
    )
    assert edited["errors"] == []
    deployment = await production.read_deployment(id_)
    assert [(approval["status"], approval["revision"]) for approval in deployment["approvals"]] == [
        ("CANCELLED", 1),
        ("PENDING", 2),
    ]
    assert deployment["approvals"][1]["missing"] == 2
    late = await production.approvers[1].client.mutate(
        "approve", "approvals { id }", approvalIds=[first_approval["id"]]
    )
    assert codes(late) == ["WRONG_STATE"]
    await production.system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="no")
    assert production.ran == []


async def test_the_editor_of_a_workflow_cannot_approve_it(production: Production) -> None:
    editor = await account(production.system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    id_ = await production.make(await production.version("v"))
    await production.until(id_, "WAITING_CONFIRM")
    evil = task("x", command={"command": production.command("evil")})
    await editor.client.change("addTask", "deployment { id }", deploymentId=id_, expectedRevision=1, task=evil)
    query = """query($id: ID!) { deployment(id: $id) { approvals { id status
      viewerCanDecide { allowed reason } } } myApprovals { nodes { id } } }"""
    data = await editor.client.query(query, id=id_)
    pending = data["deployment"]["approvals"][-1]
    assert (pending["status"], pending["viewerCanDecide"]["allowed"]) == ("PENDING", False)
    assert data["myApprovals"]["nodes"] == []
    answer = await editor.client.mutate("approve", "approvals { id }", approvalIds=[pending["id"]])
    assert codes(answer) == ["SELF_APPROVAL"]
    await production.approve(id_, production.approvers[0])
    await editor.client.change("restoreWorkflow", "deployment { id }", deploymentId=id_, expectedRevision=2, revision=1)
    third_approval = (await production.read_deployment(id_))["approvals"][-1]
    assert (third_approval["revision"], third_approval["missing"]) == (3, 2)


async def test_restoring_a_revision_does_not_hide_its_author(production: Production) -> None:
    writer = await account(production.system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    id_ = await production.make(await production.version("v"))
    await production.until(id_, "WAITING_CONFIRM")
    evil = task("x", command={"command": production.command("evil")})
    edit = {"deploymentId": id_, "selection": "deployment { id }"}
    selection = edit.pop("selection")
    await writer.client.change("addTask", selection, **edit, expectedRevision=1, task=evil)
    await production.deployer.client.change("removeTask", selection, **edit, expectedRevision=2, key="x")
    await production.approve(id_)
    await production.until(id_, "RUNNING", "SUCCESS")


async def test_a_decision_does_not_count_after_the_right_is_lost(production: Production) -> None:
    first_approver, second_approver = production.approvers
    id_ = await production.make(await production.version("v"))
    await production.until(id_, "WAITING_CONFIRM")
    await production.approve(id_, first_approver)
    await production.system.admin.change("revokeRole", "actor { id }", actorId=first_approver.id, role="APPROVER")
    assert (await production.read_deployment(id_))["approvals"][0]["missing"] == 2
    await production.approve(id_, second_approver)
    (approval,) = (await production.read_deployment(id_))["approvals"]
    assert (approval["status"], approval["missing"]) == ("PENDING", 1)
    votes = {decision["actor"]["id"]: decision["counts"] for decision in approval["decisions"]}
    assert votes == {first_approver.id: False, second_approver.id: True}
    assert production.ran == []
    await production.system.admin.change("grantRole", "actor { id }", actorId=first_approver.id, role="APPROVER")
    await production.approve(id_, first_approver)
    await production.until(id_, "SUCCESS")
    assert production.ran == ["good"]


async def test_a_rollback_runs_the_earlier_definitions(production: Production) -> None:
    await production.deploy_approved(await production.version("v1"))
    second_id = await production.deploy_approved(await production.version("v2"))
    evil = {"command": production.command("evil"), "instances": ["one"]}
    await production.deployer.client.change(
        "updateApplication",
        "application { id }",
        id=production.app,
        shell=evil,
        build={"command": production.command("evil")},
    )
    payload = await production.deployer.client.change(
        "rollbackDeployment", "deployment { id }", id=second_id, reason="back"
    )
    deployment = await production.until(payload["deployment"]["id"], "SUCCESS")
    assert (deployment["approvals"], deployment["requireConfirm"]) == ([], False)
    assert production.ran == ["good"] * 3
    assert deployment["definitions"][0]["differsFromCurrent"] == ["build", "deploy"]


@pytest.mark.parametrize("edit", ["addTask", "updateWorkflow"])
async def test_an_edited_rollback_needs_approval(production: Production, edit: str) -> None:
    await production.deploy_approved(await production.version("v1"))
    second_id = await production.deploy_approved(await production.version("v2"))
    await production.make(await production.version("v3"))
    payload = await production.deployer.client.change(
        "rollbackDeployment", "deployment { id }", id=second_id, reason="back"
    )
    id_ = payload["deployment"]["id"]
    evil = task("x", command={"command": production.command("evil")})
    fields: Data = {"task": evil} if edit == "addTask" else {"tasks": [evil]}
    await production.deployer.client.change(edit, "deployment { id }", deploymentId=id_, expectedRevision=1, **fields)
    holder = await production.deployer.client.query("{ deployments(first: 2) { nodes { id status } } }")
    rollback_id = next(node["id"] for node in holder["deployments"]["nodes"] if node["id"] != id_)
    await production.deployer.client.change("cancelDeployment", "deployment { id }", id=rollback_id, reason="make room")
    deployment = await production.until(id_, "WAITING_CONFIRM")
    assert deployment["requireConfirm"] is True
    assert [approval["status"] for approval in deployment["approvals"]] == ["PENDING"]
    assert "evil" not in production.ran


async def test_the_graph_to_approve_is_visible_after_a_rename(production: Production) -> None:
    await production.deploy_approved(await production.version("v1"))
    benign = {"command": ["echo", "benign"], "instances": ["one"]}
    change = ("updateApplication", "application { id }")
    client = production.deployer.client
    await client.change(*change, id=production.app, shell=benign | {"command": production.command("hidden")})
    id_ = await production.make(await production.version("v2"))
    await client.change(*change, id=production.app, shell=benign)
    await production.until(id_, "WAITING_CONFIRM")
    data = await production.approvers[0].client.query(SEEN, id=id_)
    (definition,) = data["deployment"]["definitions"]
    assert definition["deploy"]["command"] == production.command("hidden")
    assert (definition["differsFromRunning"], definition["differsFromCurrent"]) == (["deploy"], ["deploy"])


async def test_a_decision_names_the_reviewed_revision(production: Production) -> None:
    id_ = await production.make(await production.version("v"))
    await production.until(id_, "WAITING_CONFIRM")
    more = {"deploymentId": id_, "task": task("x", command={"command": ["true"]})}
    await production.deployer.client.change("addTask", "deployment { id }", **more, expectedRevision=1)
    ann = production.approvers[0].client
    pending = (await production.read_deployment(id_))["approvals"][-1]["id"]
    stale = await ann.mutate("approve", "approvals { id }", approvalIds=[pending], expectedRevision=1)
    assert [(error["code"], error["path"]) for error in stale["errors"]] == [
        ("REVISION_CONFLICT", ["approvalIds", "0"])
    ]
    deployment = await ann.mutate("approve", "approvals { id }", approvalIds=[pending], expectedRevision=2)
    assert deployment["errors"] == []


GATED = [task("ask", requireConfirm=True), task("after", "ask")]


async def gated_deployment(system: System) -> tuple[World, Account, str]:
    """Return a deployment of a template with a task that needs approval, and its creator, a DEPLOYER."""
    environment = await world(system.admin)
    await environment.application("web")
    payload = await system.admin.change(
        "saveWorkflowTemplate", "version { id }", name=unique("gated"), tasks=[task("first"), *GATED]
    )
    deployer = await account(system.admin, {"role": "DEPLOYER"})
    fields = {
        "versionId": await environment.version(),
        "environmentIds": [environment.environment_id],
        "autoStart": False,
    }
    fields |= {"templateVersionId": payload["version"]["id"]}
    payload = await deployer.client.change("createDeployment", "deployments { id }", **fields)
    return environment, deployer, str(payload["deployments"][0]["id"])


PAST_THE_GATE: list[tuple[str, Data]] = [
    ("updateTask", {"key": "ask", "requireConfirm": False}),
    ("removeTask", {"key": "ask"}),
    ("disconnectTasks", {"from": "ask", "to": "after"}),
    ("updateTask", {"key": "after", "blockBy": []}),
    ("updateWorkflow", {"tasks": [task("after")]}),
    ("updateWorkflow", {"tasks": [task("ask"), task("after", "ask")]}),
    ("updateWorkflow", {"tasks": [*GATED[:1], task("after", "first"), task("first")]}),
]


@pytest.mark.parametrize(("mutation", "fields"), PAST_THE_GATE)
async def test_the_creator_cannot_remove_required_approvals_of_a_template(
    system: System, mutation: str, fields: Data
) -> None:
    _, deployer, id_ = await gated_deployment(system)
    edit = {"deploymentId": id_, "expectedRevision": 1} | fields
    assert codes(await deployer.client.mutate(mutation, "deployment { id }", **edit)) == ["FORBIDDEN"]
    approver = await account(system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    assert codes(await approver.client.mutate(mutation, "deployment { id }", **edit)) == []


async def test_only_an_approver_skips_a_task_that_needs_approval(system: System) -> None:
    _, deployer, id_ = await gated_deployment(system)
    deployment = (await deployer.client.query(SEEN, id=id_))["deployment"]
    ask = next(task for task in deployment["tasks"] if task["key"] == "ask")
    assert ask["viewerCan"]["skip"]["allowed"] is False
    order = {"id": ask["id"], "reason": "in a hurry"}
    assert codes(await deployer.client.mutate("skipTask", "task { id }", **order)) == ["FORBIDDEN"]
    approver = await account(system.admin, {"role": "DEPLOYER"}, {"role": "APPROVER"})
    assert codes(await approver.client.mutate("skipTask", "task { id }", **order)) == []


async def test_a_required_approval_can_be_removed_by_its_author_before_the_request(system: System) -> None:
    _, deployer, id_ = await gated_deployment(system)
    edit = {"deploymentId": id_}
    asking = task("mine", "first", requireConfirm=True)
    await deployer.client.change("addTask", "deployment { id }", **edit, expectedRevision=1, task=asking)
    other_deployer = await account(system.admin, {"role": "DEPLOYER"})
    refused = await other_deployer.client.mutate(
        "removeTask", "deployment { id }", **edit, expectedRevision=2, key="mine"
    )
    assert codes(refused) == ["FORBIDDEN"]
    await deployer.client.change("removeTask", "deployment { id }", **edit, expectedRevision=2, key="mine")


async def test_the_plan_lists_the_approvals_it_would_request(production: Production) -> None:
    query = """query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) {
      approvals { subject taskKey requiredApprovals approverRoles } definitions { differsFromRunning } } }"""
    fields = {"versionId": await production.version("v"), "environmentIds": [production.environment.environment_id]}
    plan = (await production.deployer.client.query(query, input=fields | {"tasks": [GATED[0]]}))["deploymentPlan"]
    roles = {"requiredApprovals": 2, "approverRoles": ["APPROVER", "ADMIN"]}
    assert plan["approvals"] == [
        {"subject": "DEPLOYMENT", "taskKey": None} | roles,
        {"subject": "TASK", "taskKey": "ask"} | roles,
    ]
    assert plan["definitions"] == [{"differsFromRunning": ["deploy"]}]
