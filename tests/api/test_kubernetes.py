"""Clusters over the API.

Registered, read back, refused if invalid, and refused if they do not fit together.
"""

import asyncio
from collections.abc import Callable

import pytest

from tests.api.support.people import account
from tests.api.support.rows import database
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import unique

APPLICATION = (
    "application { id deploy { __typename ... on KubernetesTarget { workload container service httpRoute } } }"
)
ENVIRONMENT = "environment { id operator kubernetes { context namespace } }"
CONNECTION = {"context": "prod", "kubeconfigPath": "kubeconfig", "namespace": "shop"}


def target(**more: object) -> Data:
    """Return a target with objects that no other application names."""
    name = unique("web")
    return {"workload": name, "container": "app", "service": name, "httpRoute": name} | more


async def deploy_application(admin: Client, image: str | None = "web:1", **application: object) -> tuple[str, str, str]:
    """Return the ids of a cluster environment, an application and a version of it."""
    where = await admin.mutate(
        "createEnvironment", ENVIRONMENT, name=unique("e"), operator="KUBERNETES", kubernetes=CONNECTION
    )
    about = {"name": unique("app"), "kubernetes": target()} | application
    payload = await admin.mutate("createApplication", "application { id }", **about)
    app = payload["application"]["id"]
    version = await admin.mutate(
        "createVersion", "version { id }", name="v1", artifacts=[{"applicationId": app, "image": image}]
    )
    return where["environment"]["id"], app, version["version"]["id"]


async def problems(admin: Client, environment: str, version: str, **more: object) -> list[Data]:
    """Return the errors of creating a deployment."""
    answer = await admin.query(
        "mutation($input: CreateDeploymentInput!) { createDeployment(input: $input)"
        " { errors { code message path ... on WorkflowFault { kind taskKeys } } } }",
        input={"versionId": version, "environmentIds": [environment], "autoStart": False} | more,
    )
    errors: list[Data] = answer["createDeployment"]["errors"]
    return errors


async def test_a_target_and_an_access_are_readable_without_the_kubeconfig_path(shared: System) -> None:
    payload = await shared.admin.mutate(
        "createEnvironment", ENVIRONMENT, name=unique("e"), operator="KUBERNETES", kubernetes=CONNECTION
    )
    assert payload["environment"]["kubernetes"] == {"context": "prod", "namespace": "shop"}
    kubernetes = target()
    payload = await shared.admin.mutate("createApplication", APPLICATION, name=unique("app"), kubernetes=kubernetes)
    assert payload["application"]["deploy"] == {"__typename": "KubernetesTarget"} | kubernetes
    log = await shared.admin.query("{ auditLog(first: 100) { nodes { before after } } }")
    assert "kubeconfig" not in str(log)


async def test_setting_one_target_replaces_the_other(shared: System) -> None:
    payload = await shared.admin.mutate("createApplication", APPLICATION, name=unique("a"), shell={"command": ["true"]})
    id_ = payload["application"]["id"]
    changed = await shared.admin.mutate("updateApplication", APPLICATION, id=id_, kubernetes=target())
    assert changed["application"]["deploy"]["__typename"] == "KubernetesTarget"
    changed = await shared.admin.mutate("updateApplication", APPLICATION, id=id_, shell={"command": ["true"]})
    assert changed["application"]["deploy"] == {"__typename": "ShellTarget"}


async def test_an_application_that_does_not_fit_the_operator_is_refused(shared: System) -> None:
    cluster, _, version = await deploy_application(shared.admin, kubernetes=None, shell={"command": ["true"]})
    (problem,) = await problems(shared.admin, cluster, version)
    assert problem["path"] == ["applicationIds"] and "has a shell target" in problem["message"]
    payload = await shared.admin.mutate("createEnvironment", ENVIRONMENT, name=unique("e"), operator="SHELL")
    _, _, version = await deploy_application(shared.admin)
    (problem,) = await problems(shared.admin, payload["environment"]["id"], version)
    assert problem["path"] == ["applicationIds"] and "has a Kubernetes target" in problem["message"]


