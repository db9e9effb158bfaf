"""Health checks of applications."""

import strawberry

from app.core import application as core
from app.core.command_visibility import CommandVisibility


@strawberry.type(description="A Prometheus query and the bounds of its healthy values.")
class MetricCheck:
    name: str
    prometheus_url: str
    query: str = strawberry.field(
        description="The query. It may contain {version} and {color}. Every series of the result must be healthy."
    )
    min: float | None
    max: float | None


@strawberry.type(
    description="How health is checked. At most one of command and httpUrl checks each instance; metrics check the "
    "whole application."
)
class HealthCheck:
    command: list[str] | None
    http_url: str | None = strawberry.field(
        description="The URL to request. It may contain {instance}, {version}, {color} and {service}. Null if no URL "
        "is used."
    )
    expect_status: int
    interval_seconds: int
    timeout_seconds: int
    success_threshold: int = strawberry.field(description="How many successes in a row mean healthy.")
    failure_threshold: int = strawberry.field(description="How many failures in a row mean that the check has failed.")
    metrics: list[MetricCheck]


def health_check(check: core.HealthCheck | None, visibility: CommandVisibility) -> HealthCheck | None:
    """Return a health check with what the viewer may see of it."""
    if check is None:
        return None
    return HealthCheck(
        command=None if check.command is None else visibility.command(check.command),
        http_url=None if check.http_url is None else visibility.text(check.http_url),
        expect_status=check.expect_status,
        interval_seconds=check.interval_seconds,
        timeout_seconds=check.timeout_seconds,
        success_threshold=check.success_threshold,
        failure_threshold=check.failure_threshold,
        metrics=[
            MetricCheck(
                name=metric.name,
                prometheus_url=visibility.text(metric.prometheus_url),
                query=visibility.text(metric.query),
                min=metric.minimum,
                max=metric.maximum,
            )
            for metric in check.metrics
        ],
    )
