"""Errors of refused mutations: typed, with the path of the field, without a change.

`test_deployment_errors` covers deployments and their graphs.
"""

from typing import Any

import pytest
from graphql import OperationType

from tests.api.support.refusals import TRUE, Refusals, code_and_path, invalid, missing, place, refusal, refused
from tests.api.support.root_field_calls import root, with_text
from tests.api.support.rows import at_once, contents
from tests.api.support.wire import code, execute
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import task, unique, world

TAKEN = ("InvalidInput", "NAME_TAKEN", "name")

# Applications, environments, versions

APPLICATION: Data = {"name": "shop", "shell": TRUE}
APPLICATIONS: list[tuple[Data, list[str]]] = [
    *(({"name": name}, ["name"]) for name in ("", " ", "Shop", "a_b", "-a", "a-", "a.b", "a" * 64, "商店", "a\n")),
    ({"shell": None}, ["shell"]),
    ({"shell": {"command": []}}, ["shell.command"]),
    ({"shell": {"command": ["  "]}}, ["shell.command"]),
    ({"shell": {"command": ["echo", "a\0b"]}}, ["shell.command"]),
    ({"shell": {"command": ["x"] * 1001}}, ["shell.command"]),
    ({"shell": TRUE | {"rollbackCommand": []}}, ["shell.rollbackCommand"]),
    ({"shell": TRUE | {"instances": []}}, ["shell.instances"]),
    ({"shell": TRUE | {"instances": ["a", "a"]}}, ["shell.instances"]),
    ({"shell": TRUE | {"instances": ["a", ""]}}, ["shell.instances"]),
    ({"shell": TRUE | {"instances": ["a\nb"]}}, ["shell.instances"]),
    ({"shell": TRUE, "kubernetes": {"workload": "w", "container": "c"}}, ["kubernetes"]),
    (
        {"shell": None, "kubernetes": {"workload": "W", "container": ""}},
        ["kubernetes.workload", "kubernetes.container"],
    ),
    ({"shell": None, "kubernetes": {"workload": "w" * 60, "container": "c"}}, ["kubernetes.workload"]),
    (
        {"shell": None, "kubernetes": {"workload": "w", "container": "c", "httpRoute": "a..b"}},
        ["kubernetes.httpRoute", "kubernetes.service"],
    ),
    ({"build": {"command": []}}, ["build.command"]),
    ({"test": {"command": ["a\0b"]}}, ["test.command"]),
    ({"build": TRUE | {"env": ["A=1"]}}, ["build.env"]),
    ({"build": TRUE | {"env": "A=1"}}, ["build.env"]),
    ({"build": TRUE | {"env": {"1A": "x"}}}, ["build.env.1A"]),
    ({"build": TRUE | {"env": {"": "x"}}}, ["build.env."]),
    ({"build": TRUE | {"env": {"A B": "x"}}}, ["build.env.A B"]),
    ({"build": TRUE | {"env": {"BOREAS_VERSION": "x"}}}, ["build.env.BOREAS_VERSION"]),
    ({"build": TRUE | {"env": {"A": 1, "B": None, "C": "a\0b"}}}, ["build.env.A", "build.env.B", "build.env.C"]),
    ({"build": TRUE | {"timeoutSeconds": 0}}, ["build.timeoutSeconds"]),
    ({"build": TRUE | {"timeoutSeconds": 10**6}}, ["build.timeoutSeconds"]),
    ({"build": TRUE | {"maxAttempts": 0}}, ["build.maxAttempts"]),
    ({"build": TRUE | {"maxAttempts": 101}}, ["build.maxAttempts"]),
    ({"build": TRUE | {"image": "a\0b"}}, ["build.image"]),
    ({"description": "a\0b"}, ["description"]),
    ({"description": "a" * 10_001}, ["description"]),
    ({"repositoryUrl": " "}, ["repositoryUrl"]),
    ({"repositoryUrl": "https://a\nb"}, ["repositoryUrl"]),
    ({"healthCheck": {}}, ["healthCheck"]),
    ({"healthCheck": TRUE | {"httpUrl": "http://localhost/"}}, ["healthCheck"]),
    ({"healthCheck": {"command": []}}, ["healthCheck.command"]),
    *(
        ({"healthCheck": {"httpUrl": url}}, ["healthCheck.httpUrl"])
        for url in ("", "localhost", "ftp://localhost/", "http://", "http:///path", "http://:80/", "http://[::1", "//a")
    ),
    ({"healthCheck": TRUE | {"expectStatus": 99}}, ["healthCheck.expectStatus"]),
    ({"healthCheck": TRUE | {"intervalSeconds": 0}}, ["healthCheck.intervalSeconds"]),
    ({"healthCheck": TRUE | {"timeoutSeconds": 3601}}, ["healthCheck.timeoutSeconds"]),
    ({"healthCheck": TRUE | {"successThreshold": 0}}, ["healthCheck.successThreshold"]),
    ({"healthCheck": TRUE | {"failureThreshold": -1}}, ["healthCheck.failureThreshold"]),
    (
        {
            "name": "A",
            "description": "\0",
            "build": {"command": [], "maxAttempts": 0},
            "shell": TRUE | {"instances": []},
        },
        ["name", "description", "build.command", "build.maxAttempts", "shell.instances"],
    ),
]


