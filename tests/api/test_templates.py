"""Templates over the API: saved, compared, archived, and deployed with values for their parameters."""

import asyncio
from typing import Any

from tests.api.support.people import account, codes
from tests.api.support.rows import contents
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, task, unique, world

FAULTS = "errors { __typename code message path ... on WorkflowFault { kind taskKeys } }"
SAVED = "template { id name description archivedAt latest { id number } } version { id number note author { name } }"
TEMPLATE = """query($id: ID, $name: String) { workflowTemplate(id: $id, name: $name) { id name description archivedAt
  versions { id number note parameters { name description default required choices } template { id }
    tasks { key name applicationName blockBy requireConfirm command { command env } } } } }"""
SAY = {"command": ["echo", "${{ parameters.what }}"], "env": {"WHAT": "<${{parameters.what}}>"}}
PARAMETERS: list[Data] = [
    {"name": "what", "default": "hello", "description": "what to say"},
    {"name": "region", "required": True, "choices": ["eu", "us"]},
]
GRAPH = [
    task("say", command=SAY),
    task("go", "say", name="Go to ${{ parameters.region }}", command={"command": ["true"]}),
]


async def save(client: Client, **fields: Any) -> Data:
    """Save a template of two tasks and two parameters by default."""
    arguments = {"name": unique("template"), "tasks": GRAPH, "parameters": PARAMETERS} | fields
    return await client.change("saveWorkflowTemplate", SAVED, **arguments)


async def errors(client: Client, mutation: str, **fields: Any) -> list[Data]:
    """Call a mutation that must be refused, and return its errors."""
    kind = mutation[0].upper() + mutation[1:]
    document = f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {FAULTS} }} }}"
    reported: list[Data] = (await client.query(document, input=fields))[mutation]["errors"]
    assert reported
    return reported


def paths_and_codes(reported: list[Data]) -> list[tuple[str, str]]:
    """Return the kind and the path of each error."""
    return [(error.get("kind") or error["__typename"], ".".join(error["path"] or ())) for error in reported]


async def place(system: System) -> World:
    """Return a world with one application."""
    environment = await world(system.admin, "SHELL")
    await environment.application("shop")
    return environment


async def test_saving_under_an_existing_name_makes_the_next_version(shared: System) -> None:
    name = unique("template")
    first_saved = await save(shared.admin, name=name, description="says things", note="first")
    second_saved = await save(shared.admin, name=name, note="second", tasks=[task("x")], parameters=[])
    assert first_saved["template"]["id"] == second_saved["template"]["id"]
    assert second_saved["template"] | {"latest": None} == first_saved["template"] | {"latest": None}
    assert second_saved["template"]["latest"] == {"id": second_saved["version"]["id"], "number": 2}
    workflow_template = (await shared.admin.query(TEMPLATE, name=name))["workflowTemplate"]
    assert (await shared.admin.query(TEMPLATE, id=workflow_template["id"]))["workflowTemplate"] == workflow_template
    assert [
        (version["number"], version["note"], len(version["tasks"])) for version in workflow_template["versions"]
    ] == [
        (1, "first", 2),
        (2, "second", 1),
    ]
    assert workflow_template["versions"][0]["parameters"] == [
        {"name": "what", "description": "what to say", "default": "hello", "required": False, "choices": None},
        {"name": "region", "description": "", "default": None, "required": True, "choices": ["eu", "us"]},
    ]
    assert workflow_template["versions"][0]["tasks"][0]["command"] == SAY


async def test_ten_concurrent_versions_are_numbered_without_a_gap(shared: System) -> None:
    name = unique("template")
    payloads = await asyncio.gather(*(save(shared.admin, name=name) for _ in range(10)))
    assert sorted(payload["version"]["number"] for payload in payloads) == list(range(1, 11))


