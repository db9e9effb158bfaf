"""Retries: automatic after a back-off, and manual of a deployment or a task."""

import asyncio
import itertools
from datetime import timedelta

from app.core import retry
from app.core.application import ShellTarget
from app.core.errors import ErrorCode, Refused
from app.services import applications, deployments
from tests.services.support.commands import FAILURE, NOTHING, Gate, Notes, node, sh, step
from tests.services.support.engine import D, Engine, S, Site, backed_off, eventually, rolling


async def test_a_failed_task_is_retried_after_a_back_off(engine: Engine, trial: Site) -> None:
    await engine.worker()
    story = await trial.deployed("v1", node("one", max_attempts=3, payload={"failAttempts": 2}), node("two", "one"))
    attempts = story.attempts["one"]
    assert [attempt.status for attempt in attempts] == [S.FAILED, S.FAILED, S.SUCCESS]
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    for failures, (earlier, later) in enumerate(itertools.pairwise(attempts), start=1):
        min_delay = timedelta(seconds=retry.backoff(failures, 0))
        assert earlier.completed_at and later.started_at - earlier.completed_at >= min_delay
    assert story.tasks["one"].error_message is None


async def test_each_attempt_keeps_its_own_log_and_end(engine: Engine, site: Site) -> None:
    await engine.worker()
    command = sh('echo "try $BOREAS_ATTEMPT"; exit $((BOREAS_ATTEMPT == 1 ? 7 : 0))')
    story = await site.deployed("v1", node("one", max_attempts=2, command=command))
    logs = [await engine.messages(story.deployment.id, "one", number) for number in (1, 2)]
    assert logs == [["try 1", "ERROR: exit status 7"], ["try 2"]]
    outcomes = [(attempt.exit_code, attempt.error_message) for attempt in story.attempts["one"]]
    assert outcomes == [(7, "exit status 7"), (0, None)]


async def test_a_task_fails_with_its_last_attempt(engine: Engine, trial: Site) -> None:
    await engine.worker()
    task = node("one", max_attempts=2, payload={"outcome": "failure"})
    story = await engine.until(await trial.deploy("v1", task), D.FAILED)
    assert (story.statuses["one"], story.attempt_statuses("one")) == (S.FAILED, [S.FAILED, S.FAILED])


async def test_other_tasks_run_during_a_back_off(engine: Engine, trial: Site) -> None:
    await engine.worker(slots=1)
    graph = [node("one", max_attempts=2, payload={"failAttempts": 1}), *(node(f"other-{n}") for n in range(5))]
    story = await trial.deployed("v1", *graph)
    retried_at = story.attempts["one"][1].started_at
    assert all(story.attempts[f"other-{n}"][0].started_at < retried_at for n in range(5))


async def test_a_due_attempt_needs_only_a_free_worker(engine: Engine, site: Site, gate: Gate) -> None:
    """The job goes to the worker without room; the one with room polls."""
    await engine.worker(slots=1)
    script = 'test "$BOREAS_ATTEMPT" = 2 && exit 0; mkdir first 2>/dev/null && exit 1; exec "$@"'
    tasks = [node(key, max_attempts=2, command=sh(script, *gate.wait)) for key in ("one", "two")]
    id_ = await site.deploy("v1", *tasks)

    async def one_goes_on() -> bool:
        tasks = (await engine.story(id_)).tasks.values()
        return any(map(backed_off, tasks)) and any(task.status is S.RUNNING for task in tasks)

    await eventually(one_goes_on, "one task to wait for its next attempt while the other runs")
    await engine.worker(slots=1, sweeps=True)
    await eventually(lambda: has_one_ended(engine, id_), "the next attempt to run")
    gate.open()
    await engine.until(id_, D.SUCCESS)


async def has_one_ended(engine: Engine, id_: str) -> bool:
    return sorted((await engine.story(id_)).statuses.values()) == [S.RUNNING, S.SUCCESS]


