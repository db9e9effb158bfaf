"""A working day from the terminal alone, against a real API and a real worker."""

import json
from pathlib import Path

import yaml

from tests.api.support.people import account
from tests.cli.support.running import boreas, done
from tests.support.system import System
from tests.support.world import task, world

DECLARED = """
kind: Environment
name: staging
operator: SHELL
---
kind: Environment
name: production
operator: SHELL
rank: 2
approvalPolicy: {{requiredApprovals: 1}}
---
kind: Application
name: web
build: {{command: [sh, -c, "echo building; test ! -e {broken}"]}}
shell: {{command: ["true"], rollbackCommand: ["true"]}}
"""


async def test_a_working_day(system: System, tmp_path: Path) -> None:
    await system.start_worker()
    file, broken = tmp_path / "boreas.yaml", tmp_path / "broken"
    file.write_text(DECLARED.format(broken=broken), encoding="utf-8")
    await done(system, "apply", "-f", str(file))
    assert (await done(system, "application", "list", "-o", "name")).lines == ["web"]
    assert (await done(system, "environment", "list", "-o", "name")).lines == ["staging", "production"]
    for name in ("v1", "v2"):
        await done(system, "version", "create", name, "--application", "web", "--commit", "4f2a")
    plan = await done(system, "deployment", "plan", "--version", "v1", "--environment", "production")
    assert "web/build" in plan.out and "1 of APPROVER or ADMIN for the deployment" in plan.out
    await done(system, "deploy", "--version", "v1", "--environment", "staging", "--follow")

    broken.touch()
    failed = await boreas(
        system, "deploy", "--version", "v2", "--environment", "staging", "--no-auto-rollback", "--follow"
    )
    assert failed.status == 1
    (id_,) = (await done(system, "deployment", "list", "--status", "failed", "-o", "name")).lines
    deployment = await done(system, "deployment", "show", id_)
    assert "✗ FAILED" in deployment.out and f"boreas task logs {id_}/web/build" in deployment.err
    assert f"boreas deployment retry {id_}" in deployment.err
    assert "building" in (await done(system, "task", "logs", f"{id_}/web/build")).out
    broken.unlink()
    retried = await done(system, "deployment", "retry", id_[:28])
    assert f"boreas watch {id_}" in retried.err
    assert (await boreas(system, "watch", id_, "--no-logs")).status == 0
    back = await done(system, "deployment", "rollback", id_, "--reason", "errors in checkout", "--yes", "--follow")
    assert "✓ SUCCESS  v1 in staging" in back.out
    assert "v1" in (await done(system, "environment", "show", "staging")).out

    await _freeze(system)
    await _approve(system)
    audited = await done(system, "audit", "list", "--action", "rollbackDeployment", "--since", "1h", "-o", "json")
    assert [entry["reason"] for entry in audited.data] == ["errors in checkout"]
    assert "rollbackDeployment" in (await done(system, "audit")).out


async def _freeze(system: System) -> None:
    await done(system, "freeze", "create", "staging", "--for", "2h", "--name", "sale", "--reason", "nobody is here")
    assert "frozen until" in (await done(system, "environment", "list")).out
    pending_id = (await done(system, "deploy", "--version", "v1", "--environment", "staging", "--json")).data["id"]
    assert "FREEZE: " in (await done(system, "deployment", "show", pending_id)).out
    override = ("freeze", "override", pending_id, "--reason", "payments are down", "-o", "json")
    overriding_id = (await done(system, *override)).data["id"]
    await system.admin.until(overriding_id, "SUCCESS")
    assert (await done(system, "deployment", "show", pending_id, "-o", "json")).data["status"] == "CANCELLED"
    repeated = await boreas(system, *override)
    assert (repeated.status, "does not wait for a freeze" in repeated.err) == (2, True)
    unknown = await boreas(system, "freeze", "delete", "sal")
    assert (unknown.status, "Did you mean “sale”?" in unknown.err) == (2, True)
    await done(system, "freeze", "delete", "sale", "--environment", "staging")
    assert "There is no freeze window." in (await done(system, "freeze", "list")).err


async def _approve(system: System) -> None:
    id_ = (await done(system, "deploy", "--version", "v1", "--environment", "production", "--json")).data["id"]
    await system.admin.until(id_, "WAITING_CONFIRM")
    ann = (await account(system.admin, {"role": "APPROVER"})).client.token
    (approval,) = (await done(system, "approval", "list", "-o", "name", token=ann)).lines
    assert "decide it" in (await done(system, "approval", "show", approval, token=ann)).out
    own = await boreas(system, "approval", "show", approval)
    assert "not decide it: " in own.out
    await done(system, "approval", "approve", id_, "--comment", "good", token=ann)
    await system.admin.until(id_, "SUCCESS")
    decided = await done(system, "approval", "list", "--deployment", id_, "-o", "json")
    assert decided.data[0]["decisions"][0]["comment"] == "good"


