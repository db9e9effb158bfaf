"""Rollbacks: touched applications are rolled back in reverse order, and the releases show it."""

import pytest

from app.core.application import HealthCheck, ShellTarget
from app.core.deployment import RollbackStatus
from app.core.task import Activity
from tests.services.support.commands import FAILURE, Command, Gate, Notes, node, sh
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, rolling, watched

WHO = "$BOREAS_APPLICATION $BOREAS_VERSION"
TRIPLE = ("users", "orders", "web")


def failing_script(version: str) -> str:
    """Return a script that fails when a version is deployed."""
    return f'test "$BOREAS_VERSION" != {version}'


async def create_applications(site: Site, notes: Notes, **rollback_commands: Command) -> None:
    """Create three applications, of which the last one fails with v2."""
    for name in TRIPLE:
        deploy = notes.then(f"deploy {WHO}", failing_script("v2") if name == "web" else "true")
        await site.application(
            name, ShellTarget(deploy, rollback_command=rollback_commands.get(name, notes.take(f"back {WHO}")))
        )


async def test_touched_applications_are_rolled_back_in_reverse_order(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await create_applications(site, notes)
    await site.deployed("v1")
    story = await engine.until(await site.deploy("v2", must_in_order=TRIPLE), D.ROLLED_BACK)
    assert notes.lines[3:] == [
        *("deploy users v2", "deploy orders v2", "deploy web v2"),
        *("back web v2", "back orders v2", "back users v2"),
    ]
    assert {story.statuses[f"{name}/deploy"] for name in TRIPLE} == {S.ROLLED_BACK}
    assert await site.releases() == dict.fromkeys(TRIPLE, "v1")


async def test_a_rollback_records_that_it_was_automatic_its_reason_and_status(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(sh("exit 9"), rollback_command=("true",)))
    story = await engine.until(await site.deploy(), D.ROLLED_BACK)
    rollback = story.deployment.rollback
    assert rollback is not None
    assert (rollback.status, rollback.automatic, rollback.requested_by) == (RollbackStatus.SUCCESS, True, None)
    assert rollback.reason == story.deployment.error_message == "web/deploy: local: exit status 9"
    assert rollback.completed_at and rollback.completed_at >= rollback.started_at


async def test_an_undo_is_an_attempt_with_its_own_log(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(sh("echo forth; exit 1"), rollback_command=sh("echo back")))
    story = await engine.until(await site.deploy(), D.ROLLED_BACK)
    attempts = [(attempt.activity, attempt.status) for attempt in story.attempts["web/deploy"]]
    assert attempts == [(Activity.RUN, S.FAILED), (Activity.UNDO, S.ROLLED_BACK)]
    logs = [await engine.messages(story.deployment.id, "web/deploy", number) for number in (1, 2)]
    assert "forth" in logs[0] and "back" in logs[1] and "back" not in logs[0] and "forth" not in logs[1]


async def test_only_touched_applications_are_rolled_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await create_applications(site, notes)
    story = await engine.until(
        await site.deploy("v2", must_in_order=("web", "orders"), only=("web", "orders")), D.ROLLED_BACK
    )
    assert notes.lines == ["deploy web v2", "back web v2"]
    assert (story.statuses["orders/deploy"], await site.releases()) == (S.CANCELLED, {})


@pytest.mark.parametrize(
    ("has_command", "ran_before", "undone", "release"),
    [
        (True, True, ["back v2 v1"], {"web": "v1"}),
        (True, False, ["back v2 "], {}),
        (False, True, ["deploy v1 v1"], {"web": "v1"}),
        (False, False, [], {}),
    ],
)
async def test_the_methods_of_a_rollback_in_order_of_preference(
    engine: Engine,
    site: Site,
    notes: Notes,
    has_command: bool,
    ran_before: bool,
    undone: list[str],
    release: dict[str, str],
) -> None:
    await engine.worker()
    facts = "$BOREAS_VERSION $BOREAS_PREVIOUS_VERSION"
    rollback = notes.take(f"back {facts}") if has_command else None
    await site.application(
        "web", ShellTarget(notes.then(f"deploy {facts}", failing_script("v2")), rollback_command=rollback)
    )
    if ran_before:
        await site.deployed("v1")
    start = len(notes.lines) + 1
    story = await engine.until(await site.deploy("v2"), D.ROLLED_BACK)
    assert (notes.lines[start:], await site.releases()) == (undone, release)
    message = (story.deployment.rollback and story.deployment.rollback.error_message) or ""
    assert (story.statuses["web/deploy"], "left as it is" in message) == (
        (S.ROLLED_BACK, False) if undone else (S.FAILED, True)
    )


async def test_the_previous_version_has_its_own_image_and_commit(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", notes.then("$BOREAS_VERSION $BOREAS_IMAGE $BOREAS_COMMIT", failing_script("v2")))
    await site.deployed(await site.version("v1", commit="c1"))
    await engine.until(await site.deploy(await site.version("v2", commit="c2")), D.ROLLED_BACK)
    assert notes.lines == ["v1 web:v1 c1", "v2 web:v2 c2", "v1 web:v1 c1"]


async def test_instances_are_rolled_back_newest_batch_first(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    deploy = notes.then("+$BOREAS_INSTANCE", 'test "$BOREAS_INSTANCE" != d')
    await site.application("web", ShellTarget(deploy, ("a", "b", "c", "d", "e"), notes.take("-$BOREAS_INSTANCE")))
    await engine.until(await site.deploy(strategy=rolling(1)), D.ROLLED_BACK)
    assert notes.lines == ["+a", "+b", "+c", "+d", "-d", "-c", "-b", "-a"]


async def test_a_failed_health_check_task_rolls_everything_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    check = HealthCheck(command=sh('test "$BOREAS_TASK_KEY" = web/deploy'), failure_threshold=1)
    await site.application("web", ShellTarget(("true",), rollback_command=notes.take("back")), health_check=check)
    story = await engine.until(await site.deploy(), D.ROLLED_BACK)
    assert (story.statuses["web/health_check"], story.statuses["web/deploy"]) == (S.FAILED, S.ROLLED_BACK)
    assert (notes.lines, await site.releases()) == (["back"], {})


async def test_a_rollback_that_fails_ends_the_deployment_as_failed(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await create_applications(site, notes, orders=sh("exit 6"))
    await site.deployed("v1")
    story = await engine.until(await site.deploy("v2", must_in_order=TRIPLE), D.FAILED)
    rollback = story.deployment.rollback
    assert rollback and (rollback.status, rollback.error_message) == (
        RollbackStatus.FAILED,
        "orders/deploy: local: exit status 6",
    )
    assert story.attempts["orders/deploy"][-1].status is S.FAILED
    assert notes.lines[-1] == "back web v2"
    assert await site.releases() == {"users": "v2", "orders": "v2", "web": "v1"}


async def test_a_failed_rollback_can_be_retried(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    command = sh("test -e fixed || { touch fixed; exit 1; }")
    await create_applications(site, notes, orders=command)
    id_ = await site.deploy("v2", must_in_order=TRIPLE)
    await engine.until(id_, D.FAILED)
    assert await engine.roll_back(id_) == id_
    story = await engine.until(id_, D.ROLLED_BACK)
    assert notes.lines[-2:] == ["back web v2", "back users v2"]
    assert (
        story.tasks["web/deploy"].attempt == 2 and story.deployment.rollback and not story.deployment.rollback.automatic
    )


async def test_deploying_again_after_a_failed_rollback_keeps_the_order(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    check = HealthCheck(command=("true",))
    await site.application("users", ShellTarget(("true",), rollback_command=FAILURE), health_check=check)
    orders = sh('test "$BOREAS_ATTEMPT" = 1 || exec "$@"', *gate.wait)
    await site.application("orders", ShellTarget(orders, rollback_command=("true",)), health_check=check)
    web = notes.then("web", "exit 1")
    await site.application("web", ShellTarget(web, rollback_command=("true",)), health_check=check)
    id_ = await site.deploy(must_in_order=("users", "orders", "web"))
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until_running(id_, "orders/deploy")
    gate.open()
    story = await engine.until(id_, D.FAILED)
    order = [story.attempts[f"{name}/deploy"][2] for name in ("orders", "web")]
    assert order[0].completed_at and order[0].completed_at <= order[1].started_at


async def test_a_running_deployment_is_rolled_back_on_request(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    await site.application("users", ShellTarget(notes.take("users"), rollback_command=notes.take("users back")))
    await site.application("web", ShellTarget(gate.wait, rollback_command=notes.take("web back")))
    id_ = await site.deploy(must_in_order=("users", "web"))
    await engine.until_task(id_, "web/deploy", lambda task: task.touched)
    assert await engine.roll_back(id_) == id_
    story = await engine.until(id_, D.ROLLED_BACK)
    rollback = story.deployment.rollback
    assert notes.lines == ["users", "web back", "users back"]
    assert rollback and (rollback.requested_by, rollback.reason) == (engine.principal.actor.id, "worse than before")
    assert story.attempt_statuses("web/deploy") == [S.CANCELLED, S.ROLLED_BACK]


async def test_a_watched_deployment_is_rolled_back_on_request(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application(
        "web", ShellTarget(notes.take("+$BOREAS_INSTANCE"), ("a", "b"), notes.take("-$BOREAS_INSTANCE"))
    )
    id_ = await site.deploy(strategy=rolling(1, AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    await engine.roll_back(id_)
    await engine.until(id_, D.ROLLED_BACK)
    assert notes.lines == ["+a", "-a"]


async def test_a_failure_rolls_back_a_watched_rollout(engine: Engine, site: Site, notes: Notes, gate: Gate) -> None:
    await engine.worker()
    await site.application("users", ShellTarget(notes.take("users"), rollback_command=notes.take("users back")))
    await site.application("web", ShellTarget(sh('"$@"; exit 1', *gate.wait), rollback_command=notes.take("web back")))
    id_ = await site.deploy(strategy=rolling(1, 2))
    await engine.until_task(id_, "users/deploy", watched)
    gate.open()
    await engine.until(id_, D.ROLLED_BACK)
    assert sorted(notes.lines) == ["users", "users back", "web back"]


async def test_rolling_back_an_untouched_deployment_runs_nothing(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take("web"), rollback_command=notes.take("back")))
    id_ = await site.deploy("v1", node("slow", command=gate.wait), node("next", "slow"))
    await engine.until_running(id_, "slow")
    await engine.roll_back(id_)
    story = await engine.until(id_, D.ROLLED_BACK)
    assert (story.statuses, list(notes.lines)) == ({"slow": S.CANCELLED, "next": S.CANCELLED}, [])


async def test_another_worker_continues_the_undo_of_a_lost_one(
    engine: Engine, site: Site, notes: Notes, gate: Gate
) -> None:
    first_worker = await engine.worker()
    rollback = notes.then("back $BOREAS_ATTEMPT", '[ "$BOREAS_ATTEMPT" != 2 ] || exec "$@"', *gate.wait)
    await site.application("web", ShellTarget(FAILURE, rollback_command=rollback))
    id_ = await site.deploy()
    await engine.until_task(id_, "web/deploy", lambda task: notes.lines and task.attempt == 2)
    await first_worker.shut_down()
    await engine.worker()
    story = await engine.until(id_, D.ROLLED_BACK)
    assert story.attempt_statuses("web/deploy") == [S.FAILED, S.CANCELLED, S.ROLLED_BACK]
    assert notes.lines == ["back 2", "back 3"]
