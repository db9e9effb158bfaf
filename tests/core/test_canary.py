"""The canary strategy.

In: steps with rising ratios, the instances, the stored progress and the observations. Out: the next decision, with the
progress to store.
Tested: the number of instances of each ratio, single decisions as a table, and whole rollouts with and without split
traffic. Any observations in any order end, with a weight that only rises.
"""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import rollout
from app.core.strategy.canary import decide, sizes, target
from app.core.strategy.model import (
    Ask,
    Check,
    Decision,
    Done,
    Fail,
    Observed,
    Phase,
    Progress,
    Strategy,
    StrategyKind,
    StrategyStep,
    Update,
    Wait,
)
from tests.core.support.build import NOW, at, outline, property_of, saw

NOTHING = Observed()
MOST_DECISIONS = 400


def canary(*ratios: float, size: int = 0, interval: int = 0, asking: int | None = None) -> Strategy:
    steps = [StrategyStep(size, interval, True, index == asking, ratio) for index, ratio in enumerate(ratios)]
    return Strategy(StrategyKind.CANARY, tuple(steps))


@pytest.mark.parametrize(
    ("ratio", "total", "alone", "split"),
    [
        (0.1, 10, 1, 1),
        (0.1, 11, 2, 2),
        (0.01, 3, 1, 1),
        (0.07, 100, 7, 7),
        (0.5, 3, 2, 2),
        (0.99, 3, 2, 3),
        (0.999, 2, 1, 2),
        (0.1, 1, 0, 1),
        (1.0, 1, 1, 1),
        (1.0, 7, 7, 7),
        (0.5, 0, 0, 0),
        (1.0, 0, 0, 0),
    ],
)
def test_how_many_instances_a_ratio_means(ratio: float, total: int, alone: int, split: int) -> None:
    assert (target(ratio, total), target(ratio, total, split=True)) == (alone, split)


@pytest.mark.parametrize(
    ("strategy", "total", "expected"),
    [
        (canary(1), 3, ((0, 3),)),
        (canary(0.1, 0.5, 1), 10, ((0, 1), (1, 4), (2, 5))),
        (canary(0.1, 0.5, 1), 2, ((0, 1), (1, 0), (2, 1))),
        (canary(0.1, 1), 1, ((0, 0), (1, 1))),
        (canary(0.5, 1, size=2), 10, ((0, 2), (0, 2), (0, 1), (1, 2), (1, 2), (1, 1))),
        (canary(0.5, 0.6), 10, ((0, 5), (1, 5))),
    ],
)
def test_the_batches_of_the_steps(strategy: Strategy, total: int, expected: tuple[tuple[int, int], ...]) -> None:
    assert sizes(strategy, total) == expected


def stored(phase: Phase, current: str, healthy: str = "", seconds: float | None = None, step: int = 0) -> Progress:
    until = None if seconds is None else at(seconds)
    return Progress(phase, step, step + 1, 3, 4, tuple(healthy), tuple(current), until)


UP, CHECKING, WATCHING, VERIFYING = Phase.UPDATING, Phase.CHECKING, Phase.WATCHING, Phase.VERIFYING
THREE = canary(0.25, 0.5, 1)
WATCHED = canary(0.25, 1, interval=10)
ASKING = canary(0.25, 1, asking=1)


