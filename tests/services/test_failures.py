"""Failures: which tasks they stop, let end, and leave unchanged."""

import pytest

from app.core.application import ShellTarget
from tests.services.support.commands import FAILURE, NOTHING, Gate, Notes, node, sh, step
from tests.services.support.engine import D, Engine, S, Site, rolling


@pytest.mark.parametrize("failing", ["build", "test"])
async def test_a_deployment_that_touched_nothing_fails_without_a_rollback(
    engine: Engine, site: Site, notes: Notes, failing: str
) -> None:
    await engine.worker()
    steps = {"build": step(NOTHING), "test": step(NOTHING)} | {failing: step(sh("echo no >&2; exit 3"))}
    await site.application("web", ShellTarget(notes.take("deploy"), rollback_command=notes.take("back")), **steps)
    story = await engine.until(await site.deploy(), D.FAILED, D.ROLLED_BACK)
    assert (story.status, story.deployment.rollback, list(notes.lines)) == (D.FAILED, None, [])
    assert story.deployment.error_message == f"web/{failing}: exit status 3"
    assert (story.statuses[f"web/{failing}"], story.statuses["web/deploy"]) == (S.FAILED, S.BLOCKED)
    assert (story.attempts[f"web/{failing}"][0].exit_code, await site.releases()) == (3, {})


async def test_running_tasks_end_and_no_other_starts(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    graph = [node("bad", command=FAILURE), node("slow", command=gate.wait), node("after", "slow"), node("never", "bad")]
    id_ = await site.deploy("v1", *graph)
    await engine.until_task(id_, "bad", lambda task: task.status is S.FAILED)
    story = await engine.until_running(id_, "slow")
    assert story.status is D.RUNNING
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert story.statuses == {"bad": S.FAILED, "slow": S.SUCCESS, "after": S.BLOCKED, "never": S.BLOCKED}


async def test_the_first_of_several_failures_is_the_reason_and_each_task_keeps_its_own(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await engine.worker()
    late_command = sh('"$@"; exit 5', *gate.wait)
    id_ = await site.deploy("v1", node("first", command=sh("exit 4")), node("second", command=late_command))
    await engine.until_task(id_, "first", lambda task: task.status is S.FAILED)
    gate.open()
    story = await engine.until(id_, D.FAILED)
    assert story.deployment.error_message == "first: exit status 4"
    assert [task.error_message for task in story.tasks.values()] == ["exit status 4", "exit status 5"]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (sh("kill -KILL $$"), 137, "SIGKILL"),
        (("no-such-program",), 127, "not found"),
        (sh("sleep 60"), 143, "time limit of 1 second"),
        (sh("exit 255"), 255, "exit status 255"),
    ],
)
async def test_the_failure_of_a_command_is_reported_and_logged(
    engine: Engine, site: Site, command: tuple[str, ...], code: int, words: str
) -> None:
    await engine.worker()
    story = await engine.until(await site.deploy("v1", node("task", command=command, timeout_seconds=1)), D.FAILED)
    (attempt,) = story.attempts["task"]
    assert (attempt.status, attempt.exit_code) == (S.FAILED, code)
    assert words in (attempt.error_message or "") and attempt.error_message == story.tasks["task"].error_message
    assert f"ERROR: {attempt.error_message}" in await engine.messages(story.deployment.id, "task")


async def test_a_failed_deploy_stays_without_automatic_rollback(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    deploy = notes.then("$BOREAS_VERSION $BOREAS_INSTANCE", 'test "$BOREAS_VERSION$BOREAS_INSTANCE" != v2b')
    await site.application("web", ShellTarget(deploy, ("a", "b", "c"), notes.take("back")))
    await site.deployed("v1", strategy=rolling(1))
    story = await engine.until(await site.deploy("v2", strategy=rolling(1, auto_rollback=False)), D.FAILED)
    assert notes.lines[3:] == ["v2 a", "v2 b"]
    assert (story.deployment.rollback, await site.releases()) == (None, {"web": "v1"})


async def test_a_misspelt_simulation_fails_at_once(engine: Engine, trial: Site) -> None:
    await engine.worker()
    story = await engine.until(await trial.deploy("v1", node("task", payload={"second": 1})), D.FAILED)
    assert "payload.second" in (story.deployment.error_message or "")
