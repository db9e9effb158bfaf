"""Checks of applications: their steps, targets and health checks."""

import math

from app.core.application import Application, CommandStep, HealthCheck, KubernetesTarget, MetricCheck, ShellTarget
from app.core.errors import InvalidInput
from app.core.health import probe_url
from app.core.texts import UNSTORABLE
from app.core.validation import unfilled_expressions
from app.core.validation.checks import (
    LABEL_LENGTH,
    MAX_ATTEMPTS,
    MAX_INSTANCES,
    MAX_SECONDS,
    Problems,
    display_name,
    dns_label,
    http_url,
    image,
    in_range,
    text,
)
from app.core.validation.command_checks import command, variables
from app.core.validation.job_option_checks import job_options, object_name

MAX_METRICS = 50
MAX_QUERY = 4000


def application(value: Application) -> Problems:
    """Check everything about an application."""
    yield from dns_label(value.name, "name")
    yield from text(value.description, "description")
    if value.repository_url is not None:
        yield from display_name(value.repository_url, 2000, "repositoryUrl")
    yield from command_step(value.build, "build")
    yield from command_step(value.test, "test")
    if value.shell is None and value.kubernetes is None:
        message = "Give a deploy target: exactly one of shell and kubernetes."
        yield InvalidInput(message=message, path=("shell",))
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
        message = (
            "{service} stands for the service of the Kubernetes target, which has none: set kubernetes.service, or "
            "remove {service}."
        )
        yield InvalidInput(message=message, path=("healthCheck", "httpUrl"))


def command_step(value: CommandStep | None, *path: str) -> Problems:
    """Check a command with its limits."""
    if value is None:
        return
    yield from command(value.command, *path, "command")
    yield from image(value.image, *path, "image")
    yield from variables(value.env, *path, "env")
    yield from in_range(value.timeout_seconds, 1, MAX_SECONDS, *path, "timeoutSeconds")
    yield from in_range(value.max_attempts, 1, MAX_ATTEMPTS, *path, "maxAttempts")
    yield from job_options(value.job, *path, "job")


def shell_target(value: ShellTarget, *path: str) -> Problems:
    """Check a deploy command and its instances."""
    yield from command(value.command, *path, "command")
    if value.rollback_command is not None:
        yield from command(value.rollback_command, *path, "rollbackCommand")
    yield from in_range(len(value.instances), 1, MAX_INSTANCES, *path, "instances")
    if len(set(value.instances)) < len(value.instances):
        yield InvalidInput(message="Instance names must be unique: one is listed twice.", path=(*path, "instances"))
    for instance in value.instances:
        yield from display_name(instance, 200, *path, "instances")


def kubernetes_target(value: KubernetesTarget, *path: str) -> Problems:
    """Check names of cluster objects. Names to which Boreas adds a suffix must leave room for it."""
    for name, field in ((value.workload, "workload"), (value.service, "service")):
        if name is not None:
            yield from dns_label(name, *path, field)
            if len(name) > LABEL_LENGTH - len("-preview"):
                message = "The name is too long: it must leave room for a suffix such as -preview."
                yield InvalidInput(message=message, path=(*path, field))
    yield from dns_label(value.container, *path, "container")
    if value.http_route is not None:
        yield from object_name(value.http_route, *path, "httpRoute")
        if value.service is None:
            message = "An httpRoute splits the traffic of a service: set service too."
            yield InvalidInput(message=message, path=(*path, "service"))


def health_check(value: HealthCheck | None, *path: str) -> Problems:
    """Check a health check: exactly one of command and URL, or neither where there are metrics."""
    if value is None:
        return
    if value.command is not None and value.http_url is not None:
        yield InvalidInput(message="Give exactly one of command and httpUrl.", path=path)
    if value.command is None and value.http_url is None and not value.metrics:
        yield InvalidInput(message="Give exactly one of command and httpUrl, or metrics.", path=path)
    if value.command is not None:
        yield from command(value.command, *path, "command")
    if value.http_url is not None:
        url = probe_url(value.http_url, instance="instance", version="version", color="blue", service="service")
        yield from http_url(url, *path, "httpUrl")
    yield from in_range(value.expect_status, 100, 599, *path, "expectStatus")
    yield from in_range(value.interval_seconds, 1, 3600, *path, "intervalSeconds")
    yield from in_range(value.timeout_seconds, 1, 3600, *path, "timeoutSeconds")
    yield from in_range(value.success_threshold, 1, 1000, *path, "successThreshold")
    yield from in_range(value.failure_threshold, 1, 1000, *path, "failureThreshold")
    yield from in_range(len(value.metrics), 0, MAX_METRICS, *path, "metrics")
    for index, metric in enumerate(value.metrics):
        yield from metric_check(metric, *path, "metrics", str(index))


def metric_check(value: MetricCheck, *path: str) -> Problems:
    """Check a query and its bounds, which a value must be able to satisfy."""
    yield from display_name(value.name, 200, *path, "name")
    yield from http_url(value.prometheus_url, *path, "prometheusUrl")
    if not value.query.strip() or len(value.query) > MAX_QUERY or UNSTORABLE.search(value.query):
        message = f"A query must have 1 to {MAX_QUERY} characters, without NUL."
        yield InvalidInput(message=message, path=(*path, "query"))
    bounds = [bound for bound in (value.minimum, value.maximum) if bound is not None]
    if not bounds:
        yield InvalidInput(message="Give min, max or both.", path=path)
    if not all(map(math.isfinite, bounds)):
        yield InvalidInput(message="A bound must be a finite number.", path=path)
    elif len(bounds) == 2 and bounds[0] > bounds[1]:
        yield InvalidInput(message=f"max is below min, which is {bounds[0]:g}.", path=(*path, "max"))
