"""The shape of what can be declared, from which files are checked and their JSON schema is made.

An object that is declared is declared whole: a field that is left out has its default, which is the API's. Lists that
people also keep by hand stay as they are where they are left out.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import msgspec.structs
from msgspec import UNSET, Meta, UnsetType

from app.core.texts import normalized

Name = Annotated[str, Meta(min_length=1, description="By which it is found; unique among its kind.")]
STEP_SECONDS, STEP_ATTEMPTS = 1800, 1
Command = Annotated[
    tuple[str, ...],
    Meta(
        min_length=1,
        description="The program, then its arguments. $${{ … }} stands for the text ${{ … }} itself, as in env.",
    ),
]
Moment = Annotated[datetime, Meta(tz=True, description="ISO 8601, with an offset.")]
Quantity = str | int | float
Variables = Annotated[dict[str, str], Meta(description="Environment variables.")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Something with fields as the API names them; a field that it does not have is refused."""

    def fields(self) -> dict[str, Any]:
        """Return the fields as inputs of the API, without those that were left alone."""
        found: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return {name: _plain(value) for name, value in found.items() if name != "kind"}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _plain(content) for name, content in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _tidied(part: Part, *names: str) -> None:
    """Write names as the API keeps them: else they would differ from what is there, again and again."""
    for name in names:
        value = getattr(part, name)
        if value is not None:
            made = normalized(value) if isinstance(value, str) else tuple(map(normalized, value))
            msgspec.structs.force_setattr(part, name, made)


class Operator(StrEnum):
    """Who carries instructions out."""

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


class Toleration(Part, frozen=True, kw_only=True):
    """A taint of nodes that a Job's pod bears."""

    key: Annotated[str, Meta(description="Left out, with EXISTS: every taint.")] | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str | None = None
    effect: Annotated[TaintEffect, Meta(description="Left out: each of them.")] | None = None
    toleration_seconds: Annotated[int, Meta(description="How long, with NO_EXECUTE.")] | None = None


Texts = Annotated[dict[str, str], Meta(description="Keys to texts.")]
Quantities = Annotated[
    dict[str, Quantity], Meta(description="Names of resources to quantities, such as cpu: 500m and memory: 1Gi.")
]


class JobResources(Part, frozen=True, kw_only=True):
    """What a container is given at least, and at most."""

    requests: Quantities | None = None
    limits: Quantities | None = None

    def __post_init__(self) -> None:
        """Write numbers as texts, as the API shows them."""
        for name in ("requests", "limits"):
            if given := getattr(self, name):
                msgspec.structs.force_setattr(self, name, {key: str(content) for key, content in given.items()})


class JobOptions(Part, frozen=True, kw_only=True):
    """Options of Jobs in a cluster. A step's go before its environment's; what is left out is not said."""

    resources: JobResources | None = None
    service_account_name: Annotated[str, Meta(description="A step may name one of its environment's.")] | None = None
    node_selector: Texts | None = None
    tolerations: tuple[Toleration, ...] | None = None
    image_pull_secrets: tuple[str, ...] | None = None
    labels: Texts | None = None
    annotations: Texts | None = None
    run_as_user: Annotated[int, Meta(description="The number of a user.")] | None = None


class CommandStep(Part, frozen=True, kw_only=True):
    """A command with its limits."""

    command: Command
    image: str | None = None
    env: Variables = {}
    timeout_seconds: int = STEP_SECONDS
    max_attempts: int = STEP_ATTEMPTS
    job: JobOptions | None = None


class ShellTarget(Part, frozen=True, kw_only=True):
    """Deploys by a command, once per instance."""

    command: Command
    instances: tuple[str, ...] = ("local",)
    rollback_command: Command | None = None

    def __post_init__(self) -> None:
        """Write names as the API keeps them."""
        _tidied(self, "instances")


class KubernetesTarget(Part, frozen=True, kw_only=True):
    """Deploys by rolling a Deployment object out."""

    workload: Annotated[str, Meta(description="The name of the Deployment object.")]
    container: str
    service: str | None = None
    http_route: str | None = None
    restart: bool = False


class MetricCheck(Part, frozen=True, kw_only=True):
    """A Prometheus query whose value must lie within bounds."""

    name: str
    prometheus_url: str
    query: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        """Write names as the API keeps them."""
        _tidied(self, "name")


class HealthCheck(Part, frozen=True, kw_only=True):
    """How health is told: by exactly one of command and httpUrl, or by neither where there are metrics."""

    command: Command | None = None
    http_url: str | None = None
    expect_status: int = 200
    interval_seconds: int = 5
    timeout_seconds: int = 5
    success_threshold: int = 1
    failure_threshold: int = 3
    metrics: tuple[MetricCheck, ...] = ()


