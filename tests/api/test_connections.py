"""Child lists that may grow without limit: pages from either end contain exactly the whole list.

In: an object with five children of each kind. Out: pages forward and backward, counts, and refused cursors of other
lists.
"""

from collections.abc import Awaitable, Callable

import pytest

from tests.api.support.people import account
from tests.api.support.wire import code
from tests.api.test_paging import backward, flat, forward, listed
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import task, unique, world

COUNT = 5
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
Made = Callable[[System], Awaitable[tuple[str, list[str]]]]
"""Creates an object with a list, and returns its id and a distinguishing value of each item, in order."""


def document(type_: str, field: str, item: str) -> str:
    """Return the query of a child list of an object."""
    return f"""query($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor) {{
      parent: node(id: $id) {{ ... on {type_} {{
        list: {field}(first: $first, after: $after, last: $last, before: $before) {{
          totalCount nodes {{ {item} }} edges {{ cursor node {{ {item} }} }} {PAGE} }} }} }} }}"""


async def revisions(system: System) -> tuple[str, list[str]]:
    environment = await world(system.admin)
    await environment.application("shop")
    id_ = await environment.deploy(autoStart=False, tasks=[task("t0")])
    for number in range(1, COUNT):
        await system.admin.change(
            "addTask", "__typename", deploymentId=id_, expectedRevision=number, task=task(f"t{number}")
        )
    data = await system.admin.query("query($id: ID!) { deployment(id: $id) { workflow { id } } }", id=id_)
    return data["deployment"]["workflow"]["id"], [str(number) for number in range(1, COUNT + 1)]


async def template_versions(system: System) -> tuple[str, list[str]]:
    name, id_ = unique("template"), ""
    for _ in range(COUNT):
        payload = await system.admin.change("saveWorkflowTemplate", "template { id }", name=name, tasks=[task("a")])
        id_ = payload["template"]["id"]
    return id_, [str(number) for number in range(1, COUNT + 1)]


async def tokens(system: System) -> tuple[str, list[str]]:
    account_ = await account(system.admin, {"role": "VIEWER"})
    ids = [account_.token_id]
    for number in range(1, COUNT):
        fields = {"name": f"n{number}", "serviceAccountId": account_.id, "scopes": ["VIEWER"]}
        ids.append((await system.admin.change("createApiToken", "token { id }", **fields))["token"]["id"])
    return account_.id, ids[::-1]


async def approvals(system: System) -> tuple[str, list[str]]:
    environment = await world(system.admin)
    await environment.application("shop")
    await system.start_worker()
    keys = [f"t{number}" for number in range(COUNT)]
    id_ = await environment.deploy(tasks=[task(key, requireConfirm=True) for key in keys])
    await system.admin.until(id_, "WAITING_CONFIRM")
    data = await system.admin.query("query($id: ID!) { deployment(id: $id) { approvals { id } } }", id=id_)
    return id_, [approval["id"] for approval in data["deployment"]["approvals"]]


async def create_deployments(system: System) -> tuple[str, str, str, list[str], list[str]]:
    """Return an environment, an application, their newest version, and their deployments and versions."""
    environment = await world(system.admin)
    app = await environment.application("shop")
    versions = [await environment.version(f"v{number}") for number in range(COUNT)]
    deployment_ids = [await environment.deploy(version, autoStart=False) for version in versions]
    return environment.environment_id, app, versions[-1], deployment_ids[::-1], versions[::-1]


async def of_environment(system: System) -> tuple[str, list[str]]:
    deployments_ = await create_deployments(system)
    return deployments_[0], deployments_[3]


async def of_application(system: System) -> tuple[str, list[str]]:
    ids = await create_deployments(system)
    return ids[1], ids[3]


async def of_version(system: System) -> tuple[str, list[str]]:
    environment = await world(system.admin)
    await environment.application("shop")
    version = await environment.version()
    return version, [await environment.deploy(version, autoStart=False) for _ in range(COUNT)][::-1]


async def versions_of_application(system: System) -> tuple[str, list[str]]:
    ids = await create_deployments(system)
    return ids[1], ids[4]


async def events(system: System) -> tuple[str, list[str]]:
    environment = await world(system.admin)
    await environment.application("shop")
    id_ = await environment.deploy(autoStart=False)
    for number in range(COUNT - 1):
        await system.admin.change(f"{'resume' if number % 2 else 'pause'}Deployment", "__typename", id=id_)
    data = await system.admin.query("query($id: ID!) { deployment(id: $id) { events { nodes { at } } } }", id=id_)
    return id_, [node["at"] for node in data["deployment"]["events"]["nodes"]]


