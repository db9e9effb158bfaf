"""One run: deployments, a crowd that follows them, restarts of all servers, and a check of each feed."""

import asyncio
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from app.api.scalars import encode_cursor
from tests.chaos.crowd.members import Batches, Member, Topic
from tests.chaos.faults.calls import Calls
from tests.chaos.faults.fleet import TOKEN, Fleet, fleet

EVENTS = """subscription($id: ID!, $after: Cursor) { deploymentEvents(id: $id, after: $after) {
  cursor events { cursor __typename at } } }"""
LINES = """subscription($id: ID!, $after: Cursor) { taskLogs(taskId: $id, after: $after) {
  cursor lines { cursor message } } }"""
ALL_LINES = """subscription($id: ID!, $after: Cursor) { deploymentLogs(deploymentId: $id, after: $after) {
  cursor lines { task { id } line { cursor message } } } }"""
TASKS = "query($id: ID!) { deployment(id: $id) { tasks { id key } } }"
LONG = "long"
JOINING = 0.3
"""The part of the run over which the subscribers join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The size of a run. `drain` is the time limit to finish after the last restart, in seconds."""

    subscribers: int = 2000
    seconds: float = 120
    deployments: int = 6
    apis: int = 3
    seed: int = 0
    restart: float = 12
    drop: float = 5
    share: float = 0.1
    drain: float = 240