async def test_a_retried_deployment_resumes_from_the_failed_tasks(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    command = notes.then("bad", "test -e fixed || { touch fixed; exit 1; }")
    graph = [node("good", command=notes.take("good")), node("bad", "good", command=command)]
    id_ = await site.deploy("v1", *graph, node("after", "bad", command=notes.take("after")))
    failed = await engine.until(id_, D.FAILED)
    assert (failed.deployment.attempt, failed.statuses["after"]) == (1, S.BLOCKED)
    await engine.retry(id_)
    story = await engine.until(id_, D.SUCCESS)
    assert notes.lines == ["good", "bad", "bad", "after"]
    assert (story.deployment.attempt, story.deployment.error_message, story.deployment.progress) == (2, None, 100)
    assert (story.attempt_statuses("good"), story.attempt_statuses("bad")) == ([S.SUCCESS], [S.FAILED, S.SUCCESS])


async def test_a_retry_resets_the_number_of_attempts(engine: Engine, trial: Site) -> None:
    await engine.worker()
    id_ = await trial.deploy("v1", node("one", max_attempts=2, payload={"failAttempts": 3}))
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    story = await engine.until(id_, D.SUCCESS)
    assert story.attempt_statuses("one") == [S.FAILED, S.FAILED, S.FAILED, S.SUCCESS]


async def test_a_retried_task_runs_alone_while_others_stay_failed(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    command = notes.then("$BOREAS_TASK_KEY", 'f="fixed-$BOREAS_TASK_KEY"; test -e "$f" || { touch "$f"; exit 1; }')
    id_ = await site.deploy("v1", node("a", command=command), node("b", command=command), node("c", "a", "b"))
    story = await engine.until(id_, D.FAILED)
    while story.statuses["b"] is not S.FAILED or story.statuses["a"] is not S.FAILED:
        await engine.retry(id_)
        story = await engine.until(id_, D.FAILED)
    start = len(notes.lines)
    await engine.retry_task(story.tasks["a"].id)
    story = await engine.until(id_, D.FAILED)
    assert (notes.lines[start:], story.statuses) == (["a"], {"a": S.SUCCESS, "b": S.FAILED, "c": S.BLOCKED})
    await engine.retry_task(story.tasks["b"].id)
    assert (await engine.until(id_, D.SUCCESS)).statuses["c"] is S.SUCCESS


async def test_a_retried_rollout_resumes_with_the_failed_batch(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    deploy = notes.then("$BOREAS_INSTANCE", 'test "$BOREAS_INSTANCE$BOREAS_ATTEMPT" != b1')
    await site.application("web", ShellTarget(deploy, ("a", "b", "c")))
    id_ = await site.deploy(strategy=rolling(1, auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert (notes.lines, await site.releases()) == (["a", "b", "b", "c"], {"web": "v1"})


async def test_a_release_shows_the_version_of_every_instance(engine: Engine, site: Site, notes: Notes) -> None:
    """A newer version ran after the failure: the retry may be refused, or updates every instance."""
    await engine.worker()
    deploy = notes.then(
        "$BOREAS_INSTANCE $BOREAS_VERSION", 'test "$BOREAS_INSTANCE$BOREAS_VERSION$BOREAS_ATTEMPT" != bv11'
    )
    await site.application("web", ShellTarget(deploy, ("a", "b")))
    id_ = await site.deploy("v1", strategy=rolling(1, auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await site.deployed("v2", strategy=rolling(1))
    try:
        await engine.retry(id_)
        await engine.until(id_, D.SUCCESS)
    except Refused as refused:
        assert refused.problems[0].code is ErrorCode.WRONG_STATE
    runs = dict(line.split() for line in notes.lines)
    assert runs == dict.fromkeys(("a", "b"), (await site.releases())["web"])


async def test_a_retry_rolls_back_to_the_version_that_it_replaced(engine: Engine, site: Site, notes: Notes) -> None:
    """A newer version ran after the failure: the retry replaces that one, and so rolls back to it."""
    await engine.worker()
    await site.application("web", notes.then("$BOREAS_VERSION", 'test "$BOREAS_VERSION" != v2'))
    await site.deployed("v1")
    id_ = await site.deploy("v2", strategy=rolling(auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await site.deployed("v3")
    try:
        await engine.retry(id_)
        await engine.until(id_, D.FAILED)
        await engine.roll_back(id_)
        await engine.until(id_, D.ROLLED_BACK)
    except Refused as refused:
        assert refused.problems[0].code is ErrorCode.WRONG_STATE
    assert (notes.lines[-1], await site.releases()) == ("v3", {"web": "v3"})


async def test_a_retry_is_refused_while_another_deployment_holds_the_lock(
    engine: Engine, site: Site, gate: Gate
) -> None:
    await engine.worker()
    failed = await site.deploy("v1", node("bad", command=FAILURE))
    story = await engine.until(failed, D.FAILED)
    other_id = await site.deploy("v2", node("slow", command=gate.wait))
    await engine.until_running(other_id, "slow")
    problem = await engine.refusal(deployments.retry, failed)
    assert (problem.code, other_id in problem.message) == (ErrorCode.LOCKED, True)
    assert (await engine.story(failed)).deployment == story.deployment
    gate.open()
    await engine.until(other_id, D.SUCCESS)
    await engine.retry(failed)
    await engine.until(failed, D.FAILED)


async def test_a_retry_is_refused_at_the_maximum_of_concurrent_deployments(engine: Engine, gate: Gate) -> None:
    await engine.worker()
    site = await engine.site(max_concurrent_deployments=1)
    await site.application("users")
    await site.application("web")
    failed = await site.deploy("v1", node("bad", command=FAILURE), only=["users"])
    await engine.until(failed, D.FAILED)
    other_id = await site.deploy("v1", node("slow", command=gate.wait), only=["web"])
    await engine.until_running(other_id, "slow")
    problem = await engine.refusal(deployments.retry, failed)
    assert (problem.code, "maximum of 1 concurrent" in problem.message) == (ErrorCode.LOCKED, True)
    gate.open()
    await engine.until(other_id, D.SUCCESS)


async def test_a_deployment_keeps_its_definitions(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    app = await site.application("web", notes.then("old", "test -e fixed || { touch fixed; exit 1; }"))
    id_ = await site.deploy(strategy=rolling(auto_rollback=False))
    await engine.until(id_, D.FAILED)
    await engine.change(applications.update, app, shell=ShellTarget(notes.take("new")), build=step(NOTHING))
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert notes.lines == ["old", "old"]


async def test_concurrent_retries_happen_once(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    command = sh('test "$BOREAS_ATTEMPT" = 2 && exec "$@"', *gate.wait)
    id_ = await site.deploy("v1", node("bad", command=command))
    await engine.until(id_, D.FAILED)
    outcomes = await asyncio.gather(*(engine.retry(id_) for _ in range(5)), return_exceptions=True)
    codes = [outcome.problems[0].code for outcome in outcomes if isinstance(outcome, Refused)]
    gate.open()
    story = await engine.until(id_, D.SUCCESS)
    assert (story.deployment.attempt, story.attempt_statuses("bad")) == (2, [S.FAILED, S.SUCCESS])
    assert codes == 4 * [ErrorCode.WRONG_STATE]