async def test_deploying_to_a_cluster_needs_images(shared: System) -> None:
    cluster, _, version = await deploy_application(shared.admin, image=None)
    (problem,) = await problems(shared.admin, cluster, version)
    assert "has no image" in problem["message"]
    cluster, _, version = await deploy_application(shared.admin)
    custom = {"key": "notify", "name": "Notify", "type": "CUSTOM", "command": {"command": ["true"]}}
    (problem,) = await problems(shared.admin, cluster, version, tasks=[custom])
    assert (problem["kind"], problem["taskKeys"]) == ("MISSING_COMMAND", ["notify"])
    custom["command"] = {"command": ["true"], "image": "alpine:3"}
    assert await problems(shared.admin, cluster, version, tasks=[custom]) == []


async def test_only_kubernetes_environments_have_a_cluster_access(shared: System) -> None:
    for about in ({"operator": "KUBERNETES"}, {"operator": "SHELL", "kubernetes": CONNECTION}):
        answer = await shared.admin.query(
            "mutation($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { errors { path } } }",
            input={"name": unique("e")} | about,
        )
        assert answer["createEnvironment"]["errors"] == [{"path": ["kubernetes"]}]


WHOLE = "application { id deploy { ... on KubernetesTarget { workload container service httpRoute } } }"
OTHERS = [
    ("workload", lambda theirs: target(workload=theirs["workload"])),
    ("workload", lambda theirs: target(workload=f"{theirs['workload']}-canary")),
    ("workload", lambda theirs: target(workload=f"{theirs['workload']}-preview")),
    ("service", lambda theirs: target(service=theirs["service"])),
    ("service", lambda theirs: target(service=f"{theirs['service']}-canary")),
    ("httpRoute", lambda theirs: target(httpRoute=theirs["httpRoute"])),
]


@pytest.mark.parametrize(("field", "evil"), OTHERS)
@pytest.mark.parametrize("archived", [False, True])
async def test_two_applications_cannot_name_the_same_workload(
    shared: System, field: str, evil: Callable[[Data], Data], archived: bool
) -> None:
    theirs = target()
    payments = await shared.admin.change("createApplication", WHOLE, name=unique("payments"), kubernetes=theirs)
    mine = await shared.admin.change("createApplication", WHOLE, name=unique("mine"), kubernetes=target())
    if archived:
        await shared.admin.change("archiveApplication", WHOLE, id=payments["application"]["id"])
    for name, about in (
        ("createApplication", {"name": unique("evil")}),
        ("updateApplication", {"id": mine["application"]["id"]}),
    ):
        answer = await shared.admin.mutate(name, WHOLE, kubernetes=evil(theirs), **about)
        (error,) = answer["errors"]
        assert (error["code"], error["path"]) == ("INVALID", ["kubernetes", field])
        assert "payments" in error["message"]


async def test_a_deployer_cannot_change_the_objects_of_an_application(shared: System) -> None:
    kubernetes = target()
    payload = await shared.admin.change("createApplication", WHOLE, name=unique("mine"), kubernetes=kubernetes)
    id_ = payload["application"]["id"]
    team = await account(shared.admin, {"role": "DEPLOYER", "applicationId": id_})
    chief = await account(shared.admin, {"role": "ADMIN", "applicationId": id_})
    for change in ({"workload": unique("pay")}, {"service": unique("pay")}, {"httpRoute": unique("pay")}):
        answer = await team.client.mutate("updateApplication", WHOLE, id=id_, kubernetes=kubernetes | change)
        (error,) = answer["errors"]
        assert (error["code"], error["path"]) == ("FORBIDDEN", ["kubernetes"])
    answer = await team.client.mutate("updateApplication", WHOLE, id=id_, shell={"command": ["true"]})
    assert answer["errors"][0]["code"] == "FORBIDDEN"
    answer = await team.client.change(
        "updateApplication", WHOLE, id=id_, kubernetes=kubernetes | {"container": "other"}
    )
    assert answer["application"]["deploy"] == kubernetes | {"container": "other"}
    kubernetes = target()
    answer = await chief.client.change("updateApplication", WHOLE, id=id_, kubernetes=kubernetes)
    assert answer["application"]["deploy"] == kubernetes


async def test_concurrent_claims_of_one_workload_do_not_both_succeed(shared: System) -> None:
    kubernetes = target()
    answers = await asyncio.gather(
        *(shared.admin.mutate("createApplication", WHOLE, name=unique("app"), kubernetes=kubernetes) for _ in range(5))
    )
    assert sorted(len(answer["errors"]) for answer in answers) == [0, 3, 3, 3, 3]


