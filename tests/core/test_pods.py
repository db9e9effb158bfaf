"""Messages about pods and Jobs: a table from statuses to messages."""

from typing import Any

import pytest

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import pods

PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
CONFIG = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}
CRASH = {"waiting": {"reason": "CrashLoopBackOff"}}
NO_NODE = {"type": "PodScheduled", "reason": "Unschedulable", "message": "0/3 nodes are available"}
DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a pod whose own container is in a state."""
    container = {"name": "main", "image": "shop:1", "state": state or {}, "lastState": status.pop("last", {})}
    return {"metadata": {"name": "pod"}, "status": {"containerStatuses": [container], **status}}


def job(kind: str, reason: str | None = None) -> dict[str, Any]:
    """Return a Job that has ended."""
    condition = {"type": kind, "status": "True", "reason": reason, "message": "Job has reached the specified limit"}
    return {"spec": {"activeDeadlineSeconds": 9}, "status": {"conditions": [condition]}}


def on_node(pod: dict[str, Any]) -> dict[str, Any]:
    """Return a pod as it is once it has a node."""
    return pod | {"spec": {"nodeName": "east"}}


def init(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a pod whose init container is in a state."""
    waits = [{"name": "proxy", "image": "proxy:1", "state": state, **more}]
    return pod({"waiting": {"reason": "PodInitializing"}}, initContainerStatuses=waits)


