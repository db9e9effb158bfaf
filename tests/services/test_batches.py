"""Rollouts in batches: the instances of each, their order, and waits that use no worker."""

from dataclasses import replace
from itertools import groupby, pairwise

import pytest

from app.core.application import HealthCheck, ShellTarget
from app.core.events import RolloutProgressed
from app.core.strategy.model import Phase, Strategy, StrategyKind, StrategyStep
from app.core.workflow import TaskType
from app.services import tasks
from app.services.tasks import Promotion
from tests.services.support.approving import decide, person, until_requested
from tests.services.support.commands import Notes, node, sh
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, rolling, watched

CANARY = Strategy(StrategyKind.CANARY, tuple(StrategyStep(canary_ratio=ratio) for ratio in (0.1, 0.5, 1)))
FIVE = ("a", "b", "c", "d", "e")
A_SECOND_BETWEEN = Strategy(steps=(StrategyStep(1, 1), StrategyStep(0, 0)))


@pytest.mark.parametrize(
    ("strategy", "batches"),
    [
        (rolling(2), ["1 0.4 ab", "2 0.8 cd", "3 1 e"]),
        (rolling(1), ["1 0.2 a", "2 0.4 b", "3 0.6 c", "4 0.8 d", "5 1 e"]),
        (rolling(0), ["1 1 abcde"]),
        (rolling(9), ["1 1 abcde"]),
        (Strategy(steps=(StrategyStep(1), StrategyStep(3))), ["1 0.2 a", "2 0.8 bcd", "3 1 e"]),
        (Strategy(steps=(StrategyStep(1), StrategyStep(0))), ["1 0.2 a", "2 1 bcde"]),
        (CANARY, ["1 0.2 a", "2 0.6 bc", "3 1 de"]),
    ],
)
async def test_instances_are_updated_batch_by_batch_in_order(
    engine: Engine, site: Site, notes: Notes, strategy: Strategy, batches: list[str]
) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_BATCH $BOREAS_RATIO $BOREAS_INSTANCE"), FIVE))
    await site.deployed(strategy=strategy)
    instances_by_batch = groupby((line.rsplit(" ", 1) for line in notes.lines), key=lambda parts: parts[0])
    assert [f"{batch} {''.join(sorted(name for _, name in names))}" for batch, names in instances_by_batch] == batches


async def test_each_step_of_a_rollout_is_an_event(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(("true",), FIVE))
    story = await site.deployed(strategy=rolling(2))
    steps = [
        event.body.progress
        for event in await engine.events(story.deployment.id)
        if isinstance(event.body, RolloutProgressed)
    ]
    assert [progress.batch for progress in steps if progress.phase is Phase.UPDATING] == [1, 2, 3]
    assert all(len(earlier.touched) <= len(later.touched) for earlier, later in pairwise(steps))
    assert (steps[-1].healthy, steps[-1].batches, steps[-1].total) == (FIVE, 3, 5)


async def test_a_watched_batch_uses_no_slot(engine: Engine, site: Site) -> None:
    await engine.worker(slots=1)
    await site.application("web", ShellTarget(("true",), FIVE))
    await site.application("users")
    watched_id = await site.deploy(only=["web"], strategy=rolling(1, AN_HOUR))
    task = await engine.until_task(watched_id, "web/deploy", watched)
    assert (task.status, task.rollout and task.rollout.healthy) == (S.RUNNING, ())
    await engine.until(await site.deploy(only=["users"]), D.SUCCESS)
    assert watched((await engine.story(watched_id)).tasks["web/deploy"])
    await engine.cancel(watched_id)


async def test_a_rollout_resumes_after_each_interval(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker(slots=1)
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b")))
    story = await site.deployed(strategy=A_SECOND_BETWEEN)
    assert (notes.lines, story.attempt_statuses("web/deploy")) == (["a", "b"], [S.SUCCESS])


async def test_another_worker_resumes_after_an_interval(engine: Engine, site: Site, notes: Notes) -> None:
    first_worker = await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b")))
    id_ = await site.deploy(strategy=A_SECOND_BETWEEN)
    await engine.until_task(id_, "web/deploy", watched)
    await first_worker.shut_down()
    await engine.worker()
    story = await engine.until(id_, D.SUCCESS)
    assert (notes.lines, story.attempt_statuses("web/deploy")) == (["a", "b"], [S.SUCCESS])


async def test_other_applications_proceed_while_a_batch_is_watched(engine: Engine, site: Site) -> None:
    await engine.worker(slots=1)
    await site.application("web")
    await site.application("users")
    id_ = await site.deploy(strategy=rolling(0, AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    await engine.until_task(id_, "users/deploy", watched)
    await engine.cancel(id_)


async def test_another_attempt_repeats_only_the_current_batch(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    deploy = notes.then("$BOREAS_INSTANCE$BOREAS_ATTEMPT", 'test "$BOREAS_INSTANCE$BOREAS_ATTEMPT" != b1')
    app = await site.application("web", ShellTarget(deploy, ("a", "b", "c")))
    task = node("web", type=TaskType.DEPLOY, application_id=app, max_attempts=2)
    story = await site.deployed("v1", task, strategy=rolling(1))
    assert (notes.lines, story.attempt_statuses("web")) == (["a1", "b1", "b2", "c2"], [S.FAILED, S.SUCCESS])


async def test_an_unhealthy_canary_rolls_back_all_batches(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    shell = ShellTarget(notes.take("+$BOREAS_INSTANCE"), ("a", "b", "c"), notes.take("-$BOREAS_INSTANCE"))
    failing_check = sh('[ "$BOREAS_BATCH$BOREAS_INSTANCE" != 2a ]')
    await site.application("web", shell, health_check=HealthCheck(command=failing_check, failure_threshold=1))
    story = await engine.until(await site.deploy(strategy=CANARY), D.ROLLED_BACK)
    assert notes.lines[:2] == ["+a", "+b"] and sorted(notes.lines[2:]) == ["-a", "-b"]
    assert story.deployment.error_message == "web/deploy: a: not healthy, 1 times in a row: exit status 1"


async def test_a_retry_after_a_failed_rollback_updates_what_was_rolled_back(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    deploy = notes.then("+$BOREAS_INSTANCE", 'test -e fixed || test "$BOREAS_INSTANCE" != c')
    rollback = notes.then("-$BOREAS_INSTANCE", 'test "$BOREAS_INSTANCE" != a || { touch fixed; exit 1; }')
    await site.application("web", ShellTarget(deploy, ("a", "b", "c"), rollback))
    id_ = await site.deploy(strategy=rolling(1))
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert notes.lines == ["+a", "+b", "+c", "-c", "-b", "-a", "+a", "+b", "+c"]


async def test_a_full_promotion_requests_the_approvals_of_skipped_steps(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("$BOREAS_INSTANCE"), ("a", "b", "c", "d")))
    ann = await person(engine, "Ann")
    first_step, second_step, last_step = CANARY.steps
    steps = (replace(first_step, batch_interval=AN_HOUR), replace(second_step, require_approval=True), last_step)
    id_ = await site.deploy(strategy=replace(CANARY, steps=steps))
    task = await engine.until_task(id_, "web/deploy", watched)
    await engine.call(tasks.promote, Promotion(task.id, full=True))
    (approval,) = await until_requested(engine, id_)
    assert (approval.rollout_step, notes.lines) == (2, ["a"])
    assert await decide(ann, approval) == []
    await engine.until(id_, D.SUCCESS)
    assert sorted(notes.lines) == ["a", "b", "c", "d"]
