"""Applications: their build and test steps, deploy targets and health checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.core.job_options import JobOptions


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A command as an argument list, never a shell line.

    `env` is added to the operator's own variables. `timeout_seconds` limits one attempt; `max_attempts` includes the
    first. `job` has options of the Job that runs it in a cluster; they override those of the environment.
    """

    command: tuple[str, ...]
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 1800
    max_attempts: int = 1
    job: JobOptions | None = None


@dataclass(frozen=True, slots=True)
class ShellTarget:
    """Deploys by a command, run once per instance with BOREAS_INSTANCE set.

    Without `rollback_command`, a rollback runs `command` again with the previous version.
    """

    command: tuple[str, ...]
    instances: tuple[str, ...] = ("local",)
    rollback_command: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """Deploys by changing a container's image in the Deployment, StatefulSet or DaemonSet `workload`.

    `container` may be an init container. `service` names the Service whose traffic canary and blue-green switch;
    `http_route` names a Gateway API HTTPRoute, which makes the ratio of a canary traffic instead of replicas. With
    `restart`, pods are replaced even if they run the image already.
    """

    workload: str
    container: str
    service: str | None = None
    http_route: str | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True)
class MetricCheck:
    """A Prometheus query whose value must lie between `minimum` and `maximum`, where set."""

    name: str
    prometheus_url: str
    query: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Checks the health of an instance by a command (exit status 0) or by HTTP (the expected status).

    At most one of `command` and `http_url` is set, neither only if there are `metrics`. The URL may contain
    `{instance}`, `{version}`, `{color}` and `{service}`. The interval and the timeout of one probe are in seconds; the
    thresholds count consecutive probes.
    """

    command: tuple[str, ...] | None = None
    http_url: str | None = None
    expect_status: int = 200
    interval_seconds: int = 5
    timeout_seconds: int = 5
    success_threshold: int = 1
    failure_threshold: int = 3
    metrics: tuple[MetricCheck, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it is stored. `build`, `test` and `health_check` are None for missing tasks.

    Exactly one of the targets `shell` and `kubernetes` is set.
    """

    id: str
    name: str
    description: str
    repository_url: str | None
    build: CommandStep | None
    test: CommandStep | None
    shell: ShellTarget | None = None
    kubernetes: KubernetesTarget | None = None
    health_check: HealthCheck | None
    archived_at: datetime | None
    created_at: datetime