def stopped(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    """Return the state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": reason, **more}}


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (pod(), None),
        (pod({"running": {}}), None),
        (pod({"waiting": {"reason": "ContainerCreating"}}), None),
        (pod(PULL), "the image shop:1 cannot be pulled (ImagePullBackOff): Back-off pulling image"),
        (pod(CONFIG), 'the container cannot be created (CreateContainerConfigError): secret "x" not found'),
        (
            pod(CRASH, last=stopped(2)),
            "the container keeps crashing (CrashLoopBackOff): exit status 2",
        ),
        (pod(conditions=[NO_NODE]), "no node can run it (Unschedulable): 0/3 nodes are available"),
    ],
)
def test_faults_of_pods(pod: dict[str, Any], message: str | None) -> None:
    fault = pods.fault(pod)
    assert (fault.message if fault else None) == message


def test_an_invalid_name_is_hopeless_and_a_full_cluster_passes() -> None:
    name, full = pods.fault(pod({"waiting": {"reason": "InvalidImageName"}})), pods.fault(pod(conditions=[NO_NODE]))
    assert (name and name.hopeless, full and full.passing) == (True, True)


@pytest.mark.parametrize(
    ("of", "job_pods", "message", "code"),
    [
        (job("Failed"), [pod(stopped(3))], "exit status 3", 3),
        (job("Failed"), [pod(stopped(137, "OOMKilled"))], "it ran out of memory (OOMKilled), exit status 137", 137),
        (job("Failed"), [pod(stopped(128, "StartError", message="no such file"))],
         "exit status 128 (StartError): no such file", 128),
        (job("Failed"), [pod(stopped(137), reason="Evicted", message="Usage of EmptyDir volume exceeds the limit 1Gi")],
         "its pod wrote more than its limit (Evicted): Usage of EmptyDir volume exceeds the limit 1Gi", 137),
        (job("Failed"), [init(stopped(1))], "the init container proxy failed: exit status 1", None),
        (job("Failed", "DeadlineExceeded"), [], "the time limit of 9 seconds was reached, and it was ended", None),
        (job("Failed"), [], "its pod is gone: Job has reached the specified limit", None),
    ],
)  # fmt: skip
def test_how_a_job_failed(of: dict[str, Any], job_pods: list[dict[str, Any]], message: str, code: int | None) -> None:
    assert pods.outcome(of, job_pods) == Outcome(Ending.FAILED, message, code)


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (pod(reason="Evicted", message="The node was low on resource: memory"), "(Evicted): The node was low"),
        (pod(stopped(143), conditions=[DISRUPTED]), "(PreemptionByScheduler): preempted"),
        (pod(stopped(143), conditions=[DISRUPTED | {"reason": "EvictionByEvictionAPI"}]), "(EvictionByEvictionAPI)"),
        (pod(conditions=[DISRUPTED | {"reason": "DeletionByTaintManager"}]), "(DeletionByTaintManager)"),
        (pod(stopped(137), conditions=[DISRUPTED | {"reason": "TerminationByKubelet"}]), "(TerminationByKubelet)"),
        (pod(reason="OutOfcpu", message="Node didn't have enough resource: cpu"), "(OutOfcpu): Node didn't have"),
        (pod(stopped(137, "ContainerStatusUnknown", message="could not be located")), "(ContainerStatusUnknown)"),
    ],
)
def test_pods_that_the_cluster_ended_are_lost(pod: dict[str, Any], message: str) -> None:
    outcome = pods.outcome(job("Failed"), [pod])
    assert outcome.ending is Ending.LOST and message in str(outcome.message)
    assert pods.outcome(job("Complete"), [pod]).ending is Ending.SUCCEEDED


SUSPENDED = {"status": {"conditions": [{"type": "Suspended", "status": "True", "message": "Job suspended"}]}}
CUT_OFF = [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]


@pytest.mark.parametrize(
    ("of", "pod", "message"),
    [
        (SUSPENDED, None, "it is suspended (Suspended): Job suspended"),
        ({}, None, "the cluster has not created its pod yet"),
        ({}, pod(phase="Pending"), "no scheduler has assigned its pod to a node yet"),
        ({}, on_node(init({"running": {}})), "the init container proxy is still running"),
        (
            {},
            on_node(init({"waiting": {"reason": "PodInitializing"}})),
            "the init container proxy waits (PodInitializing)",
        ),
        (
            {},
            on_node(pod({"waiting": {"reason": "ContainerCreating"}})),
            "its container is being created on node east (ContainerCreating)",
        ),
    ],
)
def test_reasons_why_a_job_without_fault_waits(of: dict[str, Any], pod: dict[str, Any] | None, message: str) -> None:
    assert pods.startup_delay(of, pod) == message


def test_a_lost_node_differs_from_an_unready_container() -> None:
    cut_off = on_node(pod({"running": {}}, conditions=CUT_OFF))
    assert pods.fault(cut_off) == pods.Fault("its node east does not answer", passing=True)
    unready = on_node(pod({"running": {}}, conditions=[CUT_OFF[0], CUT_OFF[1] | {"status": "False"}]))
    assert pods.fault(unready) is None
    cut_off["spec"]["readinessGates"] = [{"conditionType": "x"}]
    assert pods.fault(cut_off) is None


def test_the_last_fault_explains_an_exceeded_deadline() -> None:
    fault = pods.fault(pod(conditions=[NO_NODE]))
    message = pods.outcome(job("Failed", "DeadlineExceeded"), [], fault).message
    assert message and message.endswith("; no node can run it (Unschedulable): 0/3 nodes are available")


def test_a_job_that_is_complete_succeeded() -> None:
    assert pods.outcome(job("Complete"), []) == Outcome(Ending.SUCCEEDED, exit_code=0)
    assert not pods.is_done({"status": {"conditions": [{"type": "Complete", "status": "False"}]}})


def test_the_newest_event_explains_a_job_without_pod() -> None:
    events = [
        {"message": f'Error creating: pods "x-{at}" is forbidden: {at}', "lastTimestamp": f"2030-01-01T12:00:0{at}Z"}
        for at in (1, 3, 2)
    ]
    assert pods.missing_pod_fault(events) == pods.Fault("its pod cannot be created: forbidden: 3")
    assert pods.missing_pod_fault([]) == pods.Fault("the cluster has not created its pod yet", passing=True)
    assert pods.missing_pod_fault([{"message": "exceeded quota: small"}]).passing


def test_a_deleted_pod_differs_from_a_failed_one() -> None:
    deleted = pod(stopped(143))
    deleted["metadata"]["deletionTimestamp"] = "2030-01-01T12:00:00Z"
    outcome = pods.outcome(job("Failed", "BackoffLimitExceeded"), [deleted])
    assert outcome == Outcome(Ending.FAILED, "its pod was deleted by somebody; exit status 143", 143)
