"""What input must look like: each check yields every problem of a value, with the path of the field that has it."""

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from app.core.application import Application, CommandStep, HealthCheck, KubernetesTarget, MetricCheck, ShellTarget
from app.core.approval import ApprovalPolicy
from app.core.environment import Environment, KubernetesAccess, OperatorKind
from app.core.errors import InvalidInput, Problem
from app.core.health import probe_url
from app.core.kubernetes import images
from app.core.roles import Role
from app.core.strategy.model import Strategy, StrategyKind
from app.core.template import MAX_VALUE, Parameter, value_problems
from app.core.texts import UNSTORABLE, first_invisible
from app.core.validation import unfilled_expressions
from app.core.validation.command_checks import command, variables
from app.core.validation.job_option_checks import DNS_LABEL, access_options, job_options, object_name

PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
LABEL_LENGTH = 63
NAME_LENGTH = 253
MAX_SECONDS = 7 * 86_400
MAX_ATTEMPTS = 100
MAX_APPROVERS = 100
MAX_WAIT_SECONDS = 366 * 86_400
MAX_INSTANCES = 1000
MAX_STEPS = 100
MAX_METRICS = 50
MAX_QUERY = 4000
MAX_URL = 2000
MAX_IMAGE = 1000
MAX_LIST = 1000
MAX_PARAMETERS = 100
MAX_CHOICES = 100
MAX_TEXT = MAX_VALUE
LARGEST = int(sys.float_info.max)
NOT_FINITE = f"A number is finite: it lies between -{sys.float_info.max:.2g} and {sys.float_info.max:.2g}."
HALVES = "It holds NUL or half a character."

Problems = Iterator[Problem]


def dns_label(value: str, *path: str) -> Problems:
    """A name that other systems take as it is: lower case letters, digits and inner hyphens, up to 63."""
    if len(value) > LABEL_LENGTH or not DNS_LABEL.fullmatch(value):
        yield InvalidInput(
            message=f"“{value[:80]}” is no DNS label: use 1 to 63 lower case letters, digits and inner hyphens.",
            path=path,
        )


def display_name(value: str, limit: int, *path: str) -> Problems:
    """A name for people, in any script: one line, not blank, up to `limit` characters."""
    if not value.strip():
        yield InvalidInput(message="It must not be empty.", path=path)
    elif len(value) > limit:
        yield InvalidInput(message=f"It has {len(value)} characters; at most {limit} are kept.", path=path)
    elif (found := first_invisible(value)) is not None:
        message = f"It holds U+{ord(found):04X}: control characters, line breaks and what nobody sees are not taken."
        yield InvalidInput(message=message, path=path)


def text(value: str | None, *path: str) -> Problems:
    """A text of several lines."""
    if value is not None and (UNSTORABLE.search(value) or len(value) > MAX_TEXT):
        yield InvalidInput(message=f"It must be at most {MAX_TEXT} characters, without NUL.", path=path)


def reason(value: str, *path: str) -> Problems:
    """Why a person does something: not blank."""
    if not value.strip() or len(value) > MAX_TEXT or UNSTORABLE.search(value):
        message = f"Say why, in 1 to {MAX_TEXT} characters without NUL: the reason is kept and shown."
        yield InvalidInput(message=message, path=path)


def storage_error(value: object) -> str | None:
    """Say why a single value cannot be kept as JSON, and be read back equal. None: it can.

    PostgreSQL holds neither NUL nor half a character. Numbers are those that a double can hold, however written.
    """
    if isinstance(value, str):
        return None if value.isascii() and "\0" not in value else UNSTORABLE.search(value) and HALVES
    if isinstance(value, float):
        return None if math.isfinite(value) else NOT_FINITE
    return NOT_FINITE if isinstance(value, int) and abs(value) > LARGEST else None