PLACE = "environment { id rank workerPool kubernetes { context namespace } }"
REACHING: list[tuple[str, Data]] = [
    ("workerPool", {"workerPool": "prod"}),
    ("kubernetes", {"kubernetes": CONNECTION | {"namespace": "prod"}}),
    ("kubernetes", {"kubernetes": CONNECTION | {"kubeconfigPath": "other"}}),
    ("kubernetes", {"kubernetes": CONNECTION | {"context": None}}),
]


async def test_an_admin_of_one_environment_cannot_change_its_pool_or_cluster(shared: System) -> None:
    where, _, _ = await deploy_application(shared.admin)
    chief = await account(shared.admin, {"role": "ADMIN", "environmentId": where})
    for field, change in REACHING:
        answer = await chief.client.mutate("updateEnvironment", PLACE, id=where, rank=7, **change)
        (error,) = answer["errors"]
        assert (error["code"], error["path"]) == ("FORBIDDEN", [field])
    answer = await chief.client.change("updateEnvironment", PLACE, id=where, rank=3, kubernetes=CONNECTION)
    cluster = {"context": "prod", "namespace": "shop"}
    assert answer["environment"] == {"id": where, "rank": 3, "workerPool": "default", "kubernetes": cluster}
    for _, change in REACHING:
        await shared.admin.change("updateEnvironment", PLACE, id=where, **change)


PATHS = ["/etc/shadow", "../config", "a/b", ".", "..", "", " ", ".hidden", "a\\b", "a:b", "config\n", "ä", "x" * 300]


@pytest.mark.parametrize("path", PATHS)
async def test_a_kubeconfig_is_named_without_a_path(shared: System, path: str) -> None:
    answer = await shared.admin.mutate(
        "createEnvironment",
        ENVIRONMENT,
        name=unique("e"),
        operator="KUBERNETES",
        kubernetes=CONNECTION | {"kubeconfigPath": path},
    )
    (error,) = answer["errors"]
    assert (error["code"], error["path"]) == ("INVALID", ["kubernetes", "kubeconfigPath"])


async def test_a_kubeconfig_path_of_an_older_release_is_kept_until_it_is_set_again(shared: System) -> None:
    where, _, _ = await deploy_application(shared.admin)
    async with database(shared) as connection:
        old = '{"kubeconfig_path": "/etc/kube/config"}'
        await connection.execute(
            "UPDATE environments SET kubernetes = kubernetes || $2::jsonb WHERE id = $1", where, old
        )
    await shared.admin.change("updateEnvironment", PLACE, id=where, rank=5)
    answer = await shared.admin.change("updateEnvironment", PLACE, id=where, kubernetes=CONNECTION)
    assert answer["environment"]["rank"] == 5


async def test_a_restart_is_part_of_the_definition(shared: System) -> None:
    environment, app, version = await deploy_application(shared.admin)
    about = {"versionId": version, "environmentIds": [environment], "autoStart": False}
    deploy = "deployments { definitions { deploy { ... on KubernetesTarget { restart } } } }"
    for restart in (False, True):
        payload = await shared.admin.mutate("createDeployment", deploy, restart=restart, **about)
        (definition,) = payload["deployments"][0]["definitions"]
        assert definition["deploy"] == {"restart": restart}
    await shared.admin.mutate("updateApplication", "application { id }", id=app, kubernetes=target(restart=True))
    payload = await shared.admin.mutate("createDeployment", deploy, **about)
    (definition,) = payload["deployments"][0]["definitions"]
    assert definition["deploy"] == {"restart": True}


async def test_a_restart_without_pods_is_refused(shared: System) -> None:
    where = await shared.admin.mutate("createEnvironment", "environment { id }", name=unique("e"), operator="SHELL")
    payload = await shared.admin.mutate(
        "createApplication", "application { id }", name=unique("app"), shell={"command": ["true"]}
    )
    artifacts = [{"applicationId": payload["application"]["id"]}]
    version = await shared.admin.mutate("createVersion", "version { id }", name="v1", artifacts=artifacts)
    (problem,) = await problems(shared.admin, where["environment"]["id"], version["version"]["id"], restart=True)
    assert (problem["code"], problem["path"]) == ("INVALID", ["restart"])
