"""The rolling strategy.

In: a strategy, the instances, the stored progress and the observations since. Out: the next decision, and the progress
to store before it.
Tested: worked examples, decision by decision; and that every rollout ends for any observations in any order, with
crashes between decisions. Batches keep their size, and instances are updated before they are checked. Both also for a
promoted rollout: the rest comes at once, and is not watched.
"""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.rollout import approve, promote
from app.core.strategy.model import (
    Check,
    Decision,
    Done,
    Fail,
    Observed,
    Phase,
    Progress,
    Strategy,
    StrategyStep,
    Update,
)
from app.core.strategy.rolling import decide, sizes
from tests.core.support.build import NOW, at, outline, property_of, saw

ALL = Strategy()
TWO = Strategy(steps=(StrategyStep(batch_size=2),))
WATCHED = Strategy(steps=(StrategyStep(batch_size=2, batch_interval=10),))
RISING = Strategy(steps=(StrategyStep(batch_size=1, batch_interval=10), StrategyStep(batch_size=2)))
ASKING = Strategy(steps=(StrategyStep(batch_size=2), StrategyStep(require_approval=True)))
NOTHING = Observed()
MOST_DECISIONS = 300


def stored(phase: Phase, current: str, healthy: str = "", seconds: float | None = None, batch: int = 1) -> Progress:
    until = None if seconds is None else at(seconds)
    return Progress(phase, 0, batch, 2, 3, tuple(healthy), tuple(current), until)


@pytest.mark.parametrize(
    ("steps", "total", "expected"),
    [
        ((0,), 0, ()),
        ((0,), 5, (5,)),
        ((2,), 0, ()),
        ((2,), 5, (2, 2, 1)),
        ((2,), 4, (2, 2)),
        ((9,), 4, (4,)),
        ((1, 3), 8, (1, 3, 3, 1)),
        ((1, 0), 8, (1, 7)),
        ((1, 2, 4), 2, (1, 1)),
        ((0, 1), 3, (3,)),
    ],
)
def test_sizes_of_batches(steps: tuple[int, ...], total: int, expected: tuple[int, ...]) -> None:
    assert sizes(Strategy(steps=tuple(StrategyStep(size) for size in steps)), total) == expected


UP, CHECKING, WATCHING, VERIFYING = Phase.UPDATING, Phase.CHECKING, Phase.WATCHING, Phase.VERIFYING


