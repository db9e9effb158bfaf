"""A small run of `python -m tests.faults`: nothing is lost and nothing is doubled, whatever is killed."""

import os
import random

import pytest

from tests.faults.driver import Options, run


@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_while_everything_is_killed() -> None:
    seed = int(os.environ.get("BOREAS_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"BOREAS_FAULT_SEED={seed}")
    report = run(
        Options(seconds=40, deployments=24, tasks=12, every=2, seed=seed, drain=110, environments=4, applications=8)
    )
    print(report.text())
    assert sum(report.faults.values()) >= 8
    assert [str(violation) for violation in report.violations] == []
