"""An event loop that is held up: a thread renews the leases of its worker for a limited time.

The loop is the test's own, and held up by sleeping in it. Guards are other processes, and kill when leases expire.
"""

import time

import pytest

from app.services.worker import lease_thread
from tests.services.support.commands import Notes, node, python, sh
from tests.services.support.engine import LEASE_SECONDS, D, Engine, S, Site


async def test_a_loop_blocked_for_longer_than_a_lease_keeps_its_leases(
    engine: Engine, site: Site, notes: Notes
) -> None:
    await engine.worker(sweeps=True)
    id_ = await site.deploy("v1", node("victim", command=notes.then("begun", f"sleep {3 * LEASE_SECONDS}")))
    await engine.until_task(id_, "victim", lambda _: notes.lines)
    for _ in range(2):
        time.sleep(1.5 * LEASE_SECONDS)  # noqa: ASYNC251 this is what the test is about
    story = await engine.until(id_, D.SUCCESS)
    assert (story.attempt_statuses("victim"), notes.lines) == ([S.SUCCESS], ["begun"])


async def test_a_loop_that_hangs_loses_its_leases(
    engine: Engine, site: Site, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_thread, "STALLED_SECONDS", 1.0)
    await engine.worker(sweeps=True)
    command = notes.then("begun", f"sleep {3 * LEASE_SECONDS}")
    id_ = await site.deploy("v1", node("task", command=command))
    await engine.until_task(id_, "task", lambda _: notes.lines)
    time.sleep(3 * LEASE_SECONDS + 1)  # noqa: ASYNC251 this is what the test is about
    story = await engine.until(id_, D.SUCCESS)
    assert (story.attempt_statuses("task"), len(notes.lines)) == ([S.CANCELLED, S.SUCCESS], 2)


LINES = "\n".join(f"{'a' * 150}{n:03}" for n in range(290))
FLOOD = """
import os, time
chunk = (('a' * 150 + '\\n') * 440)[:65536].encode()
until = time.monotonic() + float(os.environ['SECONDS'])
while time.monotonic() < until: os.write(1, chunk)
"""


async def test_masking_much_output_costs_no_other_lease(engine: Engine, site: Site) -> None:
    await engine.worker(sweeps=True)
    env = {"PASSWORD": LINES, "SECONDS": str(3 * LEASE_SECONDS)}
    attack = await site.deploy("v1", node("attack", command=python(FLOOD), env=env))
    victim = await site.deploy("v1", node("victim", command=sh(f"sleep {2.5 * LEASE_SECONDS}; echo done")))
    story = await engine.until(victim, D.SUCCESS, seconds=60)
    assert story.attempt_statuses("victim") == [S.SUCCESS]
    assert (await engine.until(attack, D.SUCCESS, seconds=60)).attempt_statuses("attack") == [S.SUCCESS]
