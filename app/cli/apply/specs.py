"""The kinds of documents of `boreas apply`, which also define their JSON schema.

A document declares a whole object: a missing field has the default of the API. Only the approval policy and the freeze
windows of an environment, which people also edit by hand, stay unchanged where they are missing.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import msgspec.structs
from msgspec import UNSET, Meta, UnsetType

from app.core.texts import normalized

Name = Annotated[str, Meta(min_length=1, description="The name of the object, unique in its kind.")]
STEP_SECONDS, STEP_ATTEMPTS = 1800, 1
Command = Annotated[
    tuple[str, ...],
    Meta(
        min_length=1,
        description="The program, then its arguments. Write $${{ … }} for a literal ${{ … }}, as in env.",
    ),
]
Timestamp = Annotated[datetime, Meta(tz=True, description="ISO 8601, with an offset.")]
Quantity = str | int | float
Variables = Annotated[dict[str, str], Meta(description="Environment variables.")]


class SpecObject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An object with fields named as in the API. Unknown fields are refused."""

    def fields(self) -> dict[str, Any]:
        """Return the fields as input of the API, without unset ones."""
        fields: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return {name: _json_value(value) for name, value in fields.items() if name != "kind"}


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _json_value(content) for name, content in value.items()}
    return [_json_value(item) for item in value] if isinstance(value, list | tuple) else value


def _normalize(spec: SpecObject, *names: str) -> None:
    """Write names as the API stores them. Otherwise they would differ from the stored ones each time."""
    for name in names:
        value = getattr(spec, name)
        if value is not None:
            stored = normalized(value) if isinstance(value, str) else tuple(map(normalized, value))
            msgspec.structs.force_setattr(spec, name, stored)


class Operator(StrEnum):
    """What carries out the instructions of a task."""

    SHELL = "SHELL"
    KUBERNETES = "KUBERNETES"
    SIMULATED = "SIMULATED"


class TolerationOperator(StrEnum):
    """How a toleration compares with a taint."""

    EQUAL = "EQUAL"
    EXISTS = "EXISTS"


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NO_SCHEDULE"
    PREFER_NO_SCHEDULE = "PREFER_NO_SCHEDULE"
    NO_EXECUTE = "NO_EXECUTE"


class Toleration(SpecObject, frozen=True, kw_only=True):
    """A taint of nodes that the pod of a Job tolerates."""

    key: Annotated[str, Meta(description="Unset, with EXISTS: every taint.")] | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str | None = None
    effect: Annotated[TaintEffect, Meta(description="Unset: every effect.")] | None = None
    toleration_seconds: Annotated[int, Meta(description="How long the pod stays, with NO_EXECUTE.")] | None = None


Texts = Annotated[dict[str, str], Meta(description="Texts by key.")]
Quantities = Annotated[
    dict[str, Quantity], Meta(description="Quantities by resource, such as cpu: 500m and memory: 1Gi.")
]


class JobResources(SpecObject, frozen=True, kw_only=True):
    """The requests and limits of a container."""

    requests: Quantities | None = None
    limits: Quantities | None = None

    def __post_init__(self) -> None:
        """Write numbers as texts, as the API shows them."""
        for name in ("requests", "limits"):
            if quantities := getattr(self, name):
                texts = {resource: str(quantity) for resource, quantity in quantities.items()}
                msgspec.structs.force_setattr(self, name, texts)


class JobOptions(SpecObject, frozen=True, kw_only=True):
    """Options of Jobs in a cluster. The options of a step override those of its environment."""

    resources: JobResources | None = None
    service_account_name: (
        Annotated[str, Meta(description="A step may name a service account that its environment allows.")] | None
    ) = None
    node_selector: Texts | None = None
    tolerations: tuple[Toleration, ...] | None = None
    image_pull_secrets: tuple[str, ...] | None = None
    labels: Texts | None = None
    annotations: Texts | None = None
    run_as_user: Annotated[int, Meta(description="A numeric user id.")] | None = None


class CommandStep(SpecObject, frozen=True, kw_only=True):
    """A command, with its timeout and attempts."""

    command: Command
    image: str | None = None
    env: Variables = {}
    timeout_seconds: int = STEP_SECONDS
    max_attempts: int = STEP_ATTEMPTS
    job: JobOptions | None = None


class ShellTarget(SpecObject, frozen=True, kw_only=True):
    """Deploys by a command that runs once per instance."""

    command: Command
    instances: tuple[str, ...] = ("local",)
    rollback_command: Command | None = None

    def __post_init__(self) -> None:
        """Normalize names."""
        _normalize(self, "instances")


class KubernetesTarget(SpecObject, frozen=True, kw_only=True):
    """Deploys by rolling out a Kubernetes Deployment."""

    workload: Annotated[str, Meta(description="The name of the Deployment.")]
    container: str
    service: str | None = None
    http_route: str | None = None
    restart: bool = False


class MetricCheck(SpecObject, frozen=True, kw_only=True):
    """A Prometheus query whose value must be within bounds."""

    name: str
    prometheus_url: str
    query: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        """Normalize names."""
        _normalize(self, "name")


class HealthCheck(SpecObject, frozen=True, kw_only=True):
    """How health is checked: by exactly one of command and httpUrl; with metrics, neither is required."""

    command: Command | None = None
    http_url: str | None = None
    expect_status: int = 200
    interval_seconds: int = 5
    timeout_seconds: int = 5
    success_threshold: int = 1
    failure_threshold: int = 3
    metrics: tuple[MetricCheck, ...] = ()


