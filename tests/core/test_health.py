"""When an instance counts as healthy or as failed.

In: the thresholds of a check, the probes in a row so far, and one more. Out: the new count and a verdict.
Tested: a table of whole series of probes, and that one probe of the other kind begins the count anew.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.application import HealthCheck
from app.core.health import Streak, Verdict, judge
from tests.core.build import property_of

LETTERS = {Verdict.HEALTHY: "H", Verdict.UNHEALTHY: "U", Verdict.UNDECIDED: "-"}


def verdicts(successes: int, failures: int, probes: str) -> str:
    check = HealthCheck(success_threshold=successes, failure_threshold=failures)
    streak, result = Streak(), ""
    for probe in probes:
        streak, verdict = judge(check, streak, probe == "+")
        result += LETTERS[verdict]
    return result


@pytest.mark.parametrize(
    ("successes", "failures", "probes", "expected"),
    [
        (1, 3, "+", "H"),
        (1, 3, "....", "--UU"),
        (1, 3, "..+", "--H"),
        (1, 3, "..+...", "--H--U"),
        (1, 1, "+.+.", "HUHU"),
        (2, 3, "+++", "-HH"),
        (2, 2, "+.+.+.", "------"),
        (3, 2, "++..", "---U"),
        (3, 2, "++.+++", "-----H"),
    ],
)
def test_a_series_of_probes(successes: int, failures: int, probes: str, expected: str) -> None:
    assert verdicts(successes, failures, probes) == expected


@property_of
@given(st.integers(0, 9), st.booleans(), st.booleans())
def test_only_probes_in_a_row_count(count: int, before: bool, ok: bool) -> None:
    streak = Streak(successes=count) if before else Streak(failures=count)
    after, _ = judge(HealthCheck(), streak, ok)
    length = count + 1 if before is ok else 1
    assert after == (Streak(successes=length) if ok else Streak(failures=length))