@pytest.mark.parametrize(
    ("strategy", "progress", "observed", "expected"),
    [
        (THREE, Progress(), NOTHING, "Update a"),
        (THREE, stored(UP, "a"), NOTHING, "Update a"),
        (THREE, stored(UP, "a"), saw("a"), "Check a"),
        (THREE, stored(CHECKING, "a"), saw("", "a"), "Update b"),
        (THREE, stored(CHECKING, "b", "a", step=1), NOTHING, "Check ab"),
        (THREE, stored(CHECKING, "b", "a", step=1), saw("", "b"), "Check a"),
        (THREE, stored(CHECKING, "b", "a", step=1), saw("", "ab"), "Update cd"),
        (THREE, stored(CHECKING, "cd", "ab", step=2), saw("", "abcd"), "Done"),
        (THREE, stored(CHECKING, "b", "a", step=1), saw("", "b", failed={"a": "ill"}), "Fail a: ill"),
        (THREE, stored(CHECKING, "b", "a", step=1), saw("", "b", failed={"c": "elsewhere"}), "Check a"),
        (THREE, stored(UP, "b", "a", step=1), Observed(fault="too slow"), "Fail too slow"),
        (WATCHED, stored(CHECKING, "a"), saw("", "a"), "Wait 10"),
        (WATCHED, stored(WATCHING, "a", seconds=5), saw("", "a"), "Wait 5"),
        (WATCHED, stored(WATCHING, "a", seconds=0), saw("", "a"), "Check a"),
        (WATCHED, stored(VERIFYING, "a"), saw("", "a"), "Update bcd"),
        (WATCHED, stored(VERIFYING, "bcd", "a", step=1), saw("", "abcd"), "Done"),
        (ASKING, stored(CHECKING, "a"), saw("", "a"), "Ask 1"),
        (ASKING, rollout.approve(replace(stored(Phase.IDLE, "", "a"), asked=1)), NOTHING, "Update bcd"),
        (canary(0.25, 1, asking=0), Progress(), NOTHING, "Ask 0"),
        (WATCHED, replace(stored(VERIFYING, "a"), promoted=True), saw("", "a"), "Update bcd"),
        (THREE, replace(stored(VERIFYING, "a"), promoted=True), saw("", "a"), "Update bcd"),
        (canary(0.25, 0.5, 1, asking=1), replace(stored(VERIFYING, "a"), promoted=True), saw("", "a"), "Ask 2"),
        (
            canary(0.25, 1, asking=0),
            replace(stored(VERIFYING, "a"), promoted=True, approved=0),
            saw("", "a"),
            "Update bcd",
        ),
    ],
)
def test_one_decision(strategy: Strategy, progress: Progress, observed: Observed, expected: str) -> None:
    assert outline(decide(strategy, "abcd", progress, observed, NOW)) == expected


def trail(strategy: Strategy, instances: str, progress: Progress) -> list[tuple[str, int, str]]:
    """Return the decisions of a rollout in which everything goes well, with step and weight."""
    observed, outlines, now = NOTHING, [], 0.0
    for _ in range(50):
        decision = decide(strategy, instances, progress, observed, at(now))
        progress = decision.progress
        outlines.append((outline(decision), progress.step_index, f"{progress.weight:.2f}"))
        match decision:
            case Update(_, names):
                observed = replace(NOTHING, updated=frozenset(names))
            case Check(_, names):
                observed = replace(NOTHING, healthy=frozenset(names))
            case Wait(_, until):
                now = (until - NOW).total_seconds()
            case _:
                break
    return outlines


def test_a_whole_rollout_by_instances() -> None:
    assert trail(canary(0.1, 0.5, 1, interval=5), "abcde", Progress()) == [
        ("Update a", 0, "0.00"),
        ("Check a", 0, "0.20"),
        ("Wait 5", 0, "0.20"),
        ("Check a", 0, "0.20"),
        ("Update bc", 1, "0.20"),
        ("Check abc", 1, "0.60"),
        ("Wait 10", 1, "0.60"),
        ("Check abc", 1, "0.60"),
        ("Update de", 2, "0.60"),
        ("Check abcde", 2, "1.00"),
        ("Wait 15", 2, "1.00"),
        ("Check abcde", 2, "1.00"),
        ("Done", 2, "1.00"),
    ]


def test_a_whole_rollout_by_traffic_of_one_replica() -> None:
    assert trail(canary(0.05, 0.5, 1), "a", Progress(traffic=0.0)) == [
        ("Update a", 0, "0.00"),
        ("Check a", 0, "0.05"),
        ("Update", 1, "0.05"),
        ("Check a", 1, "0.50"),
        ("Update", 2, "0.50"),
        ("Check a", 2, "1.00"),
        ("Done", 2, "1.00"),
    ]


def test_a_single_instance_is_updated_in_the_last_step() -> None:
    story = trail(canary(0.05, 0.5, 1, interval=5), "a", Progress())
    assert [outlines for outlines, *_ in story] == [
        "Update",
        "Update",
        "Update a",
        "Check a",
        "Wait 5",
        "Check a",
        "Done",
    ]