class Application(Part, frozen=True, kw_only=True, tag_field="kind", tag="Application"):
    """What is built, tested and deployed, by exactly one of shell and kubernetes."""

    name: Name
    description: str = ""
    repository_url: str | None = None
    build: CommandStep | None = None
    test: CommandStep | None = None
    shell: ShellTarget | None = None
    kubernetes: KubernetesTarget | None = None
    health_check: HealthCheck | None = None

    def __post_init__(self) -> None:
        """Check what types can not say. Raises ValueError, which msgspec tells with its place."""
        if (self.shell is None) == (self.kubernetes is None):
            raise ValueError("Give exactly one of shell and kubernetes.")


class FreezeWindow(Part, frozen=True, kw_only=True):
    """When no deployment of an environment starts. A recurring one says when it comes first."""

    name: Name
    reason: str
    starts_at: Moment
    ends_at: Moment
    recurrence: Annotated[str, Meta(description="An RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=FR.")] | None = None
    timezone: Annotated[str, Meta(description="IANA, such as Europe/Berlin.")] = "UTC"

    def __post_init__(self) -> None:
        """Write names as the API keeps them."""
        _tidied(self, "name")


class KubernetesAccess(Part, frozen=True, kw_only=True):
    """How the workers of an environment reach its cluster. The API does not tell the file: it is no difference."""

    context: str | None = None
    kubeconfig_path: str | None = None
    namespace: str = "default"
    job: Annotated[JobOptions, Meta(description="Options of all Jobs there.")] | None = None
    service_accounts: Annotated[tuple[str, ...], Meta(description="Those that steps may choose.")] = ()


class Role(StrEnum):
    """Who may approve."""

    DEPLOYER = "DEPLOYER"
    APPROVER = "APPROVER"
    ADMIN = "ADMIN"


class OnTimeout(StrEnum):
    """What an approval that expires does to its deployment."""

    REJECT = "REJECT"
    CANCEL = "CANCEL"


class ApprovalPolicy(Part, frozen=True, kw_only=True):
    """What every deployment to an environment takes."""

    required_approvals: Annotated[int, Meta(ge=1)]
    approver_roles: Annotated[tuple[Role, ...], Meta(min_length=1)] = (Role.APPROVER, Role.ADMIN)
    allow_self_approval: bool = False
    trust_builds: bool = False
    timeout_seconds: int | None = None
    on_timeout: OnTimeout = OnTimeout.REJECT


class Environment(Part, frozen=True, kw_only=True, tag_field="kind", tag="Environment"):
    """Where versions are deployed to.

    Freeze windows that are left out stay as they are; an empty list takes all away. An approval policy that is left out
    stays as it is; null takes it away.
    """

    name: Name
    rank: int = 0
    operator: Operator
    kubernetes: KubernetesAccess | None = None
    worker_pool: str = "default"
    build_pool: Annotated[str, Meta(description="Runs PREPARE, BUILD and TEST tasks.")] | None = None
    max_concurrent_deployments: int = 10
    approval_policy: ApprovalPolicy | UnsetType | None = UNSET
    freeze_windows: tuple[FreezeWindow, ...] | UnsetType = UNSET


class TaskType(StrEnum):
    """What a task does."""

    PREPARE = "PREPARE"
    BUILD = "BUILD"
    TEST = "TEST"
    DEPLOY = "DEPLOY"
    HEALTH_CHECK = "HEALTH_CHECK"
    CUSTOM = "CUSTOM"


class Position(Part, frozen=True, kw_only=True):
    """Where the editor draws a task."""

    x: float
    y: float


class Task(Part, frozen=True, kw_only=True):
    """A task of a graph. Timeout and attempts that are left out are the command's."""

    key: Name
    name: Annotated[str, Meta(description="Default: the key.")] | None = None
    type: TaskType
    application: Annotated[str, Meta(description="By its name.")] | None = None
    block_by: Annotated[tuple[str, ...], Meta(description="The keys of the tasks that it waits for.")] = ()
    require_confirm: bool = False
    command: CommandStep | None = None
    payload: dict[str, Any] = {}
    timeout_seconds: int | None = None
    max_attempts: int | None = None
    position: Position | None = None

    def __post_init__(self) -> None:
        """Write names as the API keeps them."""
        _tidied(self, "key", "name", "block_by")


class Parameter(Part, frozen=True, kw_only=True):
    """What users of a template say."""

    name: Name
    description: str = ""
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] | None = None


class WorkflowTemplate(Part, frozen=True, kw_only=True, tag_field="kind", tag="WorkflowTemplate"):
    """A named graph with parameters. Whatever differs makes a new version."""

    name: Name
    description: Annotated[str, Meta(description="Empty: it stays as it is.")] = ""
    note: Annotated[str, Meta(description="What a version says of itself; by itself it makes none.")] = ""
    parameters: tuple[Parameter, ...] = ()
    tasks: Annotated[tuple[Task, ...], Meta(min_length=1)]

    def __post_init__(self) -> None:
        """Write names as the API keeps them."""
        _tidied(self, "name")


Spec = Application | Environment | WorkflowTemplate
"""Everything that a document can declare, by its `kind`."""


def schema() -> dict[str, Any]:
    """Return the JSON schema of one document."""
    made = msgspec.json.schema(Spec)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "What boreas apply takes"} | made