class Application(SpecObject, frozen=True, kw_only=True, tag_field="kind", tag="Application"):
    """An application: how it is built, tested and deployed, by exactly one of shell and kubernetes."""

    name: Name
    description: str = ""
    repository_url: str | None = None
    build: CommandStep | None = None
    test: CommandStep | None = None
    shell: ShellTarget | None = None
    kubernetes: KubernetesTarget | None = None
    health_check: HealthCheck | None = None

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly one target is set; msgspec adds the path."""
        if (self.shell is None) == (self.kubernetes is None):
            raise ValueError("Give exactly one of shell and kubernetes.")


class FreezeWindow(SpecObject, frozen=True, kw_only=True):
    """A time in which no deployment of an environment starts. If it recurs: the first one."""

    name: Name
    reason: str
    starts_at: Timestamp
    ends_at: Timestamp
    recurrence: Annotated[str, Meta(description="An RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=FR.")] | None = None
    timezone: Annotated[str, Meta(description="An IANA name, such as Europe/Berlin.")] = "UTC"

    def __post_init__(self) -> None:
        """Normalize names."""
        _normalize(self, "name")


class KubernetesAccess(SpecObject, frozen=True, kw_only=True):
    """How workers reach the cluster of an environment. kubeconfigPath is hidden, so not compared."""

    context: str | None = None
    kubeconfig_path: str | None = None
    namespace: str = "default"
    job: Annotated[JobOptions, Meta(description="Options of all Jobs in the cluster.")] | None = None
    service_accounts: Annotated[tuple[str, ...], Meta(description="The service accounts that steps may name.")] = ()


class Role(StrEnum):
    """A role that may approve."""

    DEPLOYER = "DEPLOYER"
    APPROVER = "APPROVER"
    ADMIN = "ADMIN"


class OnTimeout(StrEnum):
    """What an expired approval does to its deployment."""

    REJECT = "REJECT"
    CANCEL = "CANCEL"


class ApprovalPolicy(SpecObject, frozen=True, kw_only=True):
    """The approvals that every deployment to an environment needs."""

    required_approvals: Annotated[int, Meta(ge=1)]
    approver_roles: Annotated[tuple[Role, ...], Meta(min_length=1)] = (Role.APPROVER, Role.ADMIN)
    allow_self_approval: bool = False
    trust_builds: bool = False
    timeout_seconds: int | None = None
    on_timeout: OnTimeout = OnTimeout.REJECT


class Environment(SpecObject, frozen=True, kw_only=True, tag_field="kind", tag="Environment"):
    """An environment, to which versions are deployed.

    Missing freeze windows stay unchanged; an empty list removes all. A missing approval policy stays unchanged; null
    removes it.
    """

    name: Name
    rank: int = 0
    operator: Operator
    kubernetes: KubernetesAccess | None = None
    worker_pool: str = "default"
    build_pool: Annotated[str, Meta(description="The pool that runs PREPARE, BUILD and TEST tasks.")] | None = None
    max_concurrent_deployments: int = 10
    approval_policy: ApprovalPolicy | UnsetType | None = UNSET
    freeze_windows: tuple[FreezeWindow, ...] | UnsetType = UNSET


class TaskType(StrEnum):
    """The kind of work of a task."""

    PREPARE = "PREPARE"
    BUILD = "BUILD"
    TEST = "TEST"
    DEPLOY = "DEPLOY"
    HEALTH_CHECK = "HEALTH_CHECK"
    CUSTOM = "CUSTOM"


class Position(SpecObject, frozen=True, kw_only=True):
    """The position of a task in the editor."""

    x: float
    y: float


class Task(SpecObject, frozen=True, kw_only=True):
    """A task of a graph. Its timeout and attempts default to those of its command."""

    key: Name
    name: Annotated[str, Meta(description="Default: the key.")] | None = None
    type: TaskType
    application: Annotated[str, Meta(description="The name of its application.")] | None = None
    block_by: Annotated[tuple[str, ...], Meta(description="The keys of the tasks that it waits for.")] = ()
    require_confirm: bool = False
    command: CommandStep | None = None
    payload: dict[str, Any] = {}
    timeout_seconds: int | None = None
    max_attempts: int | None = None
    position: Position | None = None

    def __post_init__(self) -> None:
        """Normalize names."""
        _normalize(self, "key", "name", "block_by")


class Parameter(SpecObject, frozen=True, kw_only=True):
    """A value that users of a template set."""

    name: Name
    description: str = ""
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] | None = None


class WorkflowTemplate(SpecObject, frozen=True, kw_only=True, tag_field="kind", tag="WorkflowTemplate"):
    """A named graph with parameters. A difference to the latest version makes a new one."""

    name: Name
    description: Annotated[str, Meta(description="Empty: unchanged.")] = ""
    note: Annotated[str, Meta(description="A note on the version. A new note alone makes no new version.")] = ""
    parameters: tuple[Parameter, ...] = ()
    tasks: Annotated[tuple[Task, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        """Normalize names."""
        _normalize(self, "name")


Spec = Application | Environment | WorkflowTemplate
"""What a document can declare; its `kind` selects the type."""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of one document."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A document of boreas apply"}
    return head | msgspec.json.schema(Spec)
