"""Editing a graph over the API: every mutation, its payload, and the revisions that it makes."""

import asyncio
from typing import Any

import pytest

from tests.api.support.people import account, codes
from tests.api.support.rows import at_once
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, task, world

GRAPH = """query($id: ID!) { deployment(id: $id) { workflow { revision editable
  tasks { id key name order payload position { x y } timeoutSeconds maxAttempts command { command } }
  edges { from to fromKey toKey } levels criticalPath
  revisions { number summary at author { name } tasks { key blockBy requireConfirm } } } } }"""
DIFF = """query($id: ID!, $from: Int!, $to: Int!) { deployment(id: $id) { workflow { diff(from: $from, to: $to) {
  added { key } removed { key } changed { key fields before { name } after { name } } } } } }"""
TASK_FIELDS = """key name type blockBy requireConfirm command { command image env timeoutSeconds maxAttempts } payload
  timeoutSeconds maxAttempts position { x y }"""


async def waiting(system: System, *tasks: Data, operator: str = "SIMULATED") -> tuple[World, str]:
    """Return a world and a deployment in it that has not started: a → b → c by default."""
    environment = await world(system.admin, operator)
    await environment.application("shop")
    graph = list(tasks) or [task("a"), task("b", "a"), task("c", "b")]
    return environment, await environment.deploy(tasks=graph, autoStart=False)


async def graph(client: Client, id_: str) -> Data:
    workflow: Data = (await client.query(GRAPH, id=id_))["deployment"]["workflow"]
    return workflow


async def edges(client: Client, id_: str) -> dict[str, list[str]]:
    """Return the keys of each task's blockers, by its key, in workflow order."""
    workflow = await graph(client, id_)
    keys = {task["id"]: task["key"] for task in workflow["tasks"]}
    waits: dict[str, list[str]] = {key: [] for key in keys.values()}
    for edge in workflow["edges"]:
        assert (edge["fromKey"], edge["toKey"]) == (keys[edge["from"]], keys[edge["to"]])
        waits[edge["toKey"]].append(edge["fromKey"])
    return waits


EDITS: list[tuple[str, Data, dict[str, list[str]]]] = [
    ("addTask", {"task": task("d", "c")}, {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}),
    ("updateTask", {"key": "c", "blockBy": ["a"]}, {"a": [], "b": ["a"], "c": ["a"]}),
    ("removeTask", {"key": "b"}, {"a": [], "c": ["a"]}),
    ("moveTask", {"key": "c", "direction": "UP"}, {"a": [], "c": ["b"], "b": ["a"]}),
    ("connectTasks", {"from": "a", "to": "c"}, {"a": [], "b": ["a"], "c": ["b", "a"]}),
    ("disconnectTasks", {"from": "a", "to": "b"}, {"a": [], "b": [], "c": ["b"]}),
    ("updateWorkflow", {"tasks": [task("z"), task("a", "z")]}, {"z": [], "a": ["z"]}),
]


@pytest.mark.parametrize(("mutation", "fields", "expected"), EDITS)
async def test_an_edit_returns_the_new_graph(
    shared: System, mutation: str, fields: Data, expected: dict[str, list[str]]
) -> None:
    _, id_ = await waiting(shared)
    payload = await shared.admin.change(
        mutation,
        "deployment { id status } workflow { revision tasks { key } }",
        deploymentId=id_,
        expectedRevision=1,
        **fields,
    )
    assert (payload["deployment"]["id"], payload["workflow"]["revision"]) == (id_, 2)
    assert [task["key"] for task in payload["workflow"]["tasks"]] == list(expected)
    blockers = await edges(shared.admin, id_)
    assert list(blockers.items()) == list(expected.items())


async def test_omitted_fields_of_a_task_stay_unchanged(shared: System) -> None:
    step = {"command": ["make"], "env": {"A": "1"}, "timeoutSeconds": 60, "maxAttempts": 2}
    _, id_ = await waiting(shared, task("a", command=step, payload={"seconds": 1}))
    change = {"deploymentId": id_, "key": "a"}

    async def change_task(**fields: Any) -> Data:
        revision = (await graph(shared.admin, id_))["revision"]
        await shared.admin.change("updateTask", "workflow { revision }", expectedRevision=revision, **change, **fields)
        (item,) = (await graph(shared.admin, id_))["tasks"]
        return {name: item[name] for name in ("name", "payload", "timeoutSeconds", "maxAttempts", "command")}

    initial = {
        "name": "a",
        "payload": {"seconds": 1},
        "timeoutSeconds": 60,
        "maxAttempts": 2,
        "command": {"command": ["make"]},
    }
    assert await change_task(name="Ä 🚀") == initial | {"name": "Ä 🚀"}
    assert await change_task(timeoutSeconds=5) == initial | {"name": "Ä 🚀", "timeoutSeconds": 5}
    changes = {"command": ["ls"], "timeoutSeconds": 7}
    limits = {"timeoutSeconds": 7, "maxAttempts": 1, "command": {"command": ["ls"]}}
    assert await change_task(command=changes) == initial | {"name": "Ä 🚀"} | limits
    assert await change_task(command=None, payload=None) == initial | {"name": "Ä 🚀", "payload": {}} | limits | {
        "command": None
    }


