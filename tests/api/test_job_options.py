"""Options of Jobs over the API.

Set, read, and refused with their path if no cluster would accept them.
"""

from typing import Any

import pytest

from tests.api.support.people import account
from tests.api.test_kubernetes import CONNECTION, deploy_application, problems, target
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import unique

JOB = """{ resources { requests limits } serviceAccountName nodeSelector
  tolerations { key operator value effect tolerationSeconds } imagePullSecrets labels annotations runAsUser }"""
STEP = f"build {{ command job {JOB} }}"
PLACE = f"environment {{ id kubernetes {{ namespace serviceAccounts job {JOB} }} }}"
OPTIONS: Data = {
    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "serviceAccountName": "builder",
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [
        {"key": "jobs", "operator": "EXISTS", "value": None, "effect": "NO_EXECUTE", "tolerationSeconds": 60}
    ],
    "imagePullSecrets": ["registry"],
    "labels": {"team": "shop"},
    "annotations": {"example.com/note": "any text"},
    "runAsUser": 1000,
}
NOTHING = dict.fromkeys(OPTIONS)


async def test_job_options_of_an_environment_are_readable_and_replaced_as_a_whole(shared: System) -> None:
    fields = CONNECTION | {"job": OPTIONS, "serviceAccounts": ["tester"]}
    payload = await shared.admin.change(
        "createEnvironment", PLACE, name=unique("e"), operator="KUBERNETES", kubernetes=fields
    )
    assert payload["environment"]["kubernetes"] == {"namespace": "shop", "serviceAccounts": ["tester"], "job": OPTIONS}
    id_ = payload["environment"]["id"]
    payload = await shared.admin.change("updateEnvironment", PLACE, id=id_, kubernetes=CONNECTION)
    assert payload["environment"]["kubernetes"] == {"namespace": "shop", "serviceAccounts": [], "job": None}


async def test_job_options_of_a_step_are_readable_and_copied_into_deployments(shared: System) -> None:
    build = {"command": ["make"], "job": OPTIONS}
    environment, app, version = await deploy_application(shared.admin, build=build)
    answer = await shared.admin.query(f"query($id: ID!) {{ application(id: $id) {{ {STEP} }} }}", id=app)
    assert answer["application"]["build"]["job"] == OPTIONS
    (problem,) = await problems(shared.admin, environment, version)
    assert problem["path"] == ["applicationIds"]
    assert "the service account “builder” is not one of the environment's" in problem["message"]
    with_account = CONNECTION | {"serviceAccounts": ["builder"]}
    await shared.admin.change("updateEnvironment", PLACE, id=environment, kubernetes=with_account)
    assert await problems(shared.admin, environment, version) == []


@pytest.mark.parametrize("count", [1, 30])
async def test_job_options_work_for_few_and_many_tasks(shared: System, count: int) -> None:
    job = {"labels": {"team": "shop"}, "tolerations": [{"key": "a"}], "resources": {"limits": {"cpu": 2}}}
    command = {"command": ["x"], "image": "x:1", "job": job}
    tasks = [{"key": f"t{n}", "name": "T", "type": "CUSTOM", "command": command} for n in range(count)]
    environment, _, version = await deploy_application(shared.admin)
    answer = await shared.admin.query(
        "mutation($input: CreateDeploymentInput!) { createDeployment(input: $input) { deployments { tasks { command"
        f" {{ job {JOB} }} }} }} errors {{ message }} }} }}",
        input={"versionId": version, "environmentIds": [environment], "autoStart": False, "tasks": tasks},
    )
    (deployment,) = answer["createDeployment"]["deployments"]
    borne = {"key": "a", "operator": "EQUAL", "value": None, "effect": None, "tolerationSeconds": None}
    limits = {"requests": None, "limits": {"cpu": "2"}}
    expected = NOTHING | {"labels": {"team": "shop"}, "tolerations": [borne], "resources": limits}
    assert [task["command"]["job"] for task in deployment["tasks"]] == [expected] * count