RATIOS = st.lists(st.integers(1, 99), max_size=4, unique=True).map(lambda n: (*(x / 100 for x in sorted(n)), 1.0))
STRATEGIES = st.builds(
    lambda ratios, sizes, intervals, asks: Strategy(
        StrategyKind.CANARY,
        tuple(StrategyStep(sizes[i], intervals[i], True, asks[i], ratio) for i, ratio in enumerate(ratios)),
    ),
    RATIOS,
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
    st.lists(st.sampled_from([0, 0, 5]), min_size=5, max_size=5),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
INSTANCES = st.text("abcdefgh", max_size=8).map(lambda names: tuple(dict.fromkeys(names)))
TURNS = ["part", "crash", "lost", "time", "well", "well", "fail", "promote", "promote fully", "wait"]


@dataclass
class World:
    """The real state of the instances, beside the stored progress."""

    strategy: Strategy
    instances: tuple[str, ...]
    progress: Progress
    observed: Observed = NOTHING
    now: float = 0
    updated: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)
    weight: float = 0
    approved: set[int] = field(default_factory=set)
    promoted: bool = False

    @property
    def split(self) -> bool:
        return self.progress.traffic is not None

    def decide(self) -> Decision:
        position = (self.progress.batch, self.progress.phase)
        decision = decide(self.strategy, self.instances, self.progress, self.observed, at(self.now))
        self.progress = decision.progress
        if position != (self.progress.batch, self.progress.phase):
            self.observed = NOTHING
        self.check_bounds()
        return decision

    def check_bounds(self) -> None:
        progress, total = self.progress, len(self.instances)
        step = self.strategy.steps[progress.step_index]
        assert progress.healthy + progress.current == self.instances[: len(progress.touched)]
        assert len(progress.touched) <= target(step.canary_ratio, total, split=self.split)
        assert set(progress.updated) <= self.updated and set(progress.healthy) <= self.checked
        if progress.batch and not self.promoted:
            asks = {
                i
                for i, rollout_step in enumerate(self.strategy.steps[: progress.step_index + 1])
                if rollout_step.require_approval
            }
            assert asks <= self.approved
        if self.split:
            assert rollout.shape(self.strategy, progress, total).weight >= progress.weight
        assert progress.batch <= progress.batches

    def act(self, decision: Decision, names: set[str], failed: dict[str, str]) -> None:
        match decision:
            case Update(_, wanted):
                done = frozenset(wanted).intersection(names) - failed.keys()
                self.updated |= done
                self.checked -= done
                self.observed = replace(self.observed, updated=self.observed.updated | done, failed=failed)
            case Check(_, wanted):
                done = frozenset(wanted).intersection(names) - failed.keys()
                assert set(wanted) <= self.updated
                self.checked |= done
                self.observed = replace(self.observed, healthy=self.observed.healthy | done, failed=failed)
            case Ask(progress):
                assert progress.asked is not None
                self.approved |= set(range(progress.asked + 1))
                self.progress = rollout.approve(progress)
            case _:
                pass

    def trouble(self, turn: str) -> None:
        if turn == "crash":
            self.observed = NOTHING
        if turn == "lost":
            self.observed, self.progress = NOTHING, rollout.begin_attempt(self.progress)
        if turn.startswith("promote") and self.progress.phase is Phase.WATCHING:
            self.promoted |= turn == "promote fully"
            self.progress = rollout.promote(self.progress, at(self.now), full=turn == "promote fully")
        self.now += {"time": 3, "well": 10}.get(turn, 0)


@property_of
@given(STRATEGIES, INSTANCES, st.booleans(), st.data())
def test_every_rollout_ends_for_any_observations(
    strategy: Strategy, instances: tuple[str, ...], split: bool, data: st.DataObject
) -> None:
    world = World(strategy, instances, Progress(traffic=0.0 if split else None))
    weights = [0.0]
    for turn in [*data.draw(st.lists(st.sampled_from(TURNS), max_size=25)), *["well"] * MOST_DECISIONS]:
        decision = world.decide()
        weights.append(decision.progress.weight)
        if isinstance(decision, Done | Fail):
            break
        names = data.draw(st.sets(st.sampled_from(instances))) if turn == "part" and instances else set(instances)
        touched = world.progress.touched
        world.act(decision, names, {touched[-1]: "broken"} if turn == "fail" and touched else {})
        world.trouble(turn)
    if isinstance(decision, Done):
        assert world.updated == world.checked == set(decision.progress.healthy) == set(instances)
        assert decision.progress.weight == (1.0 if instances or split else 0.0)
    else:
        assert isinstance(decision, Fail) and "broken" in decision.reason
    assert weights == sorted(weights)


@property_of
@given(RATIOS, st.integers(2, 40))
def test_before_the_last_step_an_instance_keeps_the_previous_version(ratios: tuple[float, ...], total: int) -> None:
    counts = [target(ratio, total) for ratio in ratios]
    assert counts == sorted(counts)
    assert all(1 <= count < total for count in counts[:-1]) and counts[-1] == total
    assert sum(size for _, size in sizes(canary(*ratios), total)) == total
