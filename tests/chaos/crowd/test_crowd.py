"""A small run of `python -m tests.chaos.crowd`: restarts neither lose nor double an item."""

import os
import random

import pytest

from tests.chaos.crowd.run import Options, run


@pytest.mark.timeout(150)
def test_every_subscriber_gets_every_item_once_and_in_order() -> None:
    seed = int(os.environ.get("BOREAS_CROWD_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"BOREAS_CROWD_SEED={seed}")
    report = run(
        Options(subscribers=36, seconds=6, deployments=2, apis=2, seed=seed, restart=1.2, drop=0.5, share=0.2, drain=60)
    )
    print(report.text())
    assert report.violations == []
    assert report.items > 0 and report.connections > 2 * report.members and len(report.restarts) == 3
