"""Health checks by command and over HTTP: the number of answers that decide, and failed batches.

In: a server whose answers the test gives in turn. Verdicts alone are tested with the core, answers of probes with the
probe.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.core.application import HealthCheck, ShellTarget
from app.core.workflow import TaskType
from tests.services.support.commands import Notes, node, sh
from tests.services.support.engine import D, Engine, S, Site, rolling


class Patient(ThreadingHTTPServer):
    """Answers with its statuses in turn, then with the last one; records the requested paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers = [200]
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """One answer."""

    server: Patient

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0])
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def patient() -> Iterator[Patient]:
    with Patient() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def http_check(server: Patient, path: str = "/", **fields: Any) -> HealthCheck:
    """Return a health check of the server, every second."""
    url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    return replace(HealthCheck(http_url=url, interval_seconds=1), **fields)


async def test_http_checks_can_name_the_instance_and_version(engine: Engine, site: Site, patient: Patient) -> None:
    await engine.worker()
    check = http_check(patient, "/{instance}/{version}?v={version}", expect_status=204)
    patient.answers = [204]
    await site.application("web", ShellTarget(("true",), ("a", "b:80", "c/ d")), health_check=check)
    await site.deployed("v 1/2")
    expected_paths = ["/a/v%201%2F2?v=v%201%2F2", "/b:80/v%201%2F2?v=v%201%2F2", "/c%2F%20d/v%201%2F2?v=v%201%2F2"]
    assert sorted(patient.asked) == sorted(2 * expected_paths)


@pytest.mark.parametrize(
    ("answers", "success_threshold", "failure_threshold", "healthy"),
    [
        ([200], 1, 1, True),
        ([500], 1, 1, False),
        ([500, 200], 1, 2, True),
        ([200, 500, 500], 2, 2, False),
    ],
)
async def test_consecutive_answers_decide(
    engine: Engine,
    site: Site,
    patient: Patient,
    answers: list[int],
    success_threshold: int,
    failure_threshold: int,
    healthy: bool,
) -> None:
    await engine.worker()
    patient.answers = list(answers)
    check = http_check(patient, success_threshold=success_threshold, failure_threshold=failure_threshold)
    app = await site.application("web", health_check=check)
    id_ = await site.deploy("v1", node("check", type=TaskType.HEALTH_CHECK, application_id=app))
    story = await engine.until(id_, D.SUCCESS, D.FAILED)
    assert (story.status is D.SUCCESS, len(patient.asked)) == (healthy, len(answers))
    if not healthy:
        assert "answered 500" in (story.deployment.error_message or "")


@pytest.mark.parametrize(("script", "status"), [("exit 0", D.SUCCESS), ("exit 7", D.FAILED), ("sleep 60", D.FAILED)])
async def test_a_command_is_healthy_when_it_succeeds_in_time(
    engine: Engine, site: Site, script: str, status: D
) -> None:
    await engine.worker()
    check = HealthCheck(command=sh(script), timeout_seconds=1, failure_threshold=1)
    app = await site.application("web", health_check=check)
    id_ = await site.deploy("v1", node("check", type=TaskType.HEALTH_CHECK, application_id=app))
    assert (await engine.until(id_, D.SUCCESS, D.FAILED)).status is status


async def test_an_unhealthy_batch_fails_the_deploy(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    check = HealthCheck(command=sh('test "$BOREAS_INSTANCE" != c'), failure_threshold=1)
    target = ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b", "c", "d", "e"))
    await site.application("web", target, health_check=check)
    story = await engine.until(await site.deploy(strategy=rolling(2, auto_rollback=False)), D.FAILED)
    assert sorted(notes.lines) == ["a", "b", "c", "d"]
    assert "c: not healthy" in (story.tasks["web/deploy"].error_message or "")
    assert (story.statuses["web/health_check"], story.tasks["web/deploy"].rollout.healthy) == (S.BLOCKED, ("a", "b"))  # type: ignore[union-attr]


async def test_a_batch_is_checked_again_at_the_end_of_its_interval(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    check = HealthCheck(command=notes.take("check"), failure_threshold=1)
    await site.application("web", notes.take("deploy"), health_check=check)
    await site.deployed(strategy=rolling(0, 1))
    assert notes.lines == ["deploy", "check", "check", "check"]


async def test_a_batch_that_becomes_unhealthy_while_watched_fails_the_deploy(
    engine: Engine, site: Site, patient: Patient
) -> None:
    await engine.worker()
    patient.answers = [200, 500]
    target = ShellTarget(("true",), ("a", "b"))
    await site.application("web", target, health_check=http_check(patient, failure_threshold=1))
    story = await engine.until(await site.deploy(strategy=rolling(1, 1, auto_rollback=False)), D.FAILED)
    assert "a: not healthy" in (story.tasks["web/deploy"].error_message or "")


@pytest.mark.parametrize("kind", [TaskType.DEPLOY, TaskType.HEALTH_CHECK])
async def test_the_time_limit_ends_an_undecided_check(
    engine: Engine, site: Site, patient: Patient, kind: TaskType
) -> None:
    await engine.worker()
    patient.answers = [200, 500] * 60
    check = http_check(patient, success_threshold=2, failure_threshold=2)
    app = await site.application("web", health_check=check)
    task = node("web", type=kind, application_id=app, timeout_seconds=2)
    story = await engine.until(
        await site.deploy("v1", task, strategy=rolling(auto_rollback=False)), D.FAILED, seconds=8
    )
    assert "limit" in (story.tasks["web"].error_message or "")
