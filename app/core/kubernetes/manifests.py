"""Objects of a cluster as Boreas makes them: pure functions from what is wanted to what is sent, as plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.job_options import NONE, JobOptions, JobResources, TaintEffect, Toleration, TolerationOperator

Object = dict[str, Any]
"""An object of a cluster, as its API tells and takes it."""

MANAGER = "boreas"
"""Who makes and changes objects, as the cluster's own books of fields have it."""
MANAGED_BY = "app.kubernetes.io/managed-by"
DEPLOYMENT_LABEL = "boreas.dev/deployment"
TASK_LABEL = "boreas.dev/task"
APPLICATION_LABEL = "boreas.dev/application"
RUN_LABEL = "boreas.dev/run"
ATTEMPT = "boreas.dev/attempt"
"""On a Job: the attempt that made it, or went on with it last."""
CONTAINER = "main"
KEPT_SECONDS = 3600
"""How long a Job that has ended stays where nobody removes it, for another worker to read how it ended."""
NEVER_READY = "boreas.dev/serves-nobody"
"""A condition of pods that nobody ever sets: no Service sends requests to a pod that waits for it."""
WORKSPACE = "/workspace"
GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """For whom an object is made: what its labels say. `application` is None for work of a whole deployment."""

    deployment_id: str
    task_id: str
    application: str | None


def labels(owner: Owner) -> dict[str, str]:
    """Return the labels by which people and other workers find what was made for a task."""
    known = {MANAGED_BY: MANAGER, DEPLOYMENT_LABEL: owner.deployment_id, TASK_LABEL: owner.task_id}
    return known | ({APPLICATION_LABEL: owner.application} if owner.application else {})


def job_name(task_id: str, run: str) -> str:
    """Return the name of the Job of one run of a task: the same for whoever goes on with that run."""
    return f"boreas-{task_id.partition('_')[2] or task_id}-{run}".lower()


def run_of(job: Object) -> str | None:
    """Return which run of its task a Job is, None where it is none of Boreas'."""
    known = job["metadata"].get("labels") or {}
    before = job_name(known.get(TASK_LABEL) or "", "")
    name = name_of(job)
    is_one = known.get(MANAGED_BY) == MANAGER and known.get(RUN_LABEL) == name and DEPLOYMENT_LABEL in known
    return name.removeprefix(before) if is_one and name.startswith(before) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand:
    """What a Job runs. `non_root` has the cluster refuse an image that runs as root.

    `serves_nobody` keeps its pod from being taken for one of a Service, whatever labels it has.
    """

    image: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    limit_seconds: int
    attempt: int
    options: JobOptions = NONE
    non_root: bool = False
    serves_nobody: bool = False


def job(owner: Owner, run: str, command: JobCommand) -> Object:
    """Return the Job that runs a command once: no retries of its own, an end by itself at the task's limit.

    Nothing of it may gain rights, as the level `restricted` of the cluster's pod security has it. It gets credentials
    of the cluster only where it is to run as a service account.
    """
    name, options = job_name(owner.task_id, run), command.options
    marks = dict(options.labels or {}) | labels(owner) | {RUN_LABEL: name}
    notes = dict(options.annotations or {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": marks, "annotations": notes | {ATTEMPT: str(command.attempt)}},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": command.limit_seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": marks} | ({"annotations": notes} if notes else {}),
                "spec": _pod(command),
            },
        },
    }


def _pod(command: JobCommand) -> Object:
    options = command.options
    security: Object = {"seccompProfile": {"type": "RuntimeDefault"}}
    if command.non_root or options.run_as_user:
        security["runAsNonRoot"] = True
    if options.run_as_user is not None:
        security["runAsUser"] = options.run_as_user
    pod: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": options.service_account_name is not None,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": security,
        "volumes": [{"name": "workspace", "emptyDir": {}}],
        "containers": [_container(command)],
    }
    given: Object = {
        "serviceAccountName": options.service_account_name,
        "nodeSelector": dict(options.node_selector or {}),
        "tolerations": [_toleration(each) for each in options.tolerations or ()],
        "imagePullSecrets": [{"name": each} for each in options.image_pull_secrets or ()],
        "readinessGates": [{"conditionType": NEVER_READY}] if command.serves_nobody else [],
    }
    return pod | {field: value for field, value in given.items() if value}


def _container(command: JobCommand) -> Object:
    env = dict(command.env) | {"BOREAS_WORKSPACE": WORKSPACE}
    resources = command.options.resources or JobResources()
    sizes = {"requests": dict(resources.requests or {}), "limits": dict(resources.limits or {})}
    container: Object = {
        "name": CONTAINER,
        "image": command.image,
        "command": [_literal(argument) for argument in command.command],
        "env": [{"name": key, "value": _literal(value)} for key, value in env.items()],
        "volumeMounts": [{"name": "workspace", "mountPath": WORKSPACE}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    given = {side: amounts for side, amounts in sizes.items() if amounts}
    return container | ({"resources": given} if given else {})


OPERATORS = {TolerationOperator.EQUAL: "Equal", TolerationOperator.EXISTS: "Exists"}
EFFECTS = {
    TaintEffect.NO_SCHEDULE: "NoSchedule",
    TaintEffect.PREFER_NO_SCHEDULE: "PreferNoSchedule",
    TaintEffect.NO_EXECUTE: "NoExecute",
}


def _toleration(one: Toleration) -> Object:
    given: Object = {
        "key": one.key,
        "operator": OPERATORS[one.operator],
        "value": one.value,
        "effect": one.effect and EFFECTS[one.effect],
        "tolerationSeconds": one.toleration_seconds,
    }
    return {field: value for field, value in given.items() if value is not None}


def _literal(text: str) -> str:
    """Return a text that the cluster takes as it is: it would put variables in for `$(NAME)`, and one `$` for two."""
    return text.replace("$", "$$")


def version_of(body: Object) -> str:
    """Return the version of an object or a list."""
    return str((body.get("metadata") or {}).get("resourceVersion") or "")


def name_of(body: Object) -> str:
    """Return the name of an object."""
    return str(body["metadata"]["name"])


def uid_of(body: Object) -> str:
    """Return what tells an object from another one of the same name, before or after it."""
    return str(body["metadata"].get("uid") or "")


def is_terminating(body: Object) -> bool:
    """Return whether an object is being deleted."""
    return bool(body["metadata"].get("deletionTimestamp"))


def is_owned_by(body: Object, uid: str) -> bool:
    """Return whether an object belongs to the one with that uid."""
    owners = body["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