async def test_saving_twice_with_one_idempotency_key_saves_once(shared: System) -> None:
    fields = {"name": unique("template"), "idempotencyKey": unique("key")}
    first_saved = await save(shared.admin, **fields)
    assert await save(shared.admin, **fields) == first_saved


async def test_versions_can_be_compared(shared: System) -> None:
    name = unique("template")
    await save(shared.admin, name=name)
    await save(shared.admin, name=name, tasks=[task("say", command=SAY, requireConfirm=True), task("new")])
    document = """query($name: String!, $from: Int!, $to: Int!) { workflowTemplate(name: $name) {
      diff(from: $from, to: $to) { added { key } removed { key } changed { key fields } } } }"""
    data = await shared.admin.query(document, name=name, **{"from": 1, "to": 2})
    assert data["workflowTemplate"]["diff"] == {
        "added": [{"key": "new"}],
        "removed": [{"key": "go"}],
        "changed": [{"key": "say", "fields": ["requireConfirm"]}],
    }
    result = await shared.admin.execute(document, name=name, **{"from": 3, "to": 2})
    assert result["errors"][0]["extensions"] == {"code": "NOT_FOUND", "path": ["from"]}


async def test_a_deployment_keeps_the_template_version_it_was_made_from(shared: System) -> None:
    environment, name = await place(shared), unique("template")
    saved = await save(shared.admin, name=name)
    values = {"region": "us", "what": "“🚀” $1 \\g<0>"}
    id_ = await environment.deploy(templateVersionId=saved["version"]["id"], parameters=values, autoStart=False)
    await save(shared.admin, name=name, tasks=[task("other")], parameters=[])
    document = """query($id: ID!) { deployment(id: $id) { template { id number template { name latest { number } } }
      tasks { key name command { command env } } } }"""
    deployment = (await shared.admin.query(document, id=id_))["deployment"]
    assert deployment["template"] == {
        "id": saved["version"]["id"], "number": 1, "template": {"name": name, "latest": {"number": 2}},
    }  # fmt: skip
    assert deployment["tasks"] == [
        {"key": "say", "name": "say", "command": {
            "command": ["echo", values["what"]], "env": {"WHAT": f"<{values['what']}>"}}},
        {"key": "go", "name": "Go to us", "command": {"command": ["true"], "env": {}}},
    ]  # fmt: skip


async def test_a_deployment_from_a_template_runs_with_its_values(shared: System) -> None:
    await shared.start_worker()
    environment = await place(shared)
    saved = await save(shared.admin)
    id_ = await environment.deploy(
        templateVersionId=saved["version"]["id"], parameters={"region": "eu", "what": "a  b; c"}
    )
    await shared.admin.until(id_, "SUCCESS")
    document = "query($id: ID!) { deployment(id: $id) { tasks { key logs { nodes { message } } } } }"
    logs = {
        task["key"]: task["logs"]["nodes"]
        for task in (await shared.admin.query(document, id=id_))["deployment"]["tasks"]
    }
    assert "a  b; c" in [line["message"] for line in logs["say"]]


async def test_a_plan_shows_the_tasks_of_the_template(shared: System) -> None:
    environment = await place(shared)
    version = (await save(shared.admin))["version"]["id"]
    document = """query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) {
      tasks { name command { command } } faults { kind taskKeys path } levels gate { canProceed } } }"""
    fields = {
        "versionId": await environment.version(),
        "environmentIds": [environment.environment_id],
        "templateVersionId": version,
    }
    deployment_plan = (await shared.admin.query(document, input=fields | {"parameters": {"region": "eu"}}))[
        "deploymentPlan"
    ]
    assert [task["name"] for task in deployment_plan["tasks"]] == ["say", "Go to eu"]
    assert deployment_plan["tasks"][0]["command"]["command"] == ["echo", "hello"]
    assert (deployment_plan["faults"], deployment_plan["levels"]) == ([], [["say"], ["go"]])
    deployment_plan = (await shared.admin.query(document, input=fields))["deploymentPlan"]
    assert deployment_plan["tasks"][1]["name"] == "Go to ${{ parameters.region }}"
    assert deployment_plan["faults"] == [
        {"kind": "MISSING_PARAMETER", "taskKeys": ["go"], "path": ["parameters", "region"]}
    ]
    assert (deployment_plan["levels"], deployment_plan["gate"]["canProceed"]) == ([], False)


