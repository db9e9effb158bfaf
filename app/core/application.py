"""Applications: what can be built, tested, deployed and checked, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.core.job_options import JobOptions


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A command as an argument list; never a shell line.

    `env` is added to the operator's own variables. `timeout_seconds` bounds one attempt; `max_attempts` counts the
    first one too. `job` has options of the Job that runs it in a cluster, which go before its environment's.
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

    Without `rollback_command`, rolling back runs `command` again with the version before.
    """

    command: tuple[str, ...]
    instances: tuple[str, ...] = ("local",)
    rollback_command: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """Deploys by changing the image of one container of a Deployment, StatefulSet or DaemonSet, named `workload`.

    `container` may be an init container. `service` names the Service that canary and blue-green steer; `http_route` a
    Gateway API HTTPRoute: with it, the weights of a canary are traffic, not replicas. With `restart` pods are replaced
    although they run the image already.
    """

    workload: str
    container: str
    service: str | None = None
    http_route: str | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True)
class MetricCheck:
    """A Prometheus query whose value must lie within `minimum` and `maximum`, where given."""

    name: str
    prometheus_url: str
    query: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks an instance for its health, by a command (exit status 0) or by HTTP (the status expected).

    At most one of `command` and `http_url` is given, none only where there are `metrics`; the URL may hold
    `{instance}`, `{version}`, `{color}` and `{service}`. The interval and the limit of one probe are seconds; the
    thresholds count probes in a row.
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
    """An application as it is stored. `build`, `test` and `health_check` are None where it has no such task.

    Exactly one of `shell` and `kubernetes` says how it is deployed.
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
