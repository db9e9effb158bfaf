"""Objects of a cluster as Boreas makes them: pure functions from what is wanted to what is sent, as plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
"""How long a Job that has ended stays for people to look at, and for another worker to read how it ended."""
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


def job(
    owner: Owner,
    run: str,
    *,
    image: str,
    command: tuple[str, ...],
    env: Mapping[str, str],
    limit_seconds: int,
    attempt: int,
) -> Object:
    """Return the Job that runs a command once: no retries of its own, an end by itself at the task's limit.

    The container may not gain rights, and gets no credentials of the cluster; else an ordinary image runs as it is.
    """
    name = job_name(owner.task_id, run)
    marks = labels(owner) | {RUN_LABEL: name}
    container: Object = {
        "name": CONTAINER,
        "image": image,
        "command": [_literal(argument) for argument in command],
        "env": [{"name": key, "value": _literal(value)} for key, value in (dict(env) | _workspace()).items()],
        "volumeMounts": [{"name": "workspace", "mountPath": WORKSPACE}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SYS_CHROOT"]},
        },
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "workspace", "emptyDir": {}}],
        "containers": [container],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": marks, "annotations": {ATTEMPT: str(attempt)}},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": limit_seconds,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    }


def _workspace() -> dict[str, str]:
    return {"BOREAS_WORKSPACE": WORKSPACE}


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


def is_going(body: Object) -> bool:
    """Return whether an object is being deleted."""
    return bool(body["metadata"].get("deletionTimestamp"))


def is_owned_by(body: Object, uid: str) -> bool:
    """Return whether an object belongs to the one with that uid."""
    owners = body["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