async def test_invalid_parameter_values_are_refused_by_name(shared: System) -> None:
    environment = await place(shared)
    template = (await save(shared.admin))["version"]["id"]
    base: Data = {
        "versionId": await environment.version(),
        "environmentIds": [environment.environment_id],
        "autoStart": False,
    }
    base["templateVersionId"] = template
    table: list[tuple[Data, list[tuple[str, str]]]] = [
        ({}, [("MISSING_PARAMETER", "parameters.region")]),
        ({"parameters": {}}, [("MISSING_PARAMETER", "parameters.region")]),
        ({"parameters": {"x": "y"}},
         [("MISSING_PARAMETER", "parameters.x"), ("MISSING_PARAMETER", "parameters.region")]),
        ({"parameters": {"region": "asia"}}, [("InvalidInput", "parameters.region")]),
        ({"parameters": {"region": 1, "what": None}},
         [("InvalidInput", "parameters.region"), ("InvalidInput", "parameters.what")]),
        ({"parameters": {"region": "eu", "what": "${{ parameters.region }}"}}, [("InvalidInput", "parameters.what")]),
        ({"parameters": {"region": "eu", "what": "a\0b"}}, [("InvalidInput", "parameters")]),
        ({"parameters": [1]}, [("InvalidInput", "parameters")]),
        ({"parameters": {"region": "eu"}, "tasks": [task("a", command=SAY)]}, [("InvalidInput", "tasks")]),
        ({"parameters": {"region": "eu"}, "templateVersionId": None}, [("InvalidInput", "parameters")]),
        ({"templateVersionId": "nobody"}, [("NotFound", "templateVersionId")]),
    ]  # fmt: skip
    contents_before = await contents(shared)
    for change, expected in table:
        reported = paths_and_codes(await errors(shared.admin, "createDeployment", **(base | change)))
        assert set(reported) == set(expected), change
    assert await contents(shared) == contents_before


async def test_an_invalid_template_is_refused_with_all_its_faults(shared: System) -> None:
    base: Data = {"name": unique("template"), "tasks": GRAPH, "parameters": PARAMETERS}
    stray = task("x", "ghost", name="${{ env.X }}", command={"command": ["a"], "image": "${{ parameters.what }}"})
    table: list[tuple[Data, list[tuple[str, str]]]] = [
        ({"name": " "}, [("InvalidInput", "name")]),
        ({"tasks": []}, [("InvalidInput", "tasks")]),
        ({"tasks": None}, [("InvalidInput", "tasks")]),
        ({"parameters": PARAMETERS[:1]}, [("MISSING_PARAMETER", "tasks")]),
        ({"parameters": [{"name": "what"}, {"name": "what"}]}, [("InvalidInput", "parameters.1.name")]),
        ({"parameters": [{"name": "9"}]}, [("InvalidInput", "parameters.0.name")]),
        ({"parameters": [PARAMETERS[1] | {"default": "asia"}]}, [("InvalidInput", "parameters.0.default")]),
        ({"tasks": [stray, task("y", "y")]},
         [("MISSING_PARAMETER", "tasks")] * 2 + [("UNKNOWN_BLOCKER", "tasks"), ("SELF_BLOCK", "tasks")]),
        ({"tasks": [task("x", type="BUILD", applicationId="nobody")]}, [("UNKNOWN_APPLICATION", "tasks")]),
        ({"tasks": [task(f"n{number}") for number in range(2001)]}, [("TOO_LARGE", "tasks")]),
    ]  # fmt: skip
    contents_before = await contents(shared)
    for change, expected in table:
        reported = paths_and_codes(await errors(shared.admin, "saveWorkflowTemplate", **(base | change)))
        assert [error for error in reported if error[0] != "CYCLE"] == expected, change
    assert await contents(shared) == contents_before


