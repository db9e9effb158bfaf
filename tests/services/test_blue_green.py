"""Blue and green by commands: two sets of the same instances, of which one serves.

Every command notes its action and its set; the serving set is stored with the release.
"""

from dataclasses import replace

import pytest

from app.core.application import HealthCheck, ShellTarget
from app.core.events import RolloutProgressed
from app.core.strategy.model import Phase, Strategy, StrategyKind, StrategyStep
from app.services import applications, tasks
from app.services.tasks import Promotion
from app.store import environments as environment_store
from tests.services.support.approving import decide, person, until_requested
from tests.services.support.commands import Command, Gate, Notes
from tests.services.support.engine import AN_HOUR, D, Engine, S, Site, rolling, watched

FACTS = "$BOREAS_PHASE $BOREAS_COLOR $BOREAS_VERSION"
CHECK = "check $BOREAS_COLOR $BOREAS_PHASE"


def blue_green(*intervals: int, auto_rollback: bool = True) -> Strategy:
    steps = tuple(StrategyStep(0, seconds, auto_rollback) for seconds in intervals or (0,))
    return Strategy(StrategyKind.BLUE_GREEN, steps)


async def web(site: Site, notes: Notes, fails: str = "false", back: Command | None = None) -> None:
    """Create an application with two instances that notes each command; the commands in `fails` fail."""
    deploy = notes.then(f"{FACTS} $BOREAS_INSTANCE", f"! {fails}")
    await site.application("web", ShellTarget(deploy, ("a", "b"), back))


def set_actions(notes: Notes, start: int = 0) -> list[str]:
    """Return the actions on sets, without the instances: each had its own command."""
    note_lines = [line.rsplit(" ", 1) for line in notes.lines[start:]]
    pairs = list(zip(note_lines[::2], note_lines[1::2], strict=True))
    assert all(first[0] == second[0] and {first[1], second[1]} == {"a", "b"} for first, second in pairs)
    return [first[0] for first, _ in pairs]


async def color(site: Site) -> str | None:
    """Return which set serves."""
    (release,) = await environment_store.releases_in([site.environment_id])
    return release.color