@dataclass(slots=True)
class Report:
    """The result of a run."""

    seed: int
    members: int = 0
    connections: int = 0
    items: int = 0
    restarts: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    drained: float = 0.0
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the summary, and every violation."""
        restarts = ", ".join(f"{count} of {name}" for name, count in sorted(self.restarts.items()))
        return "\n".join(
            [
                f"seed {self.seed}: {self.members} subscribers, {self.items} items, {self.connections} connections",
                f"restarts: {restarts}; connections broken off: {self.dropped}",
                f"all done {self.drained:.1f} s after the last restart",
                f"violations: {len(self.violations)}",
                *self.violations[:20],
            ]
        )


def run(options: Options) -> Report:
    """Run and check everything. The folder stays after a violation or an error."""
    folder = Path(tempfile.mkdtemp(prefix="boreas-crowd-"))
    folder.chmod(0o755)
    report = Report(options.seed)
    try:
        asyncio.run(_run(options, report, folder))
    except BaseException:
        print(f"What the processes wrote is in {folder}", flush=True)
        raise
    if not report.violations:
        shutil.rmtree(folder, ignore_errors=True)
    return report


async def _run(options: Options, report: Report, folder: Path) -> None:
    chance = random.Random(options.seed)
    processes = fleet(folder, 1, options.apis, 10.0)
    try:
        await processes.start()
        topics, deployments = await _world(options, Calls(processes.urls, TOKEN))
        batches = Batches()
        members = [
            Member(topics[n % len(topics)], processes.urls, TOKEN, batches, random.Random(chance.random()))
            for n in range(options.subscribers)
        ]
        report.members = len(members)
        follow_tasks = [asyncio.create_task(_join_and_follow(member, options, chance.random())) for member in members]
        try:
            for id_ in deployments:
                await Calls(processes.urls, TOKEN).change("startDeployment", "deployment { id }", id=id_)
            await _storm(options, report, processes, members, random.Random(chance.random()))
            start = time.monotonic()
            _, unfinished_tasks = await asyncio.wait(follow_tasks, timeout=options.drain)
            report.drained = time.monotonic() - start
            report.violations += [
                f"a subscriber of {members[follow_tasks.index(task)].topic.feed} is not done"
                for task in unfinished_tasks
            ]
        finally:
            for task in follow_tasks:
                task.cancel()
        await _check_items(report, processes, members)
    finally:
        processes.close()
        for relays in processes.relays.values():
            for relay in relays:
                await relay.cut()


async def _join_and_follow(member: Member, options: Options, share: float) -> None:
    await asyncio.sleep(options.seconds * JOINING * share)
    await member.follow()


async def _world(options: Options, calls: Calls) -> tuple[list[Topic], list[str]]:
    """Create deployments that last as long as the storm, and return their feeds."""

    async def create(mutation: str, selection: str, **fields: object) -> dict[str, dict[str, str]]:
        key = f"{mutation} {fields.get('name', '')}"
        return await calls.change(mutation, selection, **fields, idempotencyKey=key)

    environment = (await create("createEnvironment", "environment { id }", name="crowd", operator="SIMULATED"))[
        "environment"
    ]
    topics: list[Topic] = []
    ids: list[str] = []
    step = options.seconds / 30
    chain = [_task(f"t{n}", step, int(10 * step), *([f"t{n - 1}"] if n else [])) for n in range(30)]
    graph = [*chain, _task(LONG, options.seconds, int(20 * options.seconds))]
    for n in range(options.deployments):
        name = f"app-{n}"
        application = (await create("createApplication", "application { id }", name=name, shell={"command": ["true"]}))[
            "application"
        ]
        artifacts = [{"applicationId": application["id"]}]
        version = (await create("createVersion", "version { id }", name=name, artifacts=artifacts))["version"]
        answer = await calls.change(
            "createDeployment",
            "deployments { id }",
            versionId=version["id"],
            environmentIds=[environment["id"]],
            tasks=graph,
            autoStart=False,
            idempotencyKey=name,
        )
        id_ = answer["deployments"][0]["id"]
        tasks = (await calls.query(TASKS, id=id_))["deployment"]["tasks"]
        long_task_id = next(task["id"] for task in tasks if task["key"] == LONG)
        ids.append(id_)
        topics.append(Topic("deploymentEvents", "events", EVENTS, id_))
        topics.append(Topic("deploymentLogs", "lines", ALL_LINES, id_))
        topics.append(Topic("taskLogs", "lines", LINES, long_task_id))
    return topics, ids


def _task(key: str, seconds: float, lines: int, *block_by: str) -> dict[str, object]:
    payload = {"seconds": seconds, "lines": lines}
    return {"key": key, "name": key, "type": "CUSTOM", "blockBy": list(block_by), "payload": payload}


async def _storm(
    options: Options, report: Report, processes: Fleet, members: Sequence[Member], chance: random.Random
) -> None:
    """Restart the servers in turn, and repeatedly break a share of the connections."""
    end = time.monotonic() + options.seconds

    async def restart() -> None:
        restart_number = 0
        while time.monotonic() + options.restart < end:
            await asyncio.sleep(options.restart)
            restart_number += 1
            if restart_number % 3 == 0:
                await _restart_valkey(processes, chance)
                report.restarts["Redis"] = report.restarts.get("Redis", 0) + 1
                continue
            api = processes.apis[(restart_number - restart_number // 3) % len(processes.apis)]
            if restart_number % 2:
                await processes.terminate(api)
            else:
                api.signal(signal.SIGKILL)
                await asyncio.to_thread(api.wait)
                api.start()
            report.restarts[api.name] = report.restarts.get(api.name, 0) + 1

    async def drop_connections() -> None:
        while time.monotonic() + options.drop < end:
            await asyncio.sleep(options.drop)
            for member in chance.sample(list(members), int(len(members) * options.share)):
                member.drop(chance.uniform(0, 3))
                report.dropped += 1

    await asyncio.gather(restart(), drop_connections())
    await processes.mend()


async def _restart_valkey(processes: Fleet, chance: random.Random) -> None:
    await asyncio.to_thread(processes.valkey.kill)
    await asyncio.sleep(chance.uniform(0, 3))
    processes.valkey.start()
    await processes.until_valkey()


async def _check_items(report: Report, processes: Fleet, members: Sequence[Member]) -> None:
    """Compare the items of each member with the stored ones."""
    connection = await asyncpg.connect(processes.postgres.url)
    try:
        stored = {topic: await _stored(connection, topic) for topic in {member.topic for member in members}}
    finally:
        await connection.close()
    for number, member in enumerate(members):
        expected = stored[member.topic]
        report.connections += member.connections
        report.items += len(member.item_names)
        report.violations += [f"subscriber {number} of {member.topic.feed}: {fault}" for fault in member.faults]
        if member.item_names != expected:
            report.violations.append(
                f"subscriber {number} of {member.topic.feed} {_difference(member.item_names, expected)}"
            )


def _difference(names: Sequence[str], expected: Sequence[str]) -> str:
    position = next((n for n, pair in enumerate(zip(names, expected, strict=False)) if pair[0] != pair[1]), len(names))
    doubled = len(names) - len(set(names))
    missing = len(set(expected) - set(names))
    return (
        f"saw {len(names)} of {len(expected)}: {doubled} doubled, {missing} missing, the first difference at {position}"
    )


async def _stored(connection: asyncpg.Connection, topic: Topic) -> list[str]:
    """Return the names of all items of a feed, by the numbers in the database."""
    if topic.feed == "deploymentEvents":
        rows = await connection.fetch(
            "SELECT number FROM deployment_events WHERE deployment_id = $1 ORDER BY number", topic.id
        )
        return [encode_cursor("event", row["number"]) for row in rows]
    if topic.feed == "taskLogs":
        rows = await connection.fetch("SELECT number FROM task_logs WHERE task_id = $1 ORDER BY number", topic.id)
        return [encode_cursor("log", row["number"]) for row in rows]
    rows = await connection.fetch(
        "SELECT task_id, last_number, lines FROM log_chunks WHERE deployment_id = $1 ORDER BY position", topic.id
    )
    return [
        f"{row['task_id']} {encode_cursor('log', number)}"
        for row in rows
        for number in range(row["last_number"] - row["lines"] + 1, row["last_number"] + 1)
    ]
