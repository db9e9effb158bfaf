"""Checking the feeds of a whole database: numbered without a gap, each change legal and from where the last one led."""

import json
from collections import defaultdict
from typing import Any

from app.core import deployment, task
from app.core.deployment import DeploymentStatus
from app.core.task import TaskStatus
from tests.support.servers import connect


async def check_feeds(database_url: str) -> None:
    """Check the feed of every deployment against the transition tables, and against what is stored."""
    connection = await connect(database_url)
    try:
        deployments = await connection.fetch("SELECT id, status, last_event, revision FROM deployments")
        tasks = await connection.fetch("SELECT id, deployment_id, status, block_by FROM tasks")
        events = await connection.fetch(
            "SELECT deployment_id, number, type, body FROM deployment_events ORDER BY deployment_id, number"
        )
    finally:
        await connection.close()
    feeds: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        feeds[event["deployment_id"]].append(event)
    for found in deployments:
        mine = [one for one in tasks if one["deployment_id"] == found["id"]]
        check_feed(found, mine, feeds.pop(found["id"], []))
    assert not feeds, f"events of deployments that are not there: {feeds}"


def check_feed(found: Any, tasks: list[Any], events: list[Any]) -> None:
    """Check one feed. Where the graph was edited, nothing else tells where a task stood before its first change."""
    edited = found["revision"] > 1
    numbers = [event["number"] for event in events]
    assert numbers == list(range(1, found["last_event"] + 1)), numbers
    status: DeploymentStatus | None = None
    seen: set[str] = set()
    stands = {one["id"]: TaskStatus.BLOCKED if one["block_by"] != "[]" else TaskStatus.PENDING for one in tasks}
    for event in events:
        body = json.loads(event["body"])
        if event["type"] == "DeploymentStatusChanged":
            assert body["from_"] == status, (found["id"], event["number"], body, status)
            to = DeploymentStatus(body["to"])
            status = deployment.transition(status, to) if status else to
        elif event["type"] == "TaskStatusChanged":
            id_ = body["task_id"]
            if edited and id_ not in seen:
                stands[id_] = TaskStatus(body["from_"])
            seen.add(id_)
            assert body["from_"] == stands[id_], (found["id"], event["number"], body, stands[id_])
            stands[id_] = task.transition(stands[id_], TaskStatus(body["to"]))
    assert status == found["status"], (found["id"], status)
    changed = {one["id"]: TaskStatus(one["status"]) for one in tasks if not edited or one["id"] in seen}
    assert {id_: stands[id_] for id_ in changed} == changed
