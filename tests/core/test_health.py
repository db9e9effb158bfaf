"""Verdicts on the health of an instance.

In: the thresholds of a check, the consecutive probes so far, and one more. Out: the new count and a verdict.
Tested: a table of whole series of probes, and that a probe of the other kind restarts the count.
"""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.application import HealthCheck, MetricCheck
from app.core.health import (
    Finding,
    MetricStreak,
    Streak,
    Verdict,
    describe_values,
    fill_query,
    finding_of,
    judge,
    judge_metric,
    probe_url,
    redirect_to_service,
)
from tests.core.support.build import property_of

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
def test_only_probes_in_a_row_count(count: int, was_ok: bool, ok: bool) -> None:
    streak = Streak(successes=count) if was_ok else Streak(failures=count)
    streak_after, _ = judge(HealthCheck(), streak, ok)
    length = count + 1 if was_ok is ok else 1
    assert streak_after == (Streak(successes=length) if ok else Streak(failures=length))


FINDINGS = {"+": Finding.WITHIN, "-": Finding.OUTSIDE, "?": Finding.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("successes", "failures", "queries", "expected"),
    [
        (1, 3, "+", "H"),
        (2, 3, "++", "-H"),
        (2, 3, "+-++", "---H"),
        (1, 1, "-", "U"),
        (1, 3, "---", "--U"),
        (2, 3, "-+---", "----U"),
        (1, 3, "???", "--U"),
        (1, 3, "??+", "--H"),
        (1, 3, "-?-?-", "----U"),
        (2, 3, "+??+", "---H"),
        (2, 3, "+???", "---U"),
        (9, 2, "?+?+??", "-----U"),
        (1, 1, "?", "U"),
    ],
)
def test_a_series_of_queries(successes: int, failures: int, queries: str, expected: str) -> None:
    check = HealthCheck(success_threshold=successes, failure_threshold=failures)
    streak, result = MetricStreak(), ""
    for query in queries:
        streak, verdict = judge_metric(check, streak, FINDINGS[query])
        result += LETTERS[verdict]
    assert result == expected


def metric(low: float | None = None, high: float | None = None, query: str = "up") -> MetricCheck:
    return MetricCheck("errors", "http://prometheus", query, low, high)


@pytest.mark.parametrize(
    ("check", "values", "finding"),
    [
        (metric(high=1), (1.0,), Finding.WITHIN),
        (metric(high=1), (1.0001,), Finding.OUTSIDE),
        (metric(low=1), (1.0,), Finding.WITHIN),
        (metric(low=1), (0.5,), Finding.OUTSIDE),
        (metric(0, 1), (0.0, 0.5, 1.0), Finding.WITHIN),
        (metric(0, 1), (0.5, 7.0), Finding.OUTSIDE),
        (metric(high=1), (-inf,), Finding.WITHIN),
        (metric(low=1), (inf,), Finding.WITHIN),
        (metric(high=1), (), Finding.INCONCLUSIVE),
        (metric(high=1), (nan,), Finding.INCONCLUSIVE),
        (metric(high=1), (0.5, nan), Finding.INCONCLUSIVE),
    ],
)
def test_the_finding_of_values(check: MetricCheck, values: tuple[float, ...], finding: Finding) -> None:
    assert finding_of(check, values) is finding


@pytest.mark.parametrize(
    ("check", "values", "words"),
    [
        (metric(high=0.05), (0.1,), "0.1, at most 0.05"),
        (metric(low=2), (1.0, 9.0, 3.0), "1 to 9, at least 2"),
        (metric(0, 1), (0.5,), "0.5, at least 0 and at most 1"),
    ],
)
def test_values_and_bounds_in_words(check: MetricCheck, values: tuple[float, ...], words: str) -> None:
    assert describe_values(check, values) == words


@pytest.mark.parametrize(
    ("query", "version", "expected"),
    [
        ('up{version="{version}",set="{color}"}', "v1.2", 'up{version="v1.2",set="blue"}'),
        ('up{v="{version}"} or up{instance="x"}', 'a"b\\c', 'up{v="a\\"b\\\\c"} or up{instance="x"}'),
        ("up", "v1", "up"),
    ],
)
def test_a_query_names_the_version_and_the_set(query: str, version: str, expected: str) -> None:
    assert fill_query(metric(query=query), version=version, color="blue") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://web/health", "http://web-preview/health"),
        ("http://web:8080/", "http://web-preview:8080/"),
        (
            "https://u:p@web.shop.svc.cluster.local:8443/h?x=1",
            "https://u:p@web-preview.shop.svc.cluster.local:8443/h?x=1",
        ),
        ("http://web.shop.svc/", "http://web-preview.shop.svc/"),
        ("http://web.shop/", "http://web-preview.shop/"),
        ("http://web.example.org/", "http://web.example.org/"),
        ("http://web.other.svc/", "http://web.other.svc/"),
        ("http://website/", "http://website/"),
        ("http://shop.example.org/web", "http://shop.example.org/web"),
    ],
)
def test_the_cluster_name_of_a_service_becomes_that_of_the_set(url: str, expected: str) -> None:
    assert redirect_to_service(url, "web", "web-preview", "shop") == expected


def test_a_probe_url_has_its_placeholders_filled() -> None:
    url = "http://{service}.shop.svc/{instance}/{version}/{color}"
    filled_url = probe_url(url, instance="web 0", version="v 1/2", color="blue", service="web-canary")
    assert filled_url == "http://web-canary.shop.svc/web%200/v%201%2F2/blue"