async def test_a_version_without_an_application_of_the_template_is_a_fault(shared: System) -> None:
    environment, other_environment = await place(shared), await place(shared)
    deploy = task("deploy", type="DEPLOY", applicationId=environment.applications["shop"])
    saved = await save(shared.admin, tasks=[deploy], parameters=[])
    fields = {"versionId": await other_environment.version(), "environmentIds": [other_environment.environment_id]}
    reported = await errors(shared.admin, "createDeployment", templateVersionId=saved["version"]["id"], **fields)
    assert [(error["kind"], error["taskKeys"]) for error in reported] == [("UNKNOWN_APPLICATION", ["deploy"])]
    assert await environment.deploy(templateVersionId=saved["version"]["id"], autoStart=False)


async def test_a_template_saves_the_current_graph_of_a_deployment(shared: System) -> None:
    environment = await place(shared)
    id_ = await environment.deploy(autoStart=False)
    fields = {"deploymentId": id_, "expectedRevision": 1}
    extra = task("extra", "prepare", command={"command": ["true"]}, position={"x": 1, "y": 2})
    await shared.admin.change("addTask", "workflow { revision }", task=extra, **fields)
    saved = await save(shared.admin, tasks=None, parameters=None, fromDeploymentId=id_)
    template_tasks = (await shared.admin.query(TEMPLATE, id=saved["template"]["id"]))["workflowTemplate"]["versions"][
        0
    ]["tasks"]
    assert [(node["key"].split("/")[-1], node["applicationName"] is None) for node in template_tasks] == [
        ("prepare", True), ("deploy", False), ("extra", True),
    ]  # fmt: skip
    redeployed_id = await environment.deploy(templateVersionId=saved["version"]["id"], autoStart=False)
    tasks = await shared.admin.query("query($id: ID!) { deployment(id: $id) { tasks { key } } }", id=redeployed_id)
    assert [node["key"] for node in tasks["deployment"]["tasks"]] == [node["key"] for node in template_tasks]
    assert paths_and_codes(await errors(shared.admin, "saveWorkflowTemplate", name="x", fromDeploymentId="nobody")) == [
        ("NotFound", "fromDeploymentId")
    ]


async def test_an_archived_template_is_readable_but_cannot_be_used(shared: System) -> None:
    environment, name = await place(shared), unique("template")
    saved = await save(shared.admin, name=name, parameters=[], tasks=[task("a", command={"command": ["true"]})])
    payload = await shared.admin.change("archiveWorkflowTemplate", SAVED, id=saved["template"]["id"])
    assert payload["template"]["archivedAt"] and payload["version"]["number"] == 1
    assert (await shared.admin.query(TEMPLATE, name=name))["workflowTemplate"]["archivedAt"]
    repeated = await shared.admin.mutate("archiveWorkflowTemplate", SAVED, id=saved["template"]["id"])
    assert codes(repeated) == ["WRONG_STATE"]
    used = await environment.try_deploy(templateVersionId=saved["version"]["id"])
    assert [error["path"] for error in used["errors"]] == [["templateVersionId"]]
    next_ = await errors(shared.admin, "saveWorkflowTemplate", name=name, tasks=[task("a")])
    assert paths_and_codes(next_) == [("WrongState", "name")]