async def test_a_stale_edit_is_refused_with_both_revisions(shared: System) -> None:
    _, id_ = await waiting(shared)
    await shared.admin.change("removeTask", "workflow { revision }", deploymentId=id_, expectedRevision=1, key="c")
    document = """mutation($input: EditTaskInput!) { removeTask(input: $input) { deployment { id } workflow { revision }
      errors { __typename code message path ... on RevisionConflict { expected actual } } } }"""
    fields = {"deploymentId": id_, "expectedRevision": 1, "key": "b"}
    answer = (await shared.admin.query(document, input=fields))["removeTask"]
    (error,) = answer["errors"]
    assert "revision 2" in error.pop("message")
    assert error == {
        "__typename": "RevisionConflict", "code": "REVISION_CONFLICT", "path": ["expectedRevision"],
        "expected": 1, "actual": 2,
    }  # fmt: skip
    assert (answer["deployment"], answer["workflow"]) == (None, None)


async def test_of_two_concurrent_edits_one_succeeds(shared: System) -> None:
    environment, id_ = await waiting(shared)
    deployer = (await account(shared.admin, {"role": "DEPLOYER"})).client
    calls = [
        client.mutate("addTask", "workflow { revision }", deploymentId=id_, expectedRevision=1, task=task(key))
        for client, key in ((shared.admin, "mine"), (deployer, "theirs"))
    ]
    answers = await at_once(shared, f"SELECT 1 FROM deployments WHERE id = '{id_}' FOR UPDATE", *calls)
    assert sorted(codes(answer) for answer in answers) == [[], ["REVISION_CONFLICT"]]
    assert len(await edges(environment.client, id_)) == 4


async def test_all_faults_of_an_edit_are_reported_at_once(shared: System) -> None:
    _, id_ = await waiting(shared, task("a", command={"command": ["true"]}), operator="SHELL")
    tasks = [task("a", "ghost"), task("b", "b", command={"command": ["echo", "${{ parameters.x }}"]})]
    document = """mutation($input: UpdateWorkflowInput!) { updateWorkflow(input: $input) {
      errors { code path ... on WorkflowFault { kind taskKeys } } } }"""
    fields = {"deploymentId": id_, "expectedRevision": 1, "tasks": tasks}
    errors = (await shared.admin.query(document, input=fields))["updateWorkflow"]["errors"]
    reported = {(error["kind"], *error["taskKeys"]) for error in errors}
    assert reported == {
        ("UNKNOWN_BLOCKER", "a", "ghost"), ("SELF_BLOCK", "b"), ("MISSING_COMMAND", "a"), ("MISSING_PARAMETER", "b"),
    }  # fmt: skip
    assert all(error["path"] == ["tasks"] for error in errors)


async def test_revisions_can_be_read_and_compared(shared: System) -> None:
    _, id_ = await waiting(shared)
    edit = {"deploymentId": id_}
    await shared.admin.change("updateTask", "workflow { revision }", expectedRevision=1, key="b", name="B", **edit)
    await shared.admin.change("removeTask", "workflow { revision }", expectedRevision=2, key="a", **edit)
    added = task("d", requireConfirm=True)
    await shared.admin.change("addTask", "workflow { revision }", expectedRevision=3, task=added, **edit)
    revisions = (await graph(shared.admin, id_))["revisions"]
    assert [(revision["number"], revision["summary"], revision["author"]["name"]) for revision in revisions] == [
        (1, "created", "admin"), (2, "changed b (name)", "admin"), (3, "removed a", "admin"), (4, "added d", "admin"),
    ]  # fmt: skip
    assert [[task["key"] for task in revision["tasks"]] for revision in revisions] == [
        list("abc"),
        list("abc"),
        list("bc"),
        list("bcd"),
    ]
    assert [revision["tasks"][-1]["requireConfirm"] for revision in revisions] == [False, False, False, True]
    difference = (await shared.admin.query(DIFF, id=id_, **{"from": 1, "to": 4}))["deployment"]["workflow"]["diff"]
    assert difference == {
        "added": [{"key": "d"}],
        "removed": [{"key": "a"}],
        "changed": [
            {"key": "b", "fields": ["name", "blockBy"], "before": {"name": "b"}, "after": {"name": "B"}},
        ],
    }
    back = (await shared.admin.query(DIFF, id=id_, **{"from": 4, "to": 1}))["deployment"]["workflow"]["diff"]
    assert (back["added"], back["removed"]) == (difference["removed"], difference["added"])