@pytest.mark.parametrize(
    ("strategy", "progress", "observed", "expected"),
    [
        (ALL, Progress(), NOTHING, "Update abc"),
        (TWO, Progress(), NOTHING, "Update ab"),
        (ASKING, Progress(), NOTHING, "Update ab"),
        (ASKING, stored(CHECKING, "ab"), saw(healthy="ab"), "Ask 1"),
        (ASKING, approve(Progress(batch=1, healthy=("a", "b"), asked=1)), NOTHING, "Update c"),
        (TWO, Progress(), saw(updated="ab", healthy="ab"), "Update ab"),
        (TWO, Progress(), saw(failed={"a": "broken"}), "Update ab"),
        (TWO, stored(UP, "ab"), NOTHING, "Update ab"),
        (TWO, stored(UP, "ab"), saw(healthy="ab"), "Update ab"),
        (TWO, stored(UP, "ab"), saw(updated="b"), "Update a"),
        (TWO, stored(UP, "ab"), saw(updated="ab"), "Check ab"),
        (TWO, stored(UP, "ab"), saw(updated="abc", healthy="a"), "Check b"),
        (TWO, stored(UP, "ab"), saw(updated="ab", healthy="ab"), "Update c"),
        (TWO, stored(CHECKING, "ab"), NOTHING, "Check ab"),
        (TWO, stored(CHECKING, "ab"), saw(updated="ab"), "Check ab"),
        (TWO, stored(CHECKING, "ab"), saw(healthy="a"), "Check b"),
        (TWO, stored(CHECKING, "ab"), saw(healthy="ab"), "Update c"),
        (TWO, stored(CHECKING, "c", "ab", batch=2), saw(healthy="c"), "Done"),
        (WATCHED, stored(CHECKING, "ab"), saw(healthy="ab"), "Wait 10"),
        (WATCHED, stored(WATCHING, "ab", seconds=5), NOTHING, "Wait 5"),
        (WATCHED, stored(WATCHING, "ab", seconds=5), saw(healthy="ab"), "Wait 5"),
        (WATCHED, stored(WATCHING, "ab", seconds=0), saw(healthy="ab"), "Check ab"),
        (WATCHED, stored(WATCHING, "ab", seconds=-5), NOTHING, "Check ab"),
        (WATCHED, stored(VERIFYING, "ab"), NOTHING, "Check ab"),
        (WATCHED, stored(VERIFYING, "ab"), saw(healthy="b"), "Check a"),
        (WATCHED, stored(VERIFYING, "ab"), saw(healthy="ab"), "Update c"),
        (WATCHED, stored(VERIFYING, "c", "ab", batch=2), saw(healthy="c"), "Done"),
        *(
            (TWO, stored(phase, "ab"), saw(failed={"b": "no"}), "Fail b: no")
            for phase in (UP, CHECKING, WATCHING, VERIFYING)
        ),
        (TWO, stored(UP, "ab"), saw("ab", "ab", failed={"b": "no", "a": "not"}), "Fail a: not; b: no"),
        (TWO, stored(UP, "ab"), saw("ab", failed={"c": "elsewhere"}), "Check ab"),
    ],
)
def test_one_decision(strategy: Strategy, progress: Progress, observed: Observed, expected: str) -> None:
    assert outline(decide(strategy, "abc", progress, observed, NOW)) == expected


def promoted(phase: Phase, current: str, healthy: str = "", seconds: float | None = None) -> Progress:
    return replace(stored(phase, current, healthy, seconds), promoted=True)


@pytest.mark.parametrize(
    ("strategy", "progress", "observed", "expected", "batch", "batches"),
    [
        (WATCHED, promoted(WATCHING, "ab", seconds=0), NOTHING, "Check ab", 1, 2),
        (WATCHED, promoted(VERIFYING, "ab"), NOTHING, "Check ab", 1, 2),
        (WATCHED, promoted(VERIFYING, "ab"), saw(healthy="ab"), "Update c", 2, 2),
        (RISING, promoted(VERIFYING, "a"), saw(healthy="a"), "Update bc", 2, 2),
        (WATCHED, promoted(CHECKING, "ab"), saw(healthy="ab"), "Update c", 2, 2),
        (WATCHED, promoted(CHECKING, "c", "ab"), saw(healthy="c"), "Done", 1, 1),
        (WATCHED, promoted(VERIFYING, "abc"), saw(healthy="abc"), "Done", 1, 1),
        (WATCHED, promoted(UP, "bc", "a"), saw(updated="b"), "Update c", 1, 2),
        (WATCHED, promoted(VERIFYING, "ab"), saw(failed={"b": "no"}), "Fail b: no", 1, 2),
    ],
)
def test_one_decision_of_a_rollout_that_is_promoted(
    strategy: Strategy, progress: Progress, observed: Observed, expected: str, batch: int, batches: int
) -> None:
    decision = decide(strategy, "abc", progress, observed, NOW)
    assert (outline(decision), decision.progress.batch, decision.progress.batches) == (expected, batch, batches)


def test_the_rest_of_a_promoted_rollout_comes_at_once_without_watching() -> None:
    one_by_one = Strategy(steps=(StrategyStep(batch_size=1, batch_interval=10),))
    decision = decide(one_by_one, "abcdefgh", stored(CHECKING, "a"), saw(healthy="a"), NOW)
    progress, trail = promote(decision.progress, at(3), full=True), []
    for observed in (NOTHING, saw(healthy="a"), saw("bcdefgh"), saw(healthy="bcdefgh")):
        decision = decide(one_by_one, "abcdefgh", progress, observed, at(3))
        progress = decision.progress
        trail.append((outline(decision), progress.batch, progress.batches, f"{progress.weight:.2f}"))
    assert trail == [
        ("Check a", 1, 2, "0.33"),
        ("Update bcdefgh", 2, 2, "0.12"),
        ("Check bcdefgh", 2, 2, "1.00"),
        ("Done", 2, 2, "1.00"),
    ]


