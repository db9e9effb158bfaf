"""Manifests of the Jobs that Boreas creates, and common fields of cluster objects. Pure; plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.job_options import NONE, JobOptions, JobResources, TaintEffect, Toleration, TolerationOperator

Object = dict[str, Any]
"""A cluster object, in the JSON of the Kubernetes API."""

MANAGER = "boreas"
"""The field manager that the cluster records for changes by Boreas."""
MANAGED_BY = "app.kubernetes.io/managed-by"
DEPLOYMENT_LABEL = "boreas.dev/deployment"
TASK_LABEL = "boreas.dev/task"
APPLICATION_LABEL = "boreas.dev/application"
RUN_LABEL = "boreas.dev/run"
ATTEMPT = "boreas.dev/attempt"
"""Annotation of a Job: the attempt that created it or last adopted it."""
CONTAINER = "main"
KEPT_SECONDS = 3600
"""How long a finished Job stays, so that another worker can read its result."""
NEVER_READY = "boreas.dev/serves-nobody"
"""A readiness gate that is never set, so that no Service sends requests to the pod."""
WORKSPACE = "/workspace"
GRACE_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The owner of an object, by its labels. `application` is None for work of a whole deployment."""

    deployment_id: str
    task_id: str
    application: str | None


def labels(owner: Owner) -> dict[str, str]:
    """Return the labels by which people and other workers find the objects of a task."""
    result = {MANAGED_BY: MANAGER, DEPLOYMENT_LABEL: owner.deployment_id, TASK_LABEL: owner.task_id}
    return result | ({APPLICATION_LABEL: owner.application} if owner.application else {})


def job_name(task_id: str, run: str) -> str:
    """Return the Job name of a task's run, by which every worker that continues the run finds it."""
    return f"boreas-{task_id.partition('_')[2] or task_id}-{run}".lower()


def run_of(job: Object) -> str | None:
    """Return which run of its task a Job is; None if Boreas did not create it."""
    job_labels = job["metadata"].get("labels") or {}
    prefix = job_name(job_labels.get(TASK_LABEL) or "", "")
    name = name_of(job)
    is_managed = job_labels.get(MANAGED_BY) == MANAGER and DEPLOYMENT_LABEL in job_labels
    is_run = is_managed and job_labels.get(RUN_LABEL) == name and name.startswith(prefix)
    return name.removeprefix(prefix) if is_run else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand:
    """The command of a Job. With `non_root`, the cluster refuses an image that runs as root.

    With `serves_nobody`, no Service sends requests to its pod, whatever its labels.
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
    """Return the Job that runs a command once, without retries, with the task's time limit.

    It meets the pod security level `restricted`. It gets cluster credentials only if it runs as a service account.
    """
    name, options = job_name(owner.task_id, run), command.options
    all_labels = dict(options.labels or {}) | labels(owner) | {RUN_LABEL: name}
    annotations = dict(options.annotations or {})
    metadata: Object = {"name": name, "labels": all_labels}
    metadata["annotations"] = annotations | {ATTEMPT: str(command.attempt)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": command.limit_seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": all_labels} | ({"annotations": annotations} if annotations else {}),
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
    optional: Object = {
        "serviceAccountName": options.service_account_name,
        "nodeSelector": dict(options.node_selector or {}),
        "tolerations": [_toleration(item) for item in options.tolerations or ()],
        "imagePullSecrets": [{"name": secret} for secret in options.image_pull_secrets or ()],
        "readinessGates": [{"conditionType": NEVER_READY}] if command.serves_nobody else [],
    }
    return pod | {field: value for field, value in optional.items() if value}


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
    set_sizes = {side: amounts for side, amounts in sizes.items() if amounts}
    return container | ({"resources": set_sizes} if set_sizes else {})


OPERATORS = {TolerationOperator.EQUAL: "Equal", TolerationOperator.EXISTS: "Exists"}
EFFECTS = {
    TaintEffect.NO_SCHEDULE: "NoSchedule",
    TaintEffect.PREFER_NO_SCHEDULE: "PreferNoSchedule",
    TaintEffect.NO_EXECUTE: "NoExecute",
}


def _toleration(toleration: Toleration) -> Object:
    fields: Object = {
        "key": toleration.key,
        "operator": OPERATORS[toleration.operator],
        "value": toleration.value,
        "effect": toleration.effect and EFFECTS[toleration.effect],
        "tolerationSeconds": toleration.toleration_seconds,
    }
    return {field: value for field, value in fields.items() if value is not None}


def _literal(text: str) -> str:
    """Escape a text for the cluster, which replaces `$(NAME)` by variables and `$$` by `$`."""
    return text.replace("$", "$$")


def version_of(body: Object) -> str:
    """Return the resource version of an object or a list."""
    return str((body.get("metadata") or {}).get("resourceVersion") or "")


def name_of(body: Object) -> str:
    """Return the name of an object."""
    return str(body["metadata"]["name"])


def uid_of(body: Object) -> str:
    """Return the uid, which differs between objects of the same name over time."""
    return str(body["metadata"].get("uid") or "")


def is_terminating(body: Object) -> bool:
    """Return whether an object is being deleted."""
    return bool(body["metadata"].get("deletionTimestamp"))


def is_owned_by(body: Object, uid: str) -> bool:
    """Return whether an object has an owner reference to this uid."""
    owners = body["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
