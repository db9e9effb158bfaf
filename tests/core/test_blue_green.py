"""The blue-green strategy, and its rollback.

In: steps, the instances of a set, the stored progress and the observations. Out: the next decision, with the progress
to store.
Tested: single decisions as a table, and whole rollouts step by step. Any observations in any order, with crashes, lost
workers and rollbacks in every phase, end with one whole, healthy set serving.
"""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import rollout
from app.core.strategy.blue_green import decide, other
from app.core.strategy.model import (
    Ask,
    Check,
    Decision,
    Done,
    Fail,
    Observed,
    Phase,
    Progress,
    Retire,
    Strategy,
    StrategyKind,
    StrategyStep,
    Switch,
    Update,
    Wait,
)
from app.core.strategy.rollback import RollbackStep, RollbackStepKind, next_rollback_step
from tests.core.support.build import NOW, at, outline, property_of, saw

NOTHING = Observed()
MOST_DECISIONS = 100


def blue_green(*intervals: int, asking: int | None = None) -> Strategy:
    steps = [StrategyStep(0, seconds, True, index == asking) for index, seconds in enumerate(intervals or (0,))]
    return Strategy(StrategyKind.BLUE_GREEN, tuple(steps))


@pytest.mark.parametrize(("serving", "idle"), [(None, "blue"), ("blue", "green"), ("green", "blue"), ("", "blue")])
def test_the_set_that_does_not_serve(serving: str | None, idle: str) -> None:
    assert other(serving) == idle


def stored(phase: Phase, batch: int, seconds: float | None = None, **more: object) -> Progress:
    """Return the progress in a batch: the second set comes with the first one."""
    until = None if seconds is None else at(seconds)
    coming = batch == 1 and phase is not Phase.IDLE
    sets = {"healthy": (), "current": ("a", "b")} if coming else {"healthy": ("a", "b"), "current": ()}
    about = {"batch": batch, "batches": 2, "total": 2, "resume_at": until, "traffic": 0.0, **sets, **more}
    return Progress(phase, **about)  # type: ignore[arg-type]


def after_switch(phase: Phase, seconds: float | None = None, **more: object) -> Progress:
    return stored(phase, 2, seconds, **({"switched": True, "traffic": 1.0} | more))


IDLE, UP, CHECKING, WATCHING, VERIFYING = Phase.IDLE, Phase.UPDATING, Phase.CHECKING, Phase.WATCHING, Phase.VERIFYING
SWITCHING, RETIRING = Phase.SWITCHING, Phase.RETIRING
PLAIN, STAYS, PREVIEW = blue_green(), blue_green(10), blue_green(5, 10)


@pytest.mark.parametrize(
    ("strategy", "progress", "observed", "expected"),
    [
        (PLAIN, Progress(), NOTHING, "Update ab"),
        (PLAIN, stored(UP, 1), saw("a"), "Update b"),
        (PLAIN, stored(UP, 1), saw("ab"), "Check ab"),
        (PLAIN, stored(CHECKING, 1), saw("", "a"), "Check b"),
        (PLAIN, stored(CHECKING, 1), saw("", "ab"), "Switch"),
        (STAYS, stored(CHECKING, 1), saw("", "ab"), "Switch"),
        (PREVIEW, stored(CHECKING, 1), saw("", "ab"), "Wait 5"),
        (PREVIEW, stored(WATCHING, 1, 0), NOTHING, "Check ab"),
        (PREVIEW, stored(VERIFYING, 1), saw("", "ab"), "Switch"),
        (blue_green(0, asking=0), Progress(), NOTHING, "Update ab"),
        (blue_green(0, asking=0), stored(CHECKING, 1), saw("", "ab"), "Ask 0"),
        (blue_green(0, asking=0), stored(IDLE, 1, approved=0), NOTHING, "Switch"),
        (blue_green(0, 0, asking=0), Progress(), NOTHING, "Ask 0"),
        (blue_green(0, 0, asking=1), stored(CHECKING, 1), saw("", "ab"), "Ask 1"),
        (PLAIN, after_switch(SWITCHING, traffic=0.0), NOTHING, "Switch"),
        (PLAIN, after_switch(SWITCHING, traffic=0.0), saw(switched=True), "Check ab"),
        (PLAIN, after_switch(SWITCHING, traffic=0.0), saw(failed={"a": "no"}), "Fail a: no"),
        (PLAIN, after_switch(CHECKING), saw("", "ab"), "Retire"),
        (STAYS, after_switch(CHECKING), saw("", "ab"), "Wait 10"),
        (STAYS, after_switch(WATCHING, 4), saw("", "ab"), "Wait 4"),
        (STAYS, after_switch(WATCHING, 0), saw("", "ab"), "Check ab"),
        (STAYS, after_switch(VERIFYING), saw("", "a", failed={"b": "ill"}), "Fail b: ill"),
        (STAYS, after_switch(VERIFYING), saw("", "ab"), "Retire"),
        (STAYS, after_switch(CHECKING, promoted=True), saw("", "ab"), "Retire"),
        (PREVIEW, stored(VERIFYING, 1, promoted=True), saw("", "ab"), "Switch"),
        (blue_green(5, 5, 0, asking=2), stored(VERIFYING, 1, promoted=True), saw("", "ab"), "Ask 2"),
        (PLAIN, after_switch(RETIRING, retired=True), NOTHING, "Retire"),
        (PLAIN, after_switch(RETIRING, retired=True), saw(retired=True), "Done"),
        (PLAIN, after_switch(IDLE, retired=True), NOTHING, "Done"),
        (PLAIN, stored(CHECKING, 1), Observed(fault="no quota"), "Fail no quota"),
    ],
)
def test_one_decision(strategy: Strategy, progress: Progress, observed: Observed, expected: str) -> None:
    assert outline(decide(strategy, "ab", progress, observed, NOW)) == expected