LISTS: dict[str, tuple[str, str, str, Made]] = {
    "Workflow.revisionsConnection": ("Workflow", "revisionsConnection", "number", revisions),
    "WorkflowTemplate.versionsConnection": ("WorkflowTemplate", "versionsConnection", "number", template_versions),
    "ServiceAccount.tokensConnection": ("ServiceAccount", "tokensConnection", "id", tokens),
    "Deployment.approvalsConnection": ("Deployment", "approvalsConnection", "id", approvals),
    "Deployment.events": ("Deployment", "events", "at", events),
    "Environment.deployments": ("Environment", "deployments", "id", of_environment),
    "Application.deployments": ("Application", "deployments", "id", of_application),
    "Application.versions": ("Application", "versions", "id", versions_of_application),
    "Version.deployments": ("Version", "deployments", "id", of_version),
}


@pytest.mark.parametrize("name", LISTS)
async def test_pages_from_either_end_contain_the_whole_list(shared: System, name: str) -> None:
    type_, field, item, make = LISTS[name]
    id_, expected = await make(shared)
    query = document(type_, field, item)
    assert len(expected) == COUNT
    for size in (1, 2, COUNT, 100):
        pages = await listed(forward(shared, query, size, id=id_), COUNT, item)
        back = await listed(backward(shared, query, size, id=id_), COUNT, item)
        assert [str(node) for node in flat(pages)] == [str(node) for node in flat(back[::-1])] == expected, size
    assert code(await shared.admin.execute(query, id=id_, first=1, last=1)) == "INVALID"
    foreign = "dmVyc2lvbnM6eA"
    for arguments in ({"after": foreign}, {"last": 1, "before": foreign}, {"first": 501}, {"last": -1}):
        if name != "Application.versions" or "first" in arguments or arguments.get("last") == -1:
            assert code(await shared.admin.execute(query, id=id_, **arguments)) == "INVALID", arguments


async def test_environments_are_listed_in_promotion_order(shared: System) -> None:
    for rank in (3, -5, 0, 700, -1000, 0):
        await world(shared.admin, rank=rank)
    environment_ids = [
        environment["id"] for environment in (await shared.admin.query("{ environments { id } }"))["environments"]
    ]
    query = f"""query($first: Int, $after: Cursor, $last: Int, $before: Cursor) {{
      list: environmentsConnection(first: $first, after: $after, last: $last, before: $before) {{
        totalCount nodes {{ id }} edges {{ cursor node {{ id }} }} {PAGE} }} }}"""
    for size in (4, 100):
        assert flat(await listed(forward(shared, query, size), len(environment_ids))) == environment_ids
        assert flat((await listed(backward(shared, query, size), len(environment_ids)))[::-1]) == environment_ids


async def test_applications_and_templates_are_paged_from_either_end(shared: System) -> None:
    environment = await world(shared.admin)
    tag = unique("both")
    for number in range(COUNT):
        await environment.application(f"{tag}-{number}")
        await shared.admin.change("saveWorkflowTemplate", "__typename", name=f"{tag}-{number}", tasks=[task("a")])
    await environment.version(tag)
    archived_id = await environment.application(f"{tag}-gone")
    await shared.admin.change("archiveApplication", "__typename", id=archived_id)
    for field in ("applications", "workflowTemplates"):
        query = f"""query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $contains: String,
            $archived: Boolean) {{
          list: {field}(first: $first, after: $after, last: $last, before: $before, contains: $contains,
              archived: $archived) {{
            totalCount nodes {{ id }} edges {{ cursor node {{ id }} }} {PAGE} }} }}"""
        pages = flat(await listed(forward(shared, query, 2, contains=tag), COUNT))
        assert flat((await listed(backward(shared, query, 2, contains=tag), COUNT))[::-1]) == pages
        page: Data = (await shared.admin.query(query, contains=tag, archived=True))["list"]
        archived = [archived_id] if field == "applications" else []
        assert ([node["id"] for node in page["nodes"]], page["totalCount"]) == (archived, len(archived))


async def test_versions_are_found_by_application_and_commit(shared: System) -> None:
    environment = await world(shared.admin)
    app = await environment.application("shop")
    query = """query($applicationId: ID, $commit: String) {
      versions(applicationId: $applicationId, commit: $commit) { totalCount nodes { name } } }"""
    for name, commit in (("a", "0123abcd"), ("b", "0123ffff"), ("c", None)):
        artifacts = [{"applicationId": app}]
        await shared.admin.change("createVersion", "__typename", name=name, commit=commit, artifacts=artifacts)
    for commit, names in ((None, ["c", "b", "a"]), ("0123", ["b", "a"]), ("0123abcd", ["a"]), ("%", []), ("0123A", [])):
        versions = (await shared.admin.query(query, applicationId=app, commit=commit))["versions"]
        assert ([node["name"] for node in versions["nodes"]], versions["totalCount"]) == (names, len(names)), commit
    assert (await shared.admin.query(query, applicationId="nobody"))["versions"]["nodes"] == []