def test_a_rollout_without_instances_is_done_at_once() -> None:
    assert decide(TWO, (), Progress(), NOTHING, NOW) == Done(Progress())


def test_a_whole_rollout_step_by_step() -> None:
    progress, trail = Progress(), []
    observed = [NOTHING, saw("a"), saw("", "a"), NOTHING, NOTHING, saw("", "a"), saw("bc"), saw("", "bc")]
    for seconds, observation in zip((0, 0, 0, 9, 10, 10, 10, 10), observed, strict=True):
        decision = decide(RISING, "abc", progress, observation, at(seconds))
        progress = decision.progress
        trail.append((outline(decision), progress.batch, progress.step_index, f"{progress.weight:.2f}"))
    assert (progress.batches, progress.total) == (2, 3)
    assert trail == [
        ("Update a", 1, 0, "0.00"),
        ("Check a", 1, 0, "0.33"),
        ("Wait 10", 1, 0, "0.33"),
        ("Wait 10", 1, 0, "0.33"),
        ("Check a", 1, 0, "0.33"),
        ("Update bc", 2, 1, "0.33"),
        ("Check bc", 2, 1, "1.00"),
        ("Done", 2, 1, "1.00"),
    ]


@pytest.mark.parametrize(
    ("progress", "updated", "touched", "weight"),
    [
        (Progress(), "", "", 0.0),
        (stored(Phase.IDLE, "", "ab"), "ab", "ab", 2 / 3),
        (stored(UP, "c", "ab"), "ab", "abc", 2 / 3),
        (stored(CHECKING, "c", "ab"), "abc", "abc", 1.0),
        (stored(WATCHING, "b", "a"), "ab", "ab", 2 / 3),
        (stored(VERIFYING, "b", ""), "b", "b", 1 / 3),
    ],
)
def test_the_properties_of_progress(progress: Progress, updated: str, touched: str, weight: float) -> None:
    assert ("".join(progress.updated), "".join(progress.touched)) == (updated, touched)
    assert progress.weight == weight


STEPS = st.builds(StrategyStep, batch_size=st.integers(0, 4), batch_interval=st.sampled_from([0, 0, 5]))
STRATEGIES = st.builds(Strategy, steps=st.lists(STEPS, min_size=1, max_size=3).map(tuple))
TURNS = ["part", "crash", "time", "well", "well", "fail", "promote", "promote fully"]
INSTANCES = st.text("abcdefgh", max_size=8).map(lambda names: tuple(dict.fromkeys(names)))


