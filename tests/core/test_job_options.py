"""Options of Jobs.

Merged options of a step and its environment, and options that a cluster would not accept.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.core.application import CommandStep
from app.core.environment import KubernetesAccess
from app.core.job_options import (
    NONE,
    JobOptions,
    JobResources,
    TaintEffect,
    Toleration,
    TolerationOperator,
    merged,
)
from app.core.kubernetes.manifests import JobCommand, Object, Owner, job
from app.core.validation.job_option_checks import access_options, job_options
from app.core.validation.task_checks import workflow_tasks
from app.core.workflow import TaskType, WorkflowTask

EXISTS = TolerationOperator.EXISTS


def with_resources(requests: Mapping[str, Any] | None = None, limits: Mapping[str, Any] | None = None) -> JobOptions:
    return JobOptions(resources=JobResources(requests=requests, limits=limits))


def with_toleration(**fields: Any) -> JobOptions:
    return JobOptions(tolerations=(Toleration(**fields),))


def problem_paths(options: JobOptions) -> list[str]:
    return [".".join(problem.path or ()) for problem in job_options(options, "job")]


USUAL = JobOptions(
    resources=JobResources(requests={"cpu": "1", "memory": "1Gi"}, limits={"memory": "2Gi"}),
    service_account_name="builder",
    node_selector={"pool": "jobs"},
    tolerations=(Toleration(key="jobs", operator=EXISTS),),
    image_pull_secrets=("registry",),
    labels={"team": "shop", "cost": "1"},
    annotations={"note": "x"},
    run_as_user=1000,
)


def test_a_step_overrides_its_environment_field_by_field() -> None:
    step = JobOptions(
        resources=JobResources(requests={"cpu": "2"}),
        node_selector={"disk": "ssd"},
        tolerations=(),
        labels={"cost": "2"},
        run_as_user=0,
    )
    assert merged(USUAL, step) == replace(
        USUAL,
        resources=JobResources(requests={"cpu": "2", "memory": "1Gi"}, limits={"memory": "2Gi"}),
        node_selector={"pool": "jobs", "disk": "ssd"},
        tolerations=(),
        labels={"team": "shop", "cost": "2"},
        run_as_user=0,
    )
    assert merged(USUAL, None) == merged(None, USUAL) == USUAL
    assert merged(None, None) == replace(NONE, resources=JobResources())


@pytest.mark.parametrize("quantity", ["1", "0.5", "500m", ".5", "2.", "1Gi", "1e3", "1E3", "1e-3", "12E", "128974848"])
def test_valid_quantities(quantity: str) -> None:
    assert problem_paths(with_resources({"cpu": quantity}, {"example.com/gpu": quantity})) == []


@pytest.mark.parametrize(
    "quantity",
    ["", " ", "1 Gi", "-1", "+1", "1gi", "1GB", "abc", "1e", "1e999", "٣", "1\n", "1" * 60, 1, 0.5, True, None],
)
def test_invalid_quantities(quantity: Any) -> None:
    assert problem_paths(with_resources({"cpu": quantity})) == ["job.resources.requests.cpu"]
    assert problem_paths(with_resources(None, {"cpu": quantity})) == ["job.resources.limits.cpu"]


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        (USUAL, []),
        (with_resources({"memory": "512m"}), ["resources.requests.memory"]),
        (with_resources({"memory": "2Gi"}, {"memory": "1024Mi"}), ["resources.requests.memory"]),
        (with_resources({"memory": "1024Mi"}, {"memory": "1Gi"}), []),
        (with_resources({"ram": "1Gi"}), ["resources.requests.ram"]),
        (with_resources({"hugepages-\0": "1Gi"}), ["resources.requests.hugepages-\0"]),
        (with_resources({"/gpu": "1"}), ["resources.requests./gpu"]),
        (with_resources({"hugepages-2Mi": "4Mi", "ephemeral-storage": "1G", "nvidia.com/gpu": "1"}), []),
        (with_resources({f"example.com/{n}": "1" for n in range(101)}), ["resources.requests"]),
        (JobOptions(service_account_name="Robot"), ["serviceAccountName"]),
        (JobOptions(service_account_name=""), ["serviceAccountName"]),
        (JobOptions(service_account_name="a" * 64), ["serviceAccountName"]),
        (JobOptions(service_account_name="robot.ci-1"), []),
        (JobOptions(image_pull_secrets=("a", "B")), ["imagePullSecrets"]),
        (JobOptions(image_pull_secrets=("a", "a")), ["imagePullSecrets"]),
        (JobOptions(image_pull_secrets=tuple(f"s{n}" for n in range(101))), ["imagePullSecrets"]),
        (JobOptions(node_selector={"kubernetes.io/arch": "arm64", "topology.kubernetes.io/zone": ""}), []),
        (JobOptions(node_selector={"a b": "x"}), ["nodeSelector.a b"]),
        (JobOptions(labels={"team": "a b"}), ["labels.team"]),
        (JobOptions(labels={"team": "x" * 64}), ["labels.team"]),
        (JobOptions(labels={"": "x"}), ["labels."]),
        (JobOptions(labels={"a/b/c": "x"}), ["labels.a/b/c"]),
        (JobOptions(labels={"Example.com/x": "x"}), ["labels.Example.com/x"]),
        (JobOptions(labels={"a": True}), ["labels.a"]),  # type: ignore[dict-item]
        (JobOptions(labels={f"l{n}": "x" for n in range(101)}), ["labels"]),
        (JobOptions(annotations={"example.com/note": "any text\nof lines — é"}), []),
        (JobOptions(annotations={"note": "\0"}), ["annotations.note"]),
        (JobOptions(annotations={"note": "***"}), ["annotations.note"]),
        (JobOptions(annotations={"note": "x" * (128 * 1024)}), ["annotations"]),
        (JobOptions(run_as_user=-1), ["runAsUser"]),
        (JobOptions(run_as_user=2**31), ["runAsUser"]),
        (JobOptions(run_as_user=0), []),
        (with_toleration(), ["tolerations.0.key"]),
        (with_toleration(operator=EXISTS), []),
        (with_toleration(key="gpu", operator=EXISTS, value="x"), ["tolerations.0.value"]),
        (with_toleration(key="gpu", value="a b"), ["tolerations.0.value"]),
        (with_toleration(key="a b"), ["tolerations.0.key"]),
        (
            with_toleration(key="gpu", effect=TaintEffect.NO_SCHEDULE, toleration_seconds=5),
            ["tolerations.0.tolerationSeconds"],
        ),
        (with_toleration(key="gpu", effect=TaintEffect.NO_EXECUTE, toleration_seconds=5), []),
        (JobOptions(tolerations=(Toleration(operator=EXISTS),) * 101), ["tolerations"]),
    ],
)  # fmt: skip
def test_options_are_checked(options: JobOptions, paths: list[str]) -> None:
    assert problem_paths(options) == [f"job.{path}" for path in paths]


@pytest.mark.parametrize(
    "key",
    ["boreas.dev/task", "x.boreas.dev/y", "batch.kubernetes.io/job-name", "app.kubernetes.io/managed-by", "job-name"],
)
def test_reserved_keys_are_refused(key: str) -> None:
    assert problem_paths(JobOptions(labels={key: "x"})) == [f"job.labels.{key}"]
    assert problem_paths(JobOptions(annotations={key: "x"})) == [f"job.annotations.{key}"]
    assert problem_paths(JobOptions(labels={"notboreas.dev/x": "x", "app.kubernetes.io/name": "x"})) == []


def test_options_count_for_the_size_of_a_graph() -> None:
    step = CommandStep(("make",), job=JobOptions(annotations={"note": "x" * 120_000}))
    tasks = [WorkflowTask(key=f"t{n}", name="T", type=TaskType.CUSTOM, command=step) for n in range(150)]
    assert [problem.path for problem in workflow_tasks(tasks)] == [("tasks",)]
    assert list(workflow_tasks(tasks[:100])) == []


def test_steps_choose_among_the_service_accounts_of_their_environment() -> None:
    access = KubernetesAccess(job=JobOptions(service_account_name="builder"), service_accounts=("tester",))
    assert [access.refusal(name) for name in (None, "builder", "tester")] == [None] * 3
    assert "“chief” is not one of the environment's: steps may run as builder, tester" in str(access.refusal("chief"))
    assert "steps may choose none" in str(KubernetesAccess().refusal("default"))
    assert [problem.path for problem in access_options(replace(access, service_accounts=("A", "b", "b")))] == [
        ("serviceAccounts",),
        ("serviceAccounts",),
    ]


def job_object(options: JobOptions = NONE, **more: Any) -> Object:
    command = JobCommand(image="shop:1", command=("make",), env={}, limit_seconds=9, attempt=1, options=options, **more)
    return job(Owner(deployment_id="dep_1", task_id="tsk_1", application="shop"), "0", command)


def test_a_job_is_restricted_and_omits_unset_fields() -> None:
    pod = job_object()["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = pod["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert not {"serviceAccountName", "nodeSelector", "tolerations", "imagePullSecrets", "readinessGates"} & pod.keys()
    assert ("resources" in container, pod["automountServiceAccountToken"]) == (False, False)
    assert job_object(non_root=True)["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


def test_a_job_has_the_fields_of_its_options() -> None:
    body = job_object(replace(USUAL, labels={"boreas.dev/task": "tsk_other", "team": "shop"}), serves_nobody=True)
    template = body["spec"]["template"]
    pod = template["spec"]
    assert pod["securityContext"] == {
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsNonRoot": True,
        "runAsUser": 1000,
    }
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("builder", True)
    assert pod["nodeSelector"] == {"pool": "jobs"}
    assert pod["tolerations"] == [{"key": "jobs", "operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["readinessGates"] == [{"conditionType": "boreas.dev/serves-nobody"}]
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"memory": "2Gi"},
    }
    for meta in (body["metadata"], template["metadata"]):
        assert (meta["labels"]["team"], meta["labels"]["boreas.dev/task"]) == ("shop", "tsk_1")
        assert meta["annotations"]["note"] == "x"


def test_a_job_runs_as_root_if_its_options_say_so() -> None:
    security = job_object(JobOptions(run_as_user=0))["spec"]["template"]["spec"]["securityContext"]
    assert security == {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 0}
