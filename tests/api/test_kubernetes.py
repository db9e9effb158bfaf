"""Clusters over the API: what is registered and read again, what never can be, and what does not fit together."""

from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import unique

TARGET = {"workload": "web", "container": "app", "service": "web", "httpRoute": "web"}
APPLICATION = (
    "application { id deploy { __typename ... on KubernetesTarget { workload container service httpRoute } } }"
)
ENVIRONMENT = "environment { id operator kubernetes { context namespace } }"
CONNECTION = {"context": "prod", "kubeconfigPath": "/etc/boreas/kubeconfig", "namespace": "shop"}


async def made(admin: Client, image: str | None = "web:1", **application: object) -> tuple[str, str, str]:
    """Return a cluster, an application and a version of it."""
    where = await admin.mutate(
        "createEnvironment", ENVIRONMENT, name=unique("e"), operator="KUBERNETES", kubernetes=CONNECTION
    )
    about = {"name": unique("app"), "kubernetes": TARGET} | application
    what = await admin.mutate("createApplication", "application { id }", **about)
    app = what["application"]["id"]
    version = await admin.mutate(
        "createVersion", "version { id }", name="v1", artifacts=[{"applicationId": app, "image": image}]
    )
    return where["environment"]["id"], app, version["version"]["id"]


async def problems(admin: Client, environment: str, version: str, **more: object) -> list[Data]:
    """Return what is wrong with a deployment."""
    answer = await admin.query(
        "mutation($input: CreateDeploymentInput!) { createDeployment(input: $input)"
        " { errors { code message path ... on WorkflowFault { kind taskKeys } } } }",
        input={"versionId": version, "environmentIds": [environment], "autoStart": False} | more,
    )
    errors: list[Data] = answer["createDeployment"]["errors"]
    return errors


async def test_a_target_and_a_connection_are_read_again_without_the_path(shared: System) -> None:
    payload = await shared.admin.mutate(
        "createEnvironment", ENVIRONMENT, name=unique("e"), operator="KUBERNETES", kubernetes=CONNECTION
    )
    assert payload["environment"]["kubernetes"] == {"context": "prod", "namespace": "shop"}
    payload = await shared.admin.mutate("createApplication", APPLICATION, name=unique("app"), kubernetes=TARGET)
    assert payload["application"]["deploy"] == {"__typename": "KubernetesTarget"} | TARGET
    log = await shared.admin.query("{ auditLog(first: 100) { nodes { before after } } }")
    assert "kubeconfig" not in str(log)


async def test_a_target_takes_the_place_of_the_other(shared: System) -> None:
    made = await shared.admin.mutate("createApplication", APPLICATION, name=unique("a"), shell={"command": ["true"]})
    id_ = made["application"]["id"]
    changed = await shared.admin.mutate("updateApplication", APPLICATION, id=id_, kubernetes=TARGET)
    assert changed["application"]["deploy"]["__typename"] == "KubernetesTarget"
    changed = await shared.admin.mutate("updateApplication", APPLICATION, id=id_, shell={"command": ["true"]})
    assert changed["application"]["deploy"] == {"__typename": "ShellTarget"}


async def test_what_does_not_fit_the_operator_is_refused(shared: System) -> None:
    cluster, _, version = await made(shared.admin, kubernetes=None, shell={"command": ["true"]})
    (problem,) = await problems(shared.admin, cluster, version)
    assert problem["path"] == ["applicationIds"] and "is deployed by a command" in problem["message"]
    payload = await shared.admin.mutate("createEnvironment", ENVIRONMENT, name=unique("e"), operator="SHELL")
    _, _, version = await made(shared.admin)
    (problem,) = await problems(shared.admin, payload["environment"]["id"], version)
    assert problem["path"] == ["applicationIds"] and "is deployed to a cluster" in problem["message"]


async def test_a_cluster_needs_images(shared: System) -> None:
    cluster, _, version = await made(shared.admin, image=None)
    (problem,) = await problems(shared.admin, cluster, version)
    assert "has no image" in problem["message"]
    cluster, _, version = await made(shared.admin)
    custom = {"key": "notify", "name": "Notify", "type": "CUSTOM", "command": {"command": ["true"]}}
    (problem,) = await problems(shared.admin, cluster, version, tasks=[custom])
    assert (problem["kind"], problem["taskKeys"]) == ("MISSING_COMMAND", ["notify"])
    custom["command"] = {"command": ["true"], "image": "alpine:3"}
    assert await problems(shared.admin, cluster, version, tasks=[custom]) == []


async def test_a_connection_belongs_to_a_cluster(shared: System) -> None:
    for about in ({"operator": "KUBERNETES"}, {"operator": "SHELL", "kubernetes": CONNECTION}):
        answer = await shared.admin.query(
            "mutation($input: CreateEnvironmentInput!) { createEnvironment(input: $input) { errors { path } } }",
            input={"name": unique("e")} | about,
        )
        assert answer["createEnvironment"]["errors"] == [{"path": ["kubernetes"]}]