async def test_an_unknown_revision_is_not_found(shared: System) -> None:
    _, id_ = await waiting(shared)
    result = await shared.admin.execute(DIFF, id=id_, **{"from": 1, "to": 7})
    (error,) = result["errors"]
    assert (error["extensions"]["code"], error["extensions"]["path"]) == ("NOT_FOUND", ["to"])
    document = "query($id: ID!, $n: Int!) { deployment(id: $id) { workflow { revisionAt(number: $n) { summary } } } }"
    for number, expected in ((1, {"summary": "created"}), (2, None), (0, None)):
        data = await shared.admin.query(document, id=id_, n=number)
        assert data["deployment"]["workflow"]["revisionAt"] == expected


async def test_restoring_makes_a_new_revision_equal_to_the_old_one(shared: System) -> None:
    _, id_ = await waiting(shared)
    edit = {"deploymentId": id_}
    await shared.admin.change("updateWorkflow", "workflow { revision }", expectedRevision=1, tasks=[task("x")], **edit)
    payload = await shared.admin.change(
        "restoreWorkflow", "workflow { revision tasks { key } }", expectedRevision=2, revision=1, **edit
    )
    assert payload["workflow"] == {"revision": 3, "tasks": [{"key": key} for key in "abc"]}
    diff = (await shared.admin.query(DIFF, id=id_, **{"from": 1, "to": 3}))["deployment"]["workflow"]["diff"]
    assert diff == {"added": [], "removed": [], "changed": []}


async def test_the_tasks_of_a_revision_can_be_sent_back_unchanged(shared: System) -> None:
    step = {"command": ["make", "“🚀”"], "env": {"A": "$x"}, "timeoutSeconds": 60, "maxAttempts": 2}
    _, id_ = await waiting(
        shared,
        task("a", command=step, payload={"n": [1, None]}, position={"x": 1.5, "y": -2}),
        task("b", "a", requireConfirm=True),
    )
    document = f"""query($id: ID!) {{ deployment(id: $id) {{ workflow {{
      revisionAt(number: 1) {{ tasks {{ {TASK_FIELDS} }} }} }} }} }}"""
    tasks = (await shared.admin.query(document, id=id_))["deployment"]["workflow"]["revisionAt"]["tasks"]
    edit = {"deploymentId": id_, "expectedRevision": 1, "tasks": tasks, "summary": "sent back"}
    await shared.admin.change("updateWorkflow", "workflow { revision }", **edit)
    diff = (await shared.admin.query(DIFF, id=id_, **{"from": 1, "to": 2}))["deployment"]["workflow"]["diff"]
    assert diff == {"added": [], "removed": [], "changed": []}


async def test_setting_positions_makes_no_revision(shared: System) -> None:
    _, id_ = await waiting(shared)
    positions = [{"key": "a", "position": {"x": 1.5, "y": -2}}]
    payload = await shared.admin.change(
        "setTaskPositions", "workflow { revision tasks { position { x y } } }", deploymentId=id_, positions=positions
    )
    assert payload["workflow"] == {
        "revision": 1,
        "tasks": [{"position": {"x": 1.5, "y": -2}}, {"position": None}, {"position": None}],
    }


async def test_viewer_can_reports_why_an_edit_is_not_allowed(shared: System) -> None:
    _, id_ = await waiting(shared)
    document = """query($id: ID!) { deployment(id: $id) {
      workflow { editable } viewerCan { editWorkflow { allowed reason } } } }"""
    viewer = (await account(shared.admin, {"role": "VIEWER"})).client

    async def permissions(client: Client) -> tuple[bool, bool, str | None]:
        deployment = (await client.query(document, id=id_))["deployment"]
        can = deployment["viewerCan"]["editWorkflow"]
        return deployment["workflow"]["editable"], can["allowed"], can["reason"]

    assert await permissions(shared.admin) == (True, True, None)
    assert (await permissions(viewer))[:2] == (True, False)
    await shared.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="a test")
    editable, allowed, reason = await permissions(shared.admin)
    assert (editable, allowed) == (False, False) and "CANCELLED" in (reason or "")