async def test_an_invalid_application_is_refused_with_the_path_of_each_field(shared: System) -> None:
    await refused(shared, "createApplication", APPLICATION, APPLICATIONS)


async def test_an_invalid_update_of_an_application_is_refused_with_the_path_of_each_field(shared: System) -> None:
    id_ = await (await world(shared.admin)).application("shop")
    contents_before = await contents(shared)
    for change, paths in APPLICATIONS:
        if "name" in change:
            continue
        errors = await refusal(shared.admin, "updateApplication", {"id": id_} | change)
        assert code_and_path(errors) == invalid(*paths), change
    assert await contents(shared) == contents_before


async def test_an_invalid_environment_is_refused_with_the_path_of_each_field(shared: System) -> None:
    table: list[tuple[Data, list[str]]] = [
        *(({"name": name}, ["name"]) for name in ("", "Dev", "生产", "a" * 64, "a/b")),
        ({"workerPool": ""}, ["workerPool"]),
        ({"workerPool": "Pool One"}, ["workerPool"]),
        ({"rank": 1001}, ["rank"]),
        ({"maxConcurrentDeployments": 0}, ["maxConcurrentDeployments"]),
        ({"name": "!", "workerPool": "!", "rank": -1001}, ["name", "workerPool", "rank"]),
    ]
    await refused(shared, "createEnvironment", {"name": "dev", "operator": "SHELL"}, table)


async def test_an_invalid_version_is_refused_with_the_path_of_each_field(shared: System) -> None:
    environment = await world(shared.admin)
    shop, old = await environment.application("shop"), await environment.application("old")
    await shared.admin.change("archiveApplication", "__typename", id=old)
    artifacts = [{"applicationId": shop}]
    path = "artifacts.0.applicationId"
    table: Refusals = [
        *(({"name": name}, ["name"]) for name in ("", "  ", "v\n1", "v\x001", "v" * 101)),
        ({"commit": ""}, ["commit"]),
        ({"commit": "c" * 101}, ["commit"]),
        ({"artifacts": []}, ["artifacts"]),
        ({"artifacts": [{"applicationId": "nobody"}]}, [missing(path)]),
        ({"artifacts": [{"applicationId": environment.environment_id}]}, [missing(path)]),
        ({"artifacts": [{"applicationId": old}]}, [path]),
        ({"artifacts": artifacts * 2}, ["artifacts.1.applicationId"]),
        ({"artifacts": [artifacts[0] | {"image": "a\0b"}]}, ["artifacts.0.image"]),
        ({"name": "", "artifacts": [{"applicationId": "nobody"}, artifacts[0] | {"image": ""}]},
         ["name", missing(path), "artifacts.1.image"]),
    ]  # fmt: skip
    await refused(shared, "createVersion", {"name": "v1", "artifacts": artifacts}, table)


@pytest.mark.parametrize(
    ("mutation", "selection", "table", "fields"),
    [
        ("createApplication", "application { id }", "applications", {"shell": TRUE}),
        ("createEnvironment", "environment { id }", "environments", {"operator": "SHELL"}),
        ("createServiceAccount", "serviceAccount { id }", "actors", {}),
    ],
)
async def test_a_name_is_unique_under_concurrent_calls(
    shared: System, mutation: str, selection: str, table: str, fields: Data
) -> None:
    name = unique("same")
    calls = (shared.admin.mutate(mutation, selection, name=name, **fields) for _ in range(2))
    payloads = await at_once(shared, f"LOCK TABLE {table} IN EXCLUSIVE MODE", *calls)
    payloads.append(await shared.admin.mutate(mutation, selection, name=name, **fields))
    assert sorted(code_and_path(answer["errors"]) for answer in payloads) == [[], [TAKEN], [TAKEN]]


# Ids and tokens


BY_ID = {
    "updateApplication": {},
    "archiveApplication": {},
    "unarchiveApplication": {},
    "updateEnvironment": {},
    "startDeployment": {},
    "cancelDeployment": {"reason": "why not"},
    "retryDeployment": {},
    "rollbackDeployment": {"reason": "why not"},
    "retryTask": {},
    "pauseDeployment": {},
    "resumeDeployment": {},
    "skipTask": {"reason": "why not"},
    "cancelTask": {"reason": "why not"},
    "revokeApiToken": {},
    "revokeApiTokens": {},
    "archiveWorkflowTemplate": {},
    "deleteFreezeWindow": {},
}