def trail(strategy: Strategy, progress: Progress) -> list[tuple[str, int, str]]:
    """Return the decisions of a rollout in which everything goes well, with batch, batches and weight."""
    observed, outlines, now = NOTHING, [], 0.0
    for _ in range(50):
        decision = decide(strategy, "ab", progress, observed, at(now))
        progress = decision.progress
        outlines.append(
            (outline(decision), progress.step_index, f"{progress.batch}/{progress.batches} {progress.weight:g}")
        )
        match decision:
            case Update(_, names):
                observed = saw(updated="".join(names))
            case Check(_, names):
                observed = saw(healthy="".join(names))
            case Wait(_, until):
                now = (until - NOW).total_seconds()
            case Ask():
                progress = rollout.approve(progress)
            case Done():
                break
            case _:
                observed = saw(switched=True, retired=isinstance(decision, Retire))
    return outlines


def test_a_whole_rollout_of_one_step() -> None:
    assert trail(blue_green(10, asking=0), Progress()) == [
        ("Update ab", 0, "1/2 0"),
        ("Check ab", 0, "1/2 0"),
        ("Ask 0", 0, "1/2 0"),
        ("Switch", 0, "2/2 0"),
        ("Check ab", 0, "2/2 1"),
        ("Wait 10", 0, "2/2 1"),
        ("Check ab", 0, "2/2 1"),
        ("Retire", 0, "2/2 1"),
        ("Done", 0, "2/2 1"),
    ]


def test_a_whole_rollout_with_previews() -> None:
    assert trail(blue_green(5, 5, 0), Progress()) == [
        ("Update ab", 0, "1/3 0"),
        ("Check ab", 0, "1/3 0"),
        ("Wait 5", 0, "1/3 0"),
        ("Check ab", 0, "1/3 0"),
        ("Update", 1, "2/3 0"),
        ("Check ab", 1, "2/3 0"),
        ("Wait 10", 1, "2/3 0"),
        ("Check ab", 1, "2/3 0"),
        ("Switch", 2, "3/3 0"),
        ("Check ab", 2, "3/3 1"),
        ("Retire", 2, "3/3 1"),
        ("Done", 2, "3/3 1"),
    ]


@pytest.mark.parametrize(
    ("progress", "kinds"),
    [
        (Progress(), []),
        (stored(UP, 1), ["RETIRE"]),
        (stored(WATCHING, 1), ["RETIRE"]),
        (after_switch(SWITCHING, traffic=0.0), ["SWITCH", "RETIRE"]),
        (after_switch(WATCHING), ["SWITCH", "RETIRE"]),
        (after_switch(RETIRING, retired=True), ["REVIVE", "SWITCH", "RETIRE"]),
        (after_switch(IDLE, retired=True), ["REVIVE", "SWITCH", "RETIRE"]),
    ],
)
def test_a_rollback_step_by_step(progress: Progress, kinds: list[str]) -> None:
    outlines = []
    while (step := next_rollback_step(PLAIN, progress)) is not None:
        outlines.append(step.kind.value)
        assert next_rollback_step(PLAIN, step.progress) == step
        progress = step.after
    assert outlines == kinds
    assert (progress.touched, progress.weight, progress.updated) == ((), 0.0, ())


TURNS = ["part", "crash", "lost", "time", "well", "well", "fail", "promote", "promote fully"]
STEPS = st.lists(st.builds(StrategyStep, st.just(0), st.sampled_from([0, 5]), st.just(True), st.booleans()), min_size=1)
STRATEGIES = STEPS.map(lambda steps: Strategy(StrategyKind.BLUE_GREEN, tuple(steps[:4])))
INSTANCES = st.text("abcdef", min_size=1, max_size=6).map(lambda names: tuple(dict.fromkeys(names)))