async def test_templates_are_listed_by_name_in_pages(shared: System) -> None:
    mark = unique("list")
    for number in (3, 1, 2, 0):
        await save(shared.admin, name=f"{mark} {number} Ä🚀")
    archived = await save(shared.admin, name=f"{mark} 9")
    await shared.admin.change("archiveWorkflowTemplate", SAVED, id=archived["template"]["id"])
    document = """query($after: Cursor, $contains: String) {
      workflowTemplates(first: 3, after: $after, contains: $contains) {
        totalCount nodes { name } pageInfo { hasNextPage endCursor } } }"""
    first_page = (await shared.admin.query(document, contains=mark.upper()))["workflowTemplates"]
    second_page = (await shared.admin.query(document, contains=mark, after=first_page["pageInfo"]["endCursor"]))[
        "workflowTemplates"
    ]
    names = [node["name"] for node in (*first_page["nodes"], *second_page["nodes"])]
    assert names == [f"{mark} {number} Ä🚀" for number in range(4)]
    assert (
        first_page["totalCount"],
        first_page["pageInfo"]["hasNextPage"],
        second_page["pageInfo"]["hasNextPage"],
    ) == (4, True, False)


async def test_templates_and_versions_are_found_as_nodes(shared: System) -> None:
    saved = await save(shared.admin)
    document = "query($id: ID!) { node(id: $id) { __typename id } }"
    for kind, id_ in (("WorkflowTemplate", saved["template"]["id"]), ("TemplateVersion", saved["version"]["id"])):
        assert (await shared.admin.query(document, id=id_))["node"] == {"__typename": kind, "id": id_}
        assert (await shared.admin.query(document, id=id_[:-1] + "0"))["node"] in (
            None,
            {"__typename": kind, "id": id_},
        )


async def test_deployers_save_templates_of_applications_they_deploy(shared: System) -> None:
    environment, other_environment = await place(shared), await place(shared)
    grant = {"role": "DEPLOYER", "applicationId": environment.applications["shop"]}
    deployer = (await account(shared.admin, grant)).client
    mine = task("deploy", type="DEPLOY", applicationId=environment.applications["shop"])
    foreign_task = task("deploy", type="DEPLOY", applicationId=other_environment.applications["shop"])
    saved = await save(deployer, tasks=[mine], parameters=[])
    assert [
        error["code"] for error in await errors(deployer, "saveWorkflowTemplate", name="x", tasks=[foreign_task])
    ] == ["FORBIDDEN"]
    foreign = await save(shared.admin, tasks=[foreign_task], parameters=[])
    name_errors = await errors(deployer, "saveWorkflowTemplate", name=foreign["template"]["name"], tasks=[mine])
    assert [reported["code"] for reported in name_errors] == ["FORBIDDEN"]
    assert codes(await deployer.mutate("archiveWorkflowTemplate", SAVED, id=foreign["template"]["id"])) == ["FORBIDDEN"]
    assert codes(await deployer.mutate("archiveWorkflowTemplate", SAVED, id=saved["template"]["id"])) == []
    viewer = (await account(shared.admin, {"role": "VIEWER"})).client
    assert (await viewer.query(TEMPLATE, name=saved["template"]["name"]))["workflowTemplate"]


async def test_only_if_changed_makes_no_version_equal_to_the_latest(shared: System) -> None:
    fields: Data = {"name": unique("once"), "note": "n", "tasks": [task("a", payload={"a": 1, "b": 2})]}
    fields["onlyIfChanged"] = True
    saves = (shared.admin.change("saveWorkflowTemplate", "version { id number }", **fields) for _ in range(5))
    saved = await asyncio.gather(*saves)
    assert saved == [saved[0]] * 5 and saved[0]["version"]["number"] == 1
    spelt = fields | {"tasks": [task("a", payload={"b": 2.0, "a": 1})]}
    assert await shared.admin.change("saveWorkflowTemplate", "version { id number }", **spelt) == saved[0]
    changes: list[Data] = [{"note": "m"}, {"tasks": [task("a", payload={"a": True, "b": 2})]}, {"onlyIfChanged": False}]
    for number, change in enumerate(changes, start=2):
        changed = await shared.admin.change("saveWorkflowTemplate", "version { number }", **fields | change)
        assert changed["version"]["number"] == number
