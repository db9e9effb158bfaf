"""Applications: what can be built, tested, deployed and checked, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A command as an argument list; never a shell line.

    `env` is added to the operator's own variables. `timeout_seconds` bounds one attempt; `max_attempts` counts the
    first one too.
    """

    command: tuple[str, ...]
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 1800
    max_attempts: int = 1


@dataclass(frozen=True, slots=True)
class ShellTarget:
    """Deploys by a command, run once per instance with BOREAS_INSTANCE set.

    Without `rollback_command`, rolling back runs `command` again with the version before.
    """

    command: tuple[str, ...]
    instances: tuple[str, ...] = ("local",)
    rollback_command: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks an instance for its health, by a command (exit status 0) or by HTTP (the status expected).

    Exactly one of `command` and `http_url` is given; the URL may hold `{instance}` and `{version}`. The interval and
    the limit of one probe are seconds; the thresholds count probes in a row.
    """

    command: tuple[str, ...] | None = None
    http_url: str | None = None
    expect_status: int = 200
    interval_seconds: int = 5
    timeout_seconds: int = 5
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it is stored. `build`, `test` and `health_check` are None where it has no such task."""

    id: str
    name: str
    description: str
    repository_url: str | None
    build: CommandStep | None
    test: CommandStep | None
    deploy: ShellTarget
    health_check: HealthCheck | None
    archived_at: datetime | None
    created_at: datetime
