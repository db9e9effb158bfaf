"""Checks the feeds of a whole database: no gaps, and each status change legal and consistent."""

import json
from collections import defaultdict
from typing import Any

from app.core import deployment, task
from app.core.deployment import DeploymentStatus
from app.core.task import TaskStatus
from tests.support.servers import connect


async def check_feeds(database_url: str) -> None:
    """Check the feed of every deployment against the transition tables and the stored state."""
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
    for row in deployments:
        own_tasks = [task_row for task_row in tasks if task_row["deployment_id"] == row["id"]]
        check_feed(row, own_tasks, feeds.pop(row["id"], []))
    assert not feeds, f"events of deployments that do not exist: {feeds}"


def check_feed(deployment_row: Any, task_rows: list[Any], events: list[Any]) -> None:
    """Check one feed. After an edit, only a task's first change shows its earlier status."""
    edited = deployment_row["revision"] > 1
    numbers = [event["number"] for event in events]
    assert numbers == list(range(1, deployment_row["last_event"] + 1)), numbers
    status: DeploymentStatus | None = None
    changed: set[str] = set()
    statuses = {row["id"]: TaskStatus.BLOCKED if row["block_by"] != "[]" else TaskStatus.PENDING for row in task_rows}
    for event in events:
        body = json.loads(event["body"])
        if event["type"] == "DeploymentStatusChanged":
            assert body["from_"] == status, (deployment_row["id"], event["number"], body, status)
            to = DeploymentStatus(body["to"])
            status = deployment.transition(status, to) if status else to
        elif event["type"] == "TaskStatusChanged":
            id_ = body["task_id"]
            if edited and id_ not in changed:
                statuses[id_] = TaskStatus(body["from_"])
            changed.add(id_)
            assert body["from_"] == statuses[id_], (deployment_row["id"], event["number"], body, statuses[id_])
            statuses[id_] = task.transition(statuses[id_], TaskStatus(body["to"]))
    assert status == deployment_row["status"], (deployment_row["id"], status)
    stored = {row["id"]: TaskStatus(row["status"]) for row in task_rows if not edited or row["id"] in changed}
    assert {id_: statuses[id_] for id_ in stored} == stored