@dataclass
class World:
    """The real state of the instances, beside the stored progress."""

    strategy: Strategy
    instances: tuple[str, ...]
    progress: Progress = field(default_factory=Progress)
    observed: Observed = NOTHING
    now: float = 0
    updated: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)
    promoted_at: int = MOST_DECISIONS

    def decide(self) -> Decision:
        """Take a decision and store it; observations count for the phase of the batch they were made in."""
        position = (self.progress.batch, self.progress.phase)
        decision = decide(self.strategy, self.instances, self.progress, self.observed, at(self.now))
        self.progress = decision.progress
        if position != (self.progress.batch, self.progress.phase):
            self.observed = NOTHING
        self.check_batch()
        if isinstance(decision, Check):
            assert set(decision.instances) <= self.updated
        if isinstance(decision, Update | Check):
            assert set(decision.instances) <= set(self.progress.current)
        return decision

    def check_batch(self) -> None:
        progress = self.progress
        step = self.strategy.steps[progress.step_index]
        assert len(progress.current) <= (step.batch_size or len(self.instances)) or progress.promoted
        assert progress.batch <= progress.batches
        assert progress.batch <= self.promoted_at + 1
        assert progress.phase is not Phase.WATCHING or progress.batch <= self.promoted_at
        assert (progress.resume_at is not None) is (progress.phase is Phase.WATCHING)
        assert progress.healthy + progress.current == self.instances[: len(progress.touched)]
        assert set(progress.healthy) <= self.updated & self.checked
        assert set(progress.updated) <= self.updated

    def promote(self, *, full: bool) -> None:
        """Promote the rollout, as a person may while a batch is watched."""
        if self.progress.phase is Phase.WATCHING:
            self.progress = promote(self.progress, at(self.now), full=full)
            self.promoted_at = self.progress.batch if full else self.promoted_at

    def act(self, decision: Decision, names: tuple[str, ...], failed: dict[str, str]) -> None:
        """Carry a decision out for its instances in `names`, and observe the result."""
        match decision:
            case Update(_, wanted):
                done = frozenset(wanted).intersection(names) - failed.keys()
                self.updated |= done
                self.checked -= done
                self.observed = replace(self.observed, updated=self.observed.updated | done, failed=failed)
            case Check(progress, wanted):
                done = frozenset(wanted).intersection(names) - failed.keys()
                self.checked |= done
                self.watched |= done if progress.phase is Phase.VERIFYING else set()
                self.observed = replace(self.observed, healthy=self.observed.healthy | done, failed=failed)
            case _:
                pass


@property_of
@given(STRATEGIES, INSTANCES, st.data())
def test_every_rollout_ends_for_any_observations(
    strategy: Strategy, instances: tuple[str, ...], data: st.DataObject
) -> None:
    world = World(strategy, instances)
    trouble = data.draw(st.lists(st.sampled_from(TURNS), max_size=25))
    for turn in [*trouble, *["well"] * MOST_DECISIONS]:
        decision = world.decide()
        if isinstance(decision, Done | Fail):
            break
        names = data.draw(st.sets(st.sampled_from(instances))) if turn == "part" else set(instances)
        broken = {world.progress.current[0]: "broken"} if turn == "fail" else {}
        world.act(decision, tuple(names), broken)
        if turn in ("promote", "promote fully"):
            world.promote(full=turn == "promote fully")
        world.now += {"time": 3, "well": 10}.get(turn, 0)
        world.observed = NOTHING if turn == "crash" else world.observed
    if isinstance(decision, Done):
        assert world.updated == world.checked == set(decision.progress.healthy) == set(instances)
        unwatched = decision.progress.promoted or any(not step.batch_interval for step in strategy.steps)
        assert world.watched >= set(instances) or unwatched
    else:
        assert isinstance(decision, Fail) and "broken" in decision.reason


@property_of
@given(STRATEGIES, INSTANCES, st.integers(0, 30))
def test_a_crash_between_decisions_leaves_no_work_out(
    strategy: Strategy, instances: tuple[str, ...], turns: int
) -> None:
    world = World(strategy, instances)
    decision = world.decide()
    for _ in range(turns):
        world.act(decision, instances, {})
        world.now += 10
        decision = world.decide()
    repeated = decide(strategy, instances, decision.progress, NOTHING, at(world.now))
    assert repeated.progress == decision.progress
    assert type(repeated) is type(decision)
    if isinstance(repeated, Update | Check):
        assert repeated.instances == decision.progress.current


@property_of
@given(STRATEGIES, st.integers(0, 50))
def test_sizes_sum_to_all_instances_and_keep_their_bounds(strategy: Strategy, total: int) -> None:
    batch_sizes = sizes(strategy, total)
    bounds = [step.batch_size or total for step in strategy.steps]
    assert sum(batch_sizes) == total
    assert all(0 < size <= bounds[min(i, len(bounds) - 1)] for i, size in enumerate(batch_sizes))
