"""A small run of `python -m tests.chaos.faults`: kills neither lose nor double any work."""

import os
import random

import pytest

from tests.chaos.faults.driver import Options, run


@pytest.mark.timeout(240)
def test_faults_neither_lose_nor_double_any_work() -> None:
    seed = int(os.environ.get("BOREAS_FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"BOREAS_FAULT_SEED={seed}")
    report = run(
        Options(seconds=20, deployments=18, tasks=8, every=1.3, seed=seed, drain=110, environments=4, applications=10)
    )
    print(report.text())
    assert sum(report.faults.values()) >= 8
    assert [str(violation) for violation in report.violations] == []