async def test_a_feed_continues_after_an_edit_removes_a_reported_task(shared: System) -> None:
    _, id_ = await waiting(shared, task("a"), task("b"))
    edit = {"deploymentId": id_}
    connected = {"from": "a", "to": "b"}
    await shared.admin.change("connectTasks", "workflow { revision }", expectedRevision=1, **connected, **edit)
    await shared.admin.change("removeTask", "workflow { revision }", expectedRevision=2, key="b", **edit)
    await shared.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="a test")
    document = """subscription($id: ID!) { deploymentEvents(id: $id) { events { __typename actor { name }
      ... on WorkflowChanged { revision summary }
      ... on TaskStatusChanged { to task { key status errorMessage } } } } }"""
    feed_events = [
        event
        async for batch in shared.admin.subscribe(document, id=id_)
        for event in batch["deploymentEvents"]["events"]
    ]
    changes = [
        (event["revision"], event["summary"]) for event in feed_events if event["__typename"] == "WorkflowChanged"
    ]
    assert changes == [(2, "connected a → b"), (3, "removed b")]
    (removed_task, *_) = [event["task"] for event in feed_events if event["__typename"] == "TaskStatusChanged"]
    assert removed_task == {"key": "b", "status": "CANCELLED", "errorMessage": "An edit removed it from the workflow."}


async def test_two_sockets_that_edit_in_turns_receive_each_others_events(shared: System) -> None:
    _, id_ = await waiting(shared)
    document = "subscription($id: ID!) { deploymentEvents(id: $id) { events { ... on WorkflowChanged { revision } } } }"

    async def edit_after_each_revision(client: Client, mine: int) -> list[int]:
        """Add a task after each revision whose parity is `mine`."""
        revisions = []
        if mine == 1:
            await client.change(
                "addTask", "workflow { revision }", deploymentId=id_, expectedRevision=1, task=task("n1")
            )
        async for batch in client.subscribe(document, id=id_):
            for event in batch["deploymentEvents"]["events"]:
                if "revision" not in event:
                    continue
                revisions.append(event["revision"])
                if event["revision"] == 8:
                    return revisions
                if event["revision"] % 2 != mine:
                    continue
                await client.change(
                    "addTask", "workflow { revision }",
                    deploymentId=id_, expectedRevision=event["revision"], task=task(f"n{event['revision']}"),
                )  # fmt: skip
        return revisions

    received = await asyncio.gather(
        edit_after_each_revision(shared.admin, 1), edit_after_each_revision(shared.admin, 0)
    )
    assert list(received) == [list(range(2, 9))] * 2


async def test_the_critical_path_follows_the_last_durations(shared: System) -> None:
    environment = await world(shared.admin)
    app = await environment.application("shop")
    await shared.start_worker()
    document = "query($id: ID!) { deployment(id: $id) { workflow { criticalPath tasks { id key } } } }"
    quick, slow = {"seconds": 0, "lines": 0}, {"seconds": 0.3, "lines": 0}
    graph = [
        task("x", applicationId=app, payload=slow),
        task("y", applicationId=app, payload=quick),
        task("z", "y", payload=quick),
    ]

    async def critical_path(id_: str) -> list[str]:
        workflow = (await shared.admin.query(document, id=id_))["deployment"]["workflow"]
        keys = {task["id"]: task["key"] for task in workflow["tasks"]}
        return [keys[id_] for id_ in workflow["criticalPath"]]

    first_id = await environment.deploy(tasks=graph, autoStart=False)
    assert await critical_path(first_id) == ["y", "z"]
    await shared.admin.change("startDeployment", "deployment { id }", id=first_id)
    await shared.admin.until(first_id, "SUCCESS")
    version = await environment.version()
    assert await critical_path(await environment.deploy(version, tasks=graph, autoStart=False)) == ["x"]
    fields = {"versionId": version, "environmentIds": [environment.environment_id], "tasks": graph}
    plan = "query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) { criticalPath levels } }"
    assert (await shared.admin.query(plan, input=fields))["deploymentPlan"] == {
        "criticalPath": ["x"],
        "levels": [["x", "y"], ["z"]],
    }