def storable(value: object, *path: str) -> Problems:
    """Any JSON value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        why = storage_error(one)
        if why is not None:
            yield InvalidInput(message=why, path=path)
            return
        if type(one) is dict or isinstance(one, Mapping):
            waiting += one
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one


def list_size(values: Sequence[object] | None, *path: str) -> Problems:
    """A list of what a filter admits."""
    if values is not None and len(values) > MAX_LIST:
        yield InvalidInput(message=f"It has {len(values)} items; at most {MAX_LIST} are taken.", path=path)


def in_range(value: int, low: int, high: int, *path: str) -> Problems:
    """A number within bounds."""
    if not low <= value <= high:
        yield InvalidInput(message=f"It is {value}; it takes {low} to {high}.", path=path)


def http_url(value: str, *path: str) -> Problems:
    """An http or https address with a host."""
    if len(value) > MAX_URL:
        yield InvalidInput(message=f"It has {len(value)} characters; at most {MAX_URL} are kept.", path=path)
        return
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not UNSTORABLE.search(value)
    except ValueError:
        good = False
    if not good:
        yield InvalidInput(message=f"“{value[:200]}” is no http or https address.", path=path)


def image(value: str | None, *path: str) -> Problems:
    """A reference of a container image."""
    if value is None:
        return
    unfit = list(display_name(value, MAX_IMAGE, *path))
    yield from unfit
    if not unfit and (why := images.fault(value)) is not None:
        yield InvalidInput(message=f"“{value[:80]}” is no reference of an image: {why}.", path=path)


def command_step(value: CommandStep | None, *path: str) -> Problems:
    """A command with its limits."""
    if value is None:
        return
    yield from command(value.command, *path, "command")
    yield from image(value.image, *path, "image")
    yield from variables(value.env, *path, "env")
    yield from in_range(value.timeout_seconds, 1, MAX_SECONDS, *path, "timeoutSeconds")
    yield from in_range(value.max_attempts, 1, MAX_ATTEMPTS, *path, "maxAttempts")
    yield from job_options(value.job, *path, "job")


def shell_target(value: ShellTarget, *path: str) -> Problems:
    """A deploy command and its instances."""
    yield from command(value.command, *path, "command")
    if value.rollback_command is not None:
        yield from command(value.rollback_command, *path, "rollbackCommand")
    yield from in_range(len(value.instances), 1, MAX_INSTANCES, *path, "instances")
    if len(set(value.instances)) < len(value.instances):
        yield InvalidInput(message="An instance is named twice.", path=(*path, "instances"))
    for instance in value.instances:
        yield from display_name(instance, 200, *path, "instances")


def kubernetes_target(value: KubernetesTarget, *path: str) -> Problems:
    """Names of objects of a cluster. Those from which Boreas makes names of its own leave room for them."""
    for name, field in ((value.workload, "workload"), (value.service, "service")):
        if name is not None:
            yield from dns_label(name, *path, field)
            if len(name) > LABEL_LENGTH - len("-preview"):
                yield InvalidInput(message="It leaves no room for a suffix like -preview.", path=(*path, field))
    yield from dns_label(value.container, *path, "container")
    if value.http_route is not None:
        yield from object_name(value.http_route, *path, "httpRoute")
        if value.service is None:
            yield InvalidInput(
                message="An httpRoute splits the traffic of a service: name it.", path=(*path, "service")
            )


def kubernetes_access(value: KubernetesAccess, *path: str) -> Problems:
    """A namespace, and a context of a kubeconfig: the name of a file in a folder that the workers know, no path."""
    yield from dns_label(value.namespace, *path, "namespace")
    if value.context is not None:
        yield from display_name(value.context, NAME_LENGTH, *path, "context")
    if value.kubeconfig_path is not None and not FILE_NAME.fullmatch(value.kubeconfig_path):
        message = (
            f"“{value.kubeconfig_path[:80]}” is no name of a file: name one of the folder that the workers were "
            "started with (boreas worker --kubeconfigs DIR), without a path."
        )
        yield InvalidInput(message=message, path=(*path, "kubeconfigPath"))
    yield from access_options(value, *path)


def health_check(value: HealthCheck | None, *path: str) -> Problems:
    """A health check by exactly one of command and address, or by neither where there are metrics."""
    if value is None:
        return
    if value.command is not None and value.http_url is not None:
        yield InvalidInput(message="Give exactly one of command and httpUrl.", path=path)
    if value.command is None and value.http_url is None and not value.metrics:
        yield InvalidInput(message="Give exactly one of command and httpUrl, or metrics.", path=path)
    if value.command is not None:
        yield from command(value.command, *path, "command")
    if value.http_url is not None:
        probe = probe_url(value.http_url, instance="instance", version="version", color="blue", service="service")
        yield from http_url(probe, *path, "httpUrl")
    yield from in_range(value.expect_status, 100, 599, *path, "expectStatus")
    yield from in_range(value.interval_seconds, 1, 3600, *path, "intervalSeconds")
    yield from in_range(value.timeout_seconds, 1, 3600, *path, "timeoutSeconds")
    yield from in_range(value.success_threshold, 1, 1000, *path, "successThreshold")
    yield from in_range(value.failure_threshold, 1, 1000, *path, "failureThreshold")
    yield from in_range(len(value.metrics), 0, MAX_METRICS, *path, "metrics")
    for index, metric in enumerate(value.metrics):
        yield from metric_check(metric, *path, "metrics", str(index))


def metric_check(value: MetricCheck, *path: str) -> Problems:
    """A query with bounds that something can lie within."""
    yield from display_name(value.name, 200, *path, "name")
    yield from http_url(value.prometheus_url, *path, "prometheusUrl")
    if not value.query.strip() or len(value.query) > MAX_QUERY or UNSTORABLE.search(value.query):
        yield InvalidInput(message=f"A query is 1 to {MAX_QUERY} characters, without NUL.", path=(*path, "query"))
    bounds = [bound for bound in (value.minimum, value.maximum) if bound is not None]
    if not bounds:
        yield InvalidInput(message="Give min, max or both.", path=path)
    if not all(map(math.isfinite, bounds)):
        yield InvalidInput(message="A bound is a finite number.", path=path)
    elif len(bounds) == 2 and bounds[0] > bounds[1]:
        yield InvalidInput(message=f"It is below min, which is {bounds[0]:g}.", path=(*path, "max"))


def application(value: Application) -> Problems:
    """Everything about an application."""
    yield from dns_label(value.name, "name")
    yield from text(value.description, "description")
    if value.repository_url is not None:
        yield from display_name(value.repository_url, 2000, "repositoryUrl")
    yield from command_step(value.build, "build")
    yield from command_step(value.test, "test")
    if value.shell is None and value.kubernetes is None:
        yield InvalidInput(message="Say how it is deployed: by exactly one of shell and kubernetes.", path=("shell",))
    if value.shell is not None and value.kubernetes is not None:
        yield InvalidInput(message="Give exactly one of shell and kubernetes.", path=("kubernetes",))
    if value.shell is not None:
        yield from shell_target(value.shell, "shell")
    if value.kubernetes is not None:
        yield from kubernetes_target(value.kubernetes, "kubernetes")
    yield from health_check(value.health_check, "healthCheck")
    yield from unfilled_expressions.problems(value)
    url = value.health_check.http_url if value.health_check else None
    if url and "{service}" in url and (value.kubernetes is None or value.kubernetes.service is None):
        message = "{service} stands for the service of its Kubernetes target: name that, or leave {service} out."
        yield InvalidInput(message=message, path=("healthCheck", "httpUrl"))


def environment(value: Environment) -> Problems:
    """Everything about an environment."""
    yield from dns_label(value.name, "name")
    yield from dns_label(value.worker_pool, "workerPool")
    if value.build_pool is not None:
        yield from dns_label(value.build_pool, "buildPool")
    yield from in_range(value.rank, -1000, 1000, "rank")
    yield from in_range(value.max_concurrent_deployments, 1, 1000, "maxConcurrentDeployments")
    in_cluster = value.operator is OperatorKind.KUBERNETES
    if in_cluster and value.kubernetes is None:
        yield InvalidInput(message="Say how the cluster is reached.", path=("kubernetes",))
    elif not in_cluster and value.kubernetes is not None:
        message = f"Only the operator KUBERNETES reaches a cluster; this one is {value.operator}."
        yield InvalidInput(message=message, path=("kubernetes",))
    elif value.kubernetes is not None:
        yield from kubernetes_access(value.kubernetes, "kubernetes")


def approval_policy(value: ApprovalPolicy) -> Problems:
    """How many people, of which roles, and within which time."""
    yield from in_range(value.required_approvals, 1, MAX_APPROVERS, "requiredApprovals")
    yield from list_size(value.approver_roles, "approverRoles")
    if not value.approver_roles:
        yield InvalidInput(message="Name at least one role that lets people approve.", path=("approverRoles",))
    if Role.VIEWER in value.approver_roles:
        yield InvalidInput(message="VIEWER only reads: name another role.", path=("approverRoles",))
    if value.timeout_seconds is not None:
        yield from in_range(value.timeout_seconds, 1, MAX_WAIT_SECONDS, "timeoutSeconds")


def strategy(value: Strategy) -> Problems:
    """A strategy and its steps."""
    yield from in_range(len(value.steps), 1, MAX_STEPS, "strategy", "steps")
    for index, each in enumerate(value.steps):
        path = ("strategy", "steps", str(index))
        yield from in_range(each.batch_size, 0, MAX_INSTANCES, *path, "batchSize")
        yield from in_range(each.batch_interval, 0, MAX_SECONDS, *path, "batchInterval")
        if value.kind is StrategyKind.BLUE_GREEN and each.batch_size:
            yield InvalidInput(
                message="A set is brought up as a whole: leave batchSize out.", path=(*path, "batchSize")
            )
    yield from _ratios(value)


def _ratios(value: Strategy) -> Problems:
    """The ratios of a canary rise from above 0 to 1; no other strategy has any."""
    before = 0.0
    for index, each in enumerate(value.steps):
        path = ("strategy", "steps", str(index), "canaryRatio")
        ratio = each.canary_ratio
        if value.kind is not StrategyKind.CANARY:
            if ratio:
                yield InvalidInput(message=f"Only a CANARY has ratios; this is {value.kind}.", path=path)
        elif not 0 < ratio <= 1:
            yield InvalidInput(message=f"It is {ratio:g}; it takes more than 0, and at most 1.", path=path)
        elif ratio <= before:
            yield InvalidInput(message=f"It is {ratio:g}; ratios rise, and the step before has {before:g}.", path=path)
        elif index == len(value.steps) - 1 and ratio != 1:
            yield InvalidInput(message=f"It is {ratio:g}; the last step brings everything: 1.", path=path)
        before = max(before, ratio)


def parameters(values: Sequence[Parameter]) -> Problems:
    """The parameters that a template declares."""
    yield from in_range(len(values), 0, MAX_PARAMETERS, "parameters")
    seen: set[str] = set()
    for index, each in enumerate(values):
        path = ("parameters", str(index))
        if len(each.name) > LABEL_LENGTH or not PARAMETER.fullmatch(each.name):
            message = (
                f"“{each.name[:80]}” is no name of a parameter: 1 to 63 letters, digits, _ and -; a letter or _ first."
            )
            yield InvalidInput(message=message, path=(*path, "name"))
        if each.name in seen:
            yield InvalidInput(message=f"“{each.name[:80]}” is declared twice.", path=(*path, "name"))
        seen.add(each.name)
        yield from text(each.description, *path, "description")
        if each.choices is not None:
            yield from in_range(len(each.choices), 1, MAX_CHOICES, *path, "choices")
            for choice in each.choices:
                yield from text(choice, *path, "choices")
                yield from value_problems(choice, None, (*path, "choices"))
        if each.default is not None:
            yield from text(each.default, *path, "default")
            yield from value_problems(each.default, each.choices, (*path, "default"))