async def test_a_new_set_is_started_switched_to_and_the_old_one_retired(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    await web(site, notes)
    for number, serving in enumerate(["blue", "green", "blue"], 1):
        await site.deployed(f"v{number}", strategy=blue_green())
        assert await color(site) == serving
    assert set_actions(notes) == [
        *("bring blue v1", "switch blue v1"),
        *("bring green v2", "switch green v2", "retire blue v2"),
        *("bring blue v3", "switch blue v3", "retire green v3"),
    ]


async def test_health_is_checked_on_the_new_set(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(notes.take(FACTS)), health_check=HealthCheck(command=notes.take(CHECK)))
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    await site.deployed("v2", strategy=blue_green())
    assert notes.lines[start:] == [
        *("bring green v2", "check green ", "switch green v2", "check green ", "retire blue v2"),
        "check green ",
    ]


async def test_an_unhealthy_preview_never_gets_traffic(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    await set_health_check(site, HealthCheck(command=("false",), failure_threshold=1))
    start = len(notes.lines)
    story = await engine.until(await site.deploy("v2", strategy=blue_green()), D.ROLLED_BACK)
    assert set_actions(notes, start) == ["bring green v2", "retire green v1"]
    assert (await color(site), await site.releases(), story.statuses["web/deploy"]) == (
        "blue",
        {"web": "v1"},
        S.ROLLED_BACK,
    )


async def set_health_check(site: Site, check: HealthCheck) -> None:
    """Give the application a health check."""
    await site.engine.change(applications.update, site.applications["web"], health_check=check)


async def test_a_rollback_after_the_switch_switches_back_and_ends_the_new_set(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    id_ = await site.deploy("v2", strategy=blue_green(AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    assert await color(site) == "green"
    await engine.roll_back(id_)
    await engine.until(id_, D.ROLLED_BACK)
    assert set_actions(notes, start) == ["bring green v2", "switch green v2", "switch blue v1", "retire green v1"]
    assert (await color(site), await site.releases()) == ("blue", {"web": "v1"})


async def test_a_rollback_starts_a_retired_set_again_first(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    check = HealthCheck(command=("sh", "-c", 'test "$BOREAS_TASK_KEY" = web/deploy'), failure_threshold=1)
    await set_health_check(site, check)
    await engine.until(await site.deploy("v2", strategy=blue_green()), D.ROLLED_BACK)
    assert set_actions(notes, start)[3:] == ["bring blue v1", "switch blue v1", "retire green v1"]
    assert await color(site) == "blue"


async def test_the_rollback_command_sees_the_same_variables(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes, '[ "$BOREAS_VERSION $BOREAS_PHASE" = "v2 switch" ]', notes.take(f"back {FACTS} a"))
    await site.application("web2", ("true",))
    await site.deployed("v1", strategy=blue_green(), only=["web"])
    story = await engine.until(await site.deploy("v2", strategy=blue_green(), only=["web"]), D.ROLLED_BACK)
    rollback_lines = [line for line in notes.lines if line.startswith("back")]
    assert rollback_lines == ["back switch blue v2 a"] * 2 + ["back retire green v2 a"] * 2
    assert story.deployment.rollback is not None


async def test_a_first_deployment_is_rolled_back_without_another_set(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes, '[ "$BOREAS_PHASE" = switch ]')
    story = await engine.until(await site.deploy("v1", strategy=blue_green()), D.ROLLED_BACK)
    assert set_actions(notes) == ["bring blue v1", "switch blue v1", "retire blue v1"]
    messages = await engine.messages(story.deployment.id, "web/deploy")
    assert "WARN: no version ran before, so there is no other set to go back to." in messages


async def test_a_failed_retirement_is_logged_without_rollback(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes, '[ "$BOREAS_PHASE $BOREAS_INSTANCE" = "retire a" ]')
    await site.deployed("v1", strategy=blue_green())
    story = await site.deployed("v2", strategy=blue_green())
    messages = await engine.messages(story.deployment.id, "web/deploy")
    assert "WARN: a of the old set could not be retired: exit status 1" in messages
    assert (await color(site), await site.releases()) == ("green", {"web": "v2"})


async def test_rolling_updates_the_serving_set(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=rolling())
    await site.deployed("v2", strategy=blue_green())
    await site.deployed("v3", strategy=rolling())
    assert set_actions(notes) == [
        *("bring  v1", "bring blue v2", "switch blue v2", "retire  v2"),
        "bring blue v3",
    ]
    assert await color(site) == "blue"


async def test_another_worker_can_resume_between_any_two_calls(engine: Engine, site: Site, notes: Notes) -> None:
    first_worker = await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    id_ = await site.deploy("v2", strategy=blue_green(1, 1))
    await engine.until_task(id_, "web/deploy", watched)
    await first_worker.shut_down()
    second_worker = await engine.worker()
    await engine.until_task(id_, "web/deploy", lambda task: watched(task) and task.rollout and task.rollout.switched)
    await second_worker.shut_down()
    await engine.worker()
    await engine.until(id_, D.SUCCESS)
    assert set_actions(notes, start) == ["bring green v2", "switch green v2", "retire blue v2"]


@pytest.mark.parametrize(
    ("interrupted_phase", "expected_lines"),
    [
        ("bring", ["bring 1", "bring 2", "switch 2", "retire 2"]),
        ("switch", ["bring 1", "switch 1", "switch 2", "retire 2"]),
        ("retire", ["bring 1", "switch 1", "retire 1", "retire 2"]),
    ],
)
async def test_only_the_interrupted_call_is_repeated(
    engine: Engine, site: Site, notes: Notes, gate: Gate, interrupted_phase: str, expected_lines: list[str]
) -> None:
    first_worker = await engine.worker()
    script = f'[ "$BOREAS_PHASE $BOREAS_ATTEMPT $BOREAS_VERSION" != "{interrupted_phase} 1 v2" ] || exec "$@"'
    await site.application("web", ShellTarget(notes.then("$BOREAS_PHASE $BOREAS_ATTEMPT", script, *gate.wait)))
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    id_ = await site.deploy("v2", strategy=blue_green())
    await engine.until_task(id_, "web/deploy", lambda _: f"{interrupted_phase} 1" in notes.lines[start:])
    await first_worker.shut_down()
    await engine.worker()
    await engine.until(id_, D.SUCCESS)
    assert (notes.lines[start:], await color(site)) == (expected_lines, "green")


async def test_the_serving_set_is_stored_after_a_cancellation_that_follows_the_switch(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    id_ = await site.deploy("v2", strategy=blue_green(AN_HOUR))
    await engine.until_task(id_, "web/deploy", watched)
    await engine.cancel(id_)
    start = len(notes.lines)
    await site.deployed("v3", strategy=blue_green())
    assert set_actions(notes, start) == ["bring blue v3", "switch blue v3", "retire green v3"]


async def test_a_promotion_retires_the_old_set(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await web(site, notes)
    await site.deployed("v1", strategy=blue_green())
    id_ = await site.deploy("v2", strategy=blue_green(AN_HOUR, AN_HOUR))
    task = await engine.until_task(id_, "web/deploy", watched)
    await engine.call(tasks.promote, Promotion(task.id))
    await engine.until_task(
        id_, "web/deploy", lambda task_: watched(task_) and task_.rollout and task_.rollout.switched
    )
    await engine.call(tasks.promote, Promotion(task.id))
    await engine.until(id_, D.SUCCESS)
    assert set_actions(notes)[-1] == "retire blue v2"


async def test_each_step_is_an_event_and_the_weight_changes_once(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(("true",), ("a", "b")))
    story = await site.deployed(strategy=blue_green(1))
    steps = [
        event.body.progress
        for event in await engine.events(story.deployment.id)
        if isinstance(event.body, RolloutProgressed)
    ]
    assert [(progress.phase.value, progress.weight) for progress in steps] == [
        ("UPDATING", 0.0),
        ("CHECKING", 0.0),
        ("SWITCHING", 0.0),
        ("CHECKING", 1.0),
        ("WATCHING", 1.0),
        ("VERIFYING", 1.0),
        ("RETIRING", 1.0),
        ("IDLE", 1.0),
    ]
    assert all(progress.resume_at for progress in steps if progress.phase is Phase.WATCHING)


async def test_the_preview_runs_before_the_switch_is_approved(engine: Engine, site: Site, notes: Notes) -> None:
    await web(site, notes)
    ann = await person(engine, "Ann")
    await engine.worker()
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    strategy = replace(blue_green(), steps=(StrategyStep(require_approval=True),))
    id_ = await site.deploy("v2", strategy=strategy)
    (approval,) = await until_requested(engine, id_)
    assert (approval.rollout_step, set_actions(notes, start)) == (0, ["bring green v2"])
    assert await decide(ann, approval) == []
    await engine.until(id_, D.SUCCESS)
    assert set_actions(notes, start) == ["bring green v2", "switch green v2", "retire blue v2"]


async def test_a_rejected_preview_is_ended_without_a_switch(engine: Engine, site: Site, notes: Notes) -> None:
    await web(site, notes)
    ann = await person(engine, "Ann")
    await engine.worker()
    await site.deployed("v1", strategy=blue_green())
    start = len(notes.lines)
    strategy = replace(blue_green(), steps=(StrategyStep(), StrategyStep(require_approval=True)))
    id_ = await site.deploy("v2", strategy=strategy)
    (approval,) = await until_requested(engine, id_)
    assert (approval.rollout_step, await decide(ann, approval, reject=True, comment="ugly")) == (1, [])
    await engine.until(id_, D.ROLLED_BACK)
    assert set_actions(notes, start) == ["bring green v2", "retire green v1"]
    assert (await color(site), await site.releases()) == ("blue", {"web": "v1"})