async def test_a_graph_is_edited_as_a_file(system: System, tmp_path: Path) -> None:
    environment = await world(system.admin)
    await environment.application("web", build={"command": ["make"]})
    id_ = await environment.deploy(autoStart=False)
    workflow = (await done(system, "workflow", "show", id_)).out
    graph = yaml.safe_load(workflow)
    graph["tasks"].append({"key": "smoke", "type": "CUSTOM", "command": {"command": ["curl", "-f", "http://web"]}})
    saved = await done(system, "workflow", "edit", id_, "--file", "-", stdin=yaml.safe_dump(graph))
    assert saved.out == "Saved as revision 2.\n"
    assert (await done(system, "workflow", "diff", id_)).out == "+ smoke (CUSTOM)\n"
    late = await boreas(system, "workflow", "edit", id_, "--file", "-", "--revision", "1", stdin=workflow)
    assert late.status == 2
    assert "From revision 1 to 2, others have changed:\n  + smoke" in late.err
    wrong = await boreas(system, "workflow", "edit", id_, "--file", "-", stdin=workflow.replace("BUILD", "BUIDL"))
    assert (wrong.status, "tasks[1].type: Invalid enum value 'BUIDL'" in wrong.err) == (2, True)
    await done(system, "workflow", "restore", id_, "1")
    assert (await done(system, "workflow", "show", id_)).out == workflow
    assert len((await done(system, "workflow", "revisions", id_, "-o", "json")).data) == 3


async def test_the_editor_shows_why_an_edit_was_refused(system: System, tmp_path: Path) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(autoStart=False)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/type: DEPLOY/type: DEPLOI/' \"$1\"\n", encoding="utf-8")
    editor.chmod(0o755)
    ran = await boreas(system, "workflow", "edit", id_, EDITOR=str(editor), VISUAL="")
    assert (ran.status, "Invalid enum value 'DEPLOI'" in ran.err) == (2, True)
    assert f"/{id_}.yaml" in ran.err
    untouched = await boreas(system, "workflow", "edit", id_, EDITOR="true", VISUAL="")
    assert (untouched.status, untouched.err) == (2, "Error: Nothing was changed.\n")


async def test_tasks_are_retried_skipped_cancelled_and_confirmed(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin, "SHELL")
    await environment.application("web")
    graph = [
        task("bad", command={"command": ["false"]}),
        task("later", "bad", command={"command": ["true"]}),
        task("asks", "later", command={"command": ["true"]}, requireConfirm=True),
    ]
    id_ = await environment.deploy(tasks=graph)
    await system.admin.until(id_, "FAILED")
    listed = await done(system, "task", "list", id_, "--status", "FAILED", "-o", "json")
    assert [item["key"] for item in listed.data] == ["bad"]
    details = await done(system, "task", "show", f"{id_}/bad")
    assert "exit status 1" in details.out and f"boreas task retry {id_}/bad" in details.err
    await done(system, "task", "retry", f"{id_}/bad")
    await system.admin.until(id_, "FAILED")
    await done(system, "task", "skip", f"{id_}/bad", "--reason", "known to fail")
    await done(system, "deployment", "retry", id_)
    await system.admin.until(id_, "WAITING_CONFIRM")
    ann = (await account(system.admin, {"role": "APPROVER"})).client.token
    assert (await done(system, "task", "confirm", f"{id_}/asks", token=ann)).out == "Confirmed: asks\n"
    await system.admin.until(id_, "SUCCESS")
    repeated = await boreas(system, "task", "confirm", f"{id_}/asks", token=ann)
    assert (repeated.status, "waits for no approval" in repeated.err) == (2, True)
    near = await boreas(system, "task", "retry", f"{id_}/bat")
    assert (near.status, "Did you mean “bad”?" in near.err) == (2, True)