async def test_an_unknown_id_is_not_found_with_the_path_of_the_field(shared: System) -> None:
    environment = await world(shared.admin)
    unknown = [environment.environment_id[:-1] + "!", "nobody", ""]
    for mutation, fields in BY_ID.items():
        for id_ in unknown:
            answer = await shared.admin.mutate(mutation, "__typename", id=id_, **fields)
            assert code_and_path(answer["errors"]) == [("NotFound", "NOT_FOUND", "id")], (mutation, id_)
    assert set(BY_ID) == {name for name, of in root(OperationType.MUTATION).fields.items() if _takes_id(of)}


def _takes_id(field: Any) -> bool:
    return "id" in field.args["input"].type.of_type.fields


async def test_unknown_ids_in_grants_are_not_found_with_the_path_of_the_field(shared: System) -> None:
    me = (await shared.admin.query("{ viewer { id } }"))["viewer"]["id"]
    for change in ({"actorId": "nobody"}, {"environmentId": "nobody"}, {"applicationId": "nobody"}):
        for mutation in ("grantRole", "revokeRole"):
            answer = await shared.admin.mutate(mutation, "__typename", **({"actorId": me, "role": "VIEWER"} | change))
            assert code_and_path(answer["errors"]) == [("NotFound", "NOT_FOUND", next(iter(change)))]


async def test_an_invalid_token_is_refused_with_the_path_of_the_field(shared: System) -> None:
    table: list[tuple[Data, list[str]]] = [
        ({"name": ""}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"scopes": []}, ["scopes"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["expiresAt"]),
    ]
    contents_before = await contents(shared)
    for change, paths in table:
        fields = {"name": "mine", "scopes": ["VIEWER"]} | change
        assert code_and_path((await shared.admin.mutate("createApiToken", "secret", **fields))["errors"]) == invalid(
            *paths
        )
    me = (await shared.admin.query("{ viewer { id } }"))["viewer"]["id"]
    for owner in ("nobody", me):
        payload = await shared.admin.mutate(
            "createApiToken", "secret", name="mine", scopes=["VIEWER"], serviceAccountId=owner
        )
        assert code_and_path(payload["errors"]) == [("NotFound", "NOT_FOUND", "serviceAccountId")]
    assert await contents(shared) == contents_before


# Text


PEOPLE = ["🚀 Ω≈ç√∫", "版本一", "Ünïcödé", "a'b\"c;--", "שלום right to left", "${HOME} `x`", "<script>"]


async def test_display_names_accept_every_script(shared: System) -> None:
    environment, base = await place(shared)
    for name in PEOPLE:
        version = await shared.admin.change(
            "createVersion",
            "version { id name commit }",
            name=name,
            commit=name,
            artifacts=[{"applicationId": id_} for id_ in environment.applications.values()],
        )
        assert (version["version"]["name"], version["version"]["commit"]) == (name, name)
        tasks = [task(name, payload={name: name}, command={"command": [name], "env": {"A": name}})]
        payload = await shared.admin.change(
            "createDeployment",
            "deployments { id tasks { key name payload command { command env } } }",
            **base | {"versionId": version["version"]["id"], "tasks": tasks},
        )
        (stored,) = payload["deployments"][0]["tasks"]
        assert stored == {
            "key": name, "name": name, "payload": {name: name}, "command": {"command": [name], "env": {"A": name}}
        }  # fmt: skip
        cancelled = await shared.admin.change(
            "cancelDeployment",
            "deployment { events { nodes { ... on DeploymentStatusChanged { to reason } } } }",
            id=payload["deployments"][0]["id"],
            reason=name,
        )
        assert cancelled["deployment"]["events"]["nodes"][-1] == {"to": "CANCELLED", "reason": name}


async def test_descriptions_accounts_and_instances_accept_every_script(shared: System) -> None:
    for name in PEOPLE:
        payload = await shared.admin.change(
            "createApplication",
            "application { description deploy { ... on ShellTarget { instances } } }",
            name=unique("app"),
            description=f"{name}\n{name}",
            shell=TRUE | {"instances": [name]},
        )
        assert payload["application"] == {"description": f"{name}\n{name}", "deploy": {"instances": [name]}}
        account = await shared.admin.change("createServiceAccount", "serviceAccount { name }", name=name)
        assert account["serviceAccount"]["name"] == name


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "half a character"])
@pytest.mark.parametrize("operation", [OperationType.MUTATION, OperationType.QUERY])
async def test_text_that_no_database_can_store_is_refused_without_an_internal_error(
    shared: System, operation: OperationType, text: str
) -> None:
    environment, base = await place(shared)
    arguments = {
        "name": unique("new"),
        "shell": TRUE,
        "versionId": base["versionId"],
        "environmentIds": base["environmentIds"],
        "applicationId": environment.applications["users"],
        "reason": "a test",
    }
    broken = []
    for name in root(operation).fields:
        for call in with_text(operation, name, arguments, text):
            result = await execute(shared.admin, call.document, call.variables)
            if code(result) not in (None, "INVALID", "NOT_FOUND"):
                broken.append(call.title)
    assert broken == []
