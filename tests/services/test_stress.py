"""Deployments on workers that start, stop and vanish: no work is lost, and no attempt works twice."""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random

from app.core.application import ShellTarget
from app.core.deployment import ENDED
from app.core.errors import Refused
from app.core.workflow import WorkflowTask
from tests.services.support.commands import Command, Notes, node, python
from tests.services.support.engine import D, Engine, S, Site

DEPLOYMENTS = 20


def graph(command: Command) -> list[WorkflowTask]:
    """Return a graph with a fan, a join and a chain."""
    keys = {"root": (), "a": ("root",), "b": ("root",), "c": ("root",), "join": ("a", "b", "c"), "end": ("join",)}
    return [node(key, *block_by, command=command) for key, block_by in keys.items()]


async def test_every_attempt_runs_once_while_workers_start_and_stop(engine: Engine, site: Site, notes: Notes) -> None:
    for n in range(DEPLOYMENTS):
        await site.application(f"app-{n}")
    version = await site.version("v1")
    workers = [await engine.worker(slots=8, sweeps=True) for _ in range(3)]
    tasks = graph(notes.take("$BOREAS_TASK_ID $BOREAS_ATTEMPT"))
    ids = [await site.deploy(version, *tasks, only=[f"app-{n}"]) for n in range(DEPLOYMENTS)]
    for turn in range(4):
        await asyncio.sleep(0.2)
        await (workers.pop(0).vanish() if turn == 2 else workers.pop(0).shut_down())
        workers.append(await engine.worker(slots=8, sweeps=True))
    stories = [await engine.until(id_, D.SUCCESS, seconds=40) for id_ in ids]
    attempts = {
        (attempt.task_id, str(attempt.number)): attempt.status
        for story in stories
        for key in story.tasks
        for attempt in story.attempts[key]
    }
    counts = Counter(tuple(line.split()) for line in notes.lines)
    assert set(counts) <= set(attempts) and set(counts.values()) == {1}
    assert {key for key, status in attempts.items() if status is S.SUCCESS} <= set(counts)
    assert all(story.attempt_statuses(key).count(S.SUCCESS) == 1 for story in stories for key in story.tasks)


async def test_concurrent_actions_succeed_or_are_refused_and_every_deployment_ends(engine: Engine, site: Site) -> None:
    """Deployments are cancelled, rolled back and retried at any moment, repeatedly."""
    dice = Random(4)
    for n in range(DEPLOYMENTS):
        deploy = python("import random, sys; sys.exit(random.random() < 0.4)")
        await site.application(f"app-{n}", ShellTarget(deploy, rollback_command=("true",)))
    version = await site.version("v1")
    for _ in range(2):
        await engine.worker(slots=16)
    ids = [await site.deploy(version, only=[f"app-{n}"]) for n in range(DEPLOYMENTS)]

    async def steer(id_: str) -> None:
        for _ in range(8):
            await asyncio.sleep(dice.random() / 10)
            with suppress(Refused):
                await dice.choice((engine.retry, engine.roll_back, engine.retry, engine.cancel))(id_)

    await asyncio.gather(*(steer(id_) for id_ in ids))
    for id_ in ids:
        story = await engine.until(id_, *ENDED)
        assert not any(task.worker or task.activity for task in story.tasks.values())