async def test_deployments_are_paused_resumed_started_and_cancelled(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    ids = [await environment.deploy(autoStart=False), await environment.deploy(autoStart=False)]
    for verb in ("start", "pause", "resume"):
        assert len((await done(system, "deployment", verb, *ids)).lines) == 2
    mixed = await boreas(system, "deployment", "cancel", ids[0], "dep_nothing", ids[1], "--reason", "wrong version")
    assert (mixed.status, len(mixed.lines), mixed.err.count("Error: dep_nothing: ")) == (2, 2, 1)
    refused = await boreas(system, "deployment", "retry", ids[0])
    assert refused.status == 2
    assert "WRONG_STATE" in refused.err and "boreas deployment show" in refused.err
    events = await done(system, "deployment", "events", ids[0], "--all", "-o", "json")
    assert "wrong version" in {event.get("reason") for event in events.data}
    none = await boreas(system, "deployment", "promote", ids[0])
    assert none.status == 2


async def test_grants_are_created_shown_and_deleted(system: System) -> None:
    environment = await world(system.admin)
    answer = await system.admin.query(
        "query($id: ID!) { environment(id: $id) { name } }", id=environment.environment_id
    )
    place = ("--environment", answer["environment"]["name"])
    id_ = (await done(system, "service-account", "create", "release-bot", "-o", "name")).out.strip()
    await done(system, "grant", "create", id_, "deployer", *place)
    secret = (await done(system, "token", "create", "ci", "--scope", "DEPLOYER", "--service-account", id_)).out.strip()
    identity = await done(system, "whoami", token=secret)
    assert "release-bot" in identity.out and answer["environment"]["name"] in identity.out
    assert len((await done(system, "token", "list", "--of", id_, "-o", "json")).data) == 1
    refused = await boreas(system, "audit", "list", token=secret)
    assert (refused.status, "boreas whoami" in refused.err) == (2, True)
    await done(system, "grant", "delete", id_, "DEPLOYER", *place, "--yes")
    assert "has no role" in (await done(system, "grant", "list", id_)).err
    await done(system, "service-account", "revoke-tokens", id_, "--yes")
    assert "not shown" in (await done(system, "token", "list", "--of", id_)).err
    assert (await boreas(system, "whoami", token=secret)).status == 2


async def test_templates_are_saved_compared_and_archived(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    for keys in (("a",), ("a", "b")):
        id_ = await environment.deploy(tasks=[task(key) for key in keys], autoStart=False)
        await done(system, "template", "save", "nightly", "--from", id_, "--note", f"{len(keys)} tasks")
    assert (await done(system, "template", "list", "-o", "name")).lines == ["nightly"]
    assert (await done(system, "template", "diff", "nightly")).out == "+ b (CUSTOM)\n"
    template = await done(system, "template", "show", "nightly@1", "-o", "json")
    assert (template.data["note"], len(template.data["tasks"])) == ("1 tasks", 1)
    missing = await boreas(system, "template", "show", "nightly@9")
    assert (missing.status, "It has 1 to 2." in missing.err) == (2, True)
    await done(system, "template", "archive", "nightly", "--yes")
    assert "There is no template yet." in (await done(system, "template", "list")).err
    assert (await done(system, "template", "list", "--archived", "-o", "name")).lines == ["nightly"]


async def test_applications_are_archived_and_versions_compared(system: System) -> None:
    home = await world(system.admin)
    ids = [await home.application(name) for name in ("web", "api")]
    listed = (await done(system, "application", "list", "-o", "json")).data
    names = {item["id"]: item["name"] for item in listed}
    web, api = (names[id_] for id_ in ids)
    await done(system, "version", "create", "v1", "--application", f"{web}=registry/web:1", "--application", api)
    await done(system, "version", "create", "v2", "--application", f"{web}=registry/web:2")
    compared = (await done(system, "version", "compare", "v1", "v2", "-o", "json")).data
    assert {item["application"]: item["change"] for item in compared} == {web: "changed", api: "removed"}
    version_names = await done(system, "application", "versions", api, "-o", "name")
    assert version_names.lines == ["v1"]
    await done(system, "application", "archive", web, "--yes")
    assert web not in (await done(system, "application", "list", "-o", "name")).lines
    assert (await done(system, "application", "list", "--archived", "-o", "name")).lines == [web]
    await done(system, "application", "unarchive", web)
    near = await boreas(system, "application", "show", web[:-1])
    assert (near.status, f"Did you mean “{web}”" in near.err) == (2, True)
    policy = ("environment", "policy")
    environment = (await done(system, "environment", "list", "-o", "name")).out.strip()
    await done(system, *policy, environment, "--required", "2", "--role", "approver", "--yes")
    changed = await done(system, "environment", "update", environment, "--max-concurrent", "3", "-o", "json")
    assert (changed.data["maxConcurrentDeployments"], changed.data["approvalPolicy"]["requiredApprovals"]) == (3, 2)
    assert (await boreas(system, "environment", "update", environment)).status == 2
    assert json.loads((await done(system, "environment", "show", environment, "-o", "json")).out)["releases"] == []