BAD: list[tuple[Data, str]] = [
    ({"resources": {"requests": {"cpu": "much"}}}, "resources.requests.cpu"),
    ({"resources": {"limits": {"cpu": True}}}, "resources.limits.cpu"),
    ({"resources": {"limits": {"cpu": None}}}, "resources.limits.cpu"),
    ({"resources": {"limits": ["cpu"]}}, "resources.limits"),
    ({"resources": {"limits": "cpu=1"}}, "resources.limits"),
    ({"labels": {"boreas.dev/task": "x"}}, "labels.boreas.dev/task"),
    ({"annotations": {"boreas.dev/attempt": "9"}}, "annotations.boreas.dev/attempt"),
    ({"annotations": "x"}, "annotations"),
    ({"labels": {"a": {"b": "c"}}}, "labels.a"),
    ({"nodeSelector": {"a b": "c"}}, "nodeSelector.a b"),
    ({"tolerations": [{}]}, "tolerations.0.key"),
    ({"imagePullSecrets": ["A"]}, "imagePullSecrets"),
    ({"serviceAccountName": "../x"}, "serviceAccountName"),
    ({"runAsUser": -1}, "runAsUser"),
]


@pytest.mark.parametrize(("job", "path"), BAD)
async def test_job_options_that_a_cluster_would_reject_are_refused_with_their_path(
    shared: System, job: Data, path: str
) -> None:
    async def refused(mutation: str, prefix: str, **fields: Any) -> None:
        answer = await shared.admin.query(
            f"mutation($input: {mutation[0].upper()}{mutation[1:]}Input!)"
            f" {{ {mutation}(input: $input) {{ errors {{ code path }} }} }}",
            input=fields,
        )
        expected = {"code": "INVALID", "path": [*prefix.split("."), *_split(path)]}
        assert expected in answer[mutation]["errors"], answer

    access = CONNECTION | {"job": job}
    await refused("createEnvironment", "kubernetes.job", name=unique("e"), operator="KUBERNETES", kubernetes=access)
    build = {"command": ["make"], "job": job}
    await refused("createApplication", "build.job", name=unique("a"), kubernetes=target(), build=build)
    task = {"key": "x", "name": "X", "type": "CUSTOM", "command": build | {"image": "x:1"}}
    await refused("saveWorkflowTemplate", "tasks.0.command.job", name=unique("t"), tasks=[task])


def _split(path: str) -> list[str]:
    """Return a path whose last part may be a key with dots."""
    head, separator, key = path.partition(".boreas.dev/")
    return [*head.split("."), f"boreas.dev/{key}"] if separator else path.split(".")


async def test_an_expression_in_job_options_is_refused(shared: System) -> None:
    job = {"annotations": {"note": "${{ parameters.x }}"}}
    command = {"command": ["make"], "image": "x:1", "job": job}
    task = {"key": "x", "name": "X", "type": "CUSTOM", "command": command}
    answer = await shared.admin.mutate(
        "saveWorkflowTemplate", "version { number }", name=unique("t"), tasks=[task], parameters=[{"name": "x"}]
    )
    assert "where expressions are not allowed" in answer["errors"][0]["message"]


async def test_an_admin_of_one_environment_cannot_choose_service_accounts(shared: System) -> None:
    where, _, _ = await deploy_application(shared.admin)
    chief = await account(shared.admin, {"role": "ADMIN", "environmentId": where})
    for change in ({"serviceAccounts": ["x"]}, {"job": {"serviceAccountName": "x"}}):
        answer = await chief.client.mutate("updateEnvironment", PLACE, id=where, kubernetes=CONNECTION | change)
        (error,) = answer["errors"]
        assert (error["code"], error["path"]) == ("FORBIDDEN", ["kubernetes"])
    job = {"labels": {"team": "shop"}}
    answer = await chief.client.change("updateEnvironment", PLACE, id=where, kubernetes=CONNECTION | {"job": job})
    assert answer["environment"]["kubernetes"]["job"] == NOTHING | job
    answer = await chief.client.mutate(
        "updateEnvironment", PLACE, id=where, kubernetes=CONNECTION | {"job": {"labels": {"a b": "x"}}}
    )
    assert answer["errors"][0]["path"] == ["kubernetes", "job", "labels", "a b"]


async def test_annotations_are_hidden_with_arguments(shared: System) -> None:
    _, app, _ = await deploy_application(
        shared.admin, build={"command": ["make"], "job": OPTIONS | {"serviceAccountName": None}}
    )
    _, other_id, _ = await deploy_application(shared.admin)
    stranger = await account(shared.admin, {"role": "VIEWER", "applicationId": other_id})
    answer = await stranger.client.query(f"query($id: ID!) {{ application(id: $id) {{ {STEP} }} }}", id=app)
    step = answer["application"]["build"]
    assert (step["command"], step["job"]["annotations"]) == (["***"], {"example.com/note": "***"})