@dataclass
class World:
    """Two real sets. `old` and `new` are the running instances, `serving` names the set with traffic."""

    strategy: Strategy
    instances: tuple[str, ...]
    progress: Progress = field(default_factory=Progress)
    observed: Observed = NOTHING
    now: float = 0
    old: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    serving: str = "old"

    def __post_init__(self) -> None:
        self.old = set(self.instances)

    def check(self) -> None:
        """Check that the serving set is complete: all its instances are running."""
        assert (self.old if self.serving == "old" else self.new) == set(self.instances)

    def decide(self) -> Decision:
        position = (self.progress.batch, self.progress.phase)
        decision = decide(self.strategy, self.instances, self.progress, self.observed, at(self.now))
        assert decision.progress.weight >= self.progress.weight
        self.progress = decision.progress
        if position != (self.progress.batch, self.progress.phase):
            self.observed = NOTHING
        return decision

    def act(self, decision: Decision, names: set[str], failed: dict[str, str]) -> None:
        done = frozenset(names - failed.keys())
        match decision:
            case Update(_, wanted):
                self.new |= done & set(wanted)
                self.observed = replace(
                    self.observed, updated=self.observed.updated | (done & set(wanted)), failed=failed
                )
            case Check(_, wanted):
                assert set(wanted) <= self.new
                self.observed = replace(
                    self.observed, healthy=self.observed.healthy | (done & set(wanted)), failed=failed
                )
            case Switch():
                if not failed and done == set(self.instances):
                    self.serving = "new"
                self.observed = replace(self.observed, switched=self.serving == "new", failed=failed)
            case Retire():
                assert self.serving == "new" and self.progress.retired
                self.old -= done
                self.observed = replace(self.observed, retired=not self.old)
            case Ask(progress):
                self.progress = rollout.approve(progress)
            case _:
                pass
        self.check()

    def trouble(self, turn: str) -> None:
        if turn == "crash":
            self.observed = NOTHING
        if turn == "lost":
            self.observed, self.progress = NOTHING, rollout.begin_attempt(self.progress)
        if turn.startswith("promote") and self.progress.phase is Phase.WATCHING:
            self.progress = rollout.promote(self.progress, at(self.now), full=turn == "promote fully")
        self.now += {"time": 3, "well": 10}.get(turn, 0)

    def go_back(self, step: RollbackStep, is_complete: bool) -> None:
        """Go one step back, or only a part of it if not `is_complete`."""
        names = set(step.instances) if is_complete else set(step.instances[:1])
        match step.kind:
            case RollbackStepKind.REVIVE:
                self.old |= names
            case RollbackStepKind.SWITCH:
                self.serving = "old" if is_complete else self.serving
            case _:
                assert self.serving == "old"
                self.new -= names
        self.check()
        self.progress = step.after if is_complete else step.progress


@property_of
@given(STRATEGIES, INSTANCES, st.data())
def test_every_rollout_ends_and_the_serving_set_is_always_complete(
    strategy: Strategy, instances: tuple[str, ...], data: st.DataObject
) -> None:
    world = World(strategy, instances)
    for turn in [*data.draw(st.lists(st.sampled_from(TURNS), max_size=25)), *["well"] * MOST_DECISIONS]:
        decision = world.decide()
        if isinstance(decision, Done | Fail):
            break
        names = data.draw(st.sets(st.sampled_from(instances))) if turn == "part" else set(instances)
        touched = world.progress.touched
        failing = turn == "fail" and touched and not isinstance(decision, Retire)
        world.act(decision, names, {touched[0]: "broken"} if failing else {})
        world.trouble(turn)
    if isinstance(decision, Done):
        assert (world.serving, world.new, world.old) == ("new", set(instances), set())
    else:
        assert isinstance(decision, Fail)


@property_of
@given(STRATEGIES, INSTANCES, st.integers(0, 12), st.lists(st.booleans(), max_size=8))
def test_every_state_can_be_rolled_back_with_interruptions(
    strategy: Strategy, instances: tuple[str, ...], turns: int, wholes: list[bool]
) -> None:
    world = World(strategy, instances)
    for _ in range(turns):
        decision = world.decide()
        world.act(decision, set(instances), {})
        world.now += 10
    for is_complete in [*wholes, *[True] * 4]:
        step = next_rollback_step(strategy, world.progress)
        if step is None:
            break
        world.go_back(step, is_complete)
    assert (world.serving, world.old) == ("old", set(instances))
    assert not world.new and not world.progress.touched


@property_of
@given(STRATEGIES, INSTANCES, st.integers(0, 12), st.integers(0, 3), st.booleans())
def test_a_rollout_can_go_on_after_an_interrupted_rollback(
    strategy: Strategy, instances: tuple[str, ...], turns: int, steps: int, ends_complete: bool
) -> None:
    world = World(strategy, instances)
    for _ in range(turns):
        world.act(world.decide(), set(instances), {})
        world.now += 10
    for is_complete in [*[True] * steps, ends_complete]:
        step = next_rollback_step(strategy, world.progress)
        if step is not None:
            world.go_back(step, is_complete)
    world.progress, world.observed = rollout.begin_attempt(world.progress), NOTHING
    for _ in range(MOST_DECISIONS):
        decision = world.decide()
        world.act(decision, set(instances), {})
        world.now += 10
    assert isinstance(decision, Done) and (world.serving, world.new) == ("new", set(instances))
