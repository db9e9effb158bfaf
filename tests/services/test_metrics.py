"""Health by metrics: each batch is checked, missing data decides nothing, and bad values roll back.

In: a server that plays Prometheus. Judging values is tested with the core, reading answers with the probe.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from app.core.application import HealthCheck, MetricCheck, ShellTarget
from app.core.batch_history import TaskEnd, batch_records
from app.core.environment import OperatorKind
from app.store import event_feed
from tests.services.support.commands import Notes
from tests.services.support.engine import D, Engine, Site, rolling
from tests.services.test_blue_green import blue_green
from tests.support.prometheus import Prometheus, scalar, serving, vector


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with serving() as server:
        yield server


def error_rate_check(server: Prometheus, query: str = "errors", **fields: Any) -> HealthCheck:
    """Return a check of metrics alone: at most one error in a hundred."""
    metric = MetricCheck("error-rate", server.url, query, maximum=0.01)
    return HealthCheck(metrics=(metric,), interval_seconds=1, **fields)


async def test_every_batch_is_checked_and_the_health_check_task_too(
    engine: Engine, site: Site, prometheus: Prometheus
) -> None:
    await engine.worker()
    prometheus.gives(scalar("0"))
    check = error_rate_check(prometheus, 'errors{v="{version}"}')
    await site.application("web", ShellTarget(("true",), ("a", "b")), health_check=check)
    story = await site.deployed("v1", strategy=rolling(1))
    assert prometheus.queries == ['errors{v="v1"}'] * 3
    assert "metric error-rate: within (0, at most 0.01)" in await engine.messages(story.deployment.id, "web/deploy")


async def test_a_batch_is_checked_again_when_it_was_watched(
    engine: Engine, site: Site, notes: Notes, prometheus: Prometheus
) -> None:
    await engine.worker()
    prometheus.gives(scalar("0"), scalar("0.5"))
    shell = ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b"), notes.take("back $BOREAS_INSTANCE"))
    await site.application("web", shell, health_check=error_rate_check(prometheus, failure_threshold=1))
    story = await engine.until(await site.deploy(strategy=rolling(1, 1)), D.ROLLED_BACK)
    assert list(notes.lines) == ["a", "back a"]
    message = "web/deploy: metric error-rate out of bounds, 1 times in a row: 0.5, at most 0.01"
    assert story.deployment.error_message == message


async def test_missing_data_is_logged_and_awaited(engine: Engine, site: Site, prometheus: Prometheus) -> None:
    await engine.worker()
    prometheus.gives(vector(), scalar("NaN"), scalar("0"))
    await site.application("web", health_check=error_rate_check(prometheus))
    story = await site.deployed("v1")
    messages = await engine.messages(story.deployment.id, "web/deploy")
    assert "WARN: metric error-rate: inconclusive (no data)" in messages


async def test_permanently_missing_data_fails_the_check(engine: Engine, site: Site, prometheus: Prometheus) -> None:
    await engine.worker()
    prometheus.answers = [(503, {"status": "error", "error": "starting"})]
    await site.application("web", health_check=error_rate_check(prometheus, failure_threshold=2))
    story = await engine.until(await site.deploy(strategy=rolling(auto_rollback=False)), D.FAILED)
    expected = "metric error-rate inconclusive, 2 times in a row: answered 503: starting"
    assert story.tasks["web/deploy"].error_message == expected
    assert len(prometheus.asked) == 2


async def test_the_metrics_of_a_set_are_those_of_its_color(engine: Engine, site: Site, prometheus: Prometheus) -> None:
    await engine.worker()
    prometheus.gives(scalar("0"))
    await site.application("web", health_check=error_rate_check(prometheus, 'e{set="{color}"}'))
    await site.deployed("v1", strategy=blue_green())
    await site.deployed("v2", strategy=blue_green())
    assert prometheus.queries == ['e{set="blue"}'] * 3 + ['e{set="green"}'] * 3


async def test_simulations_query_no_metrics(engine: Engine, prometheus: Prometheus) -> None:
    await engine.worker()
    trial = await engine.site(OperatorKind.SIMULATED)
    await trial.application("web", health_check=error_rate_check(prometheus))
    await trial.deployed("v1")
    assert prometheus.asked == []


async def test_metric_values_are_stored_with_the_batch(engine: Engine, site: Site, prometheus: Prometheus) -> None:
    await engine.worker()
    prometheus.gives(scalar("0.001"), scalar("0.5"))
    shell = ShellTarget(("true",), ("a", "b"), ("true",))
    await site.application("web", shell, health_check=error_rate_check(prometheus, failure_threshold=1))
    story = await engine.until(await site.deploy(strategy=rolling(1)), D.ROLLED_BACK)
    task = story.tasks["web/deploy"]
    moments = (await event_feed.progress_of_rollouts([task.id]))[task.id]
    first_batch, second_batch = batch_records(
        moments, TaskEnd(task.status, task.completed_at) if task.completed_at else None
    )
    assert [(record.batch, record.succeeded) for record in (first_batch, second_batch)] == [(1, True), (2, False)]
    values = [
        (metric.name, metric.value, metric.minimum, metric.maximum, metric.ok)
        for metric in first_batch.metrics + second_batch.metrics
    ]
    assert values == [("error-rate", 0.001, None, 0.01, True), ("error-rate", 0.5, None, 0.01, False)]
