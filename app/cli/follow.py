"""Follows deployments to their end: their events, and the logs of their running tasks, in one output."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import click

from app.cli import lookups, queries
from app.cli.client import Api, Data
from app.cli.follow_output import FollowOutput, follow_output

MAX_OPEN_LOGS = 16
"""Logs that are followed at the same time. Those of further tasks start later, from their first line."""
DONE = frozenset({"SUCCESS", "SKIPPED", "FAILED", "CANCELLED", "ROLLED_BACK"})
EXIT_STATUS = {"SUCCESS": 0, "FAILED": 1, "ROLLED_BACK": 3, "CANCELLED": 4}
INTERRUPTED = 130


class Follower:
    """Follows one deployment. `names_environment`: the keys of tasks get the environment as prefix."""

    def __init__(
        self, api: Api, deployment: Data, output: FollowOutput, *, logs: bool, names_environment: bool
    ) -> None:
        self._api = api
        self._deployment = deployment
        self._output = output
        self._logs = logs
        self._prefix = f"{deployment['environment']['name']}: " if names_environment else ""
        self._keys = {task["id"]: self._prefix + task["key"] for task in deployment["tasks"]}
        self._total = len(self._keys)
        self._statuses: dict[str, str] = {}
        self._log_slots = asyncio.Semaphore(MAX_OPEN_LOGS)
        self._log_cursors: dict[str, str] = {}
        self._log_tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> Data:
        """Follow the deployment, and return it as it ended."""
        id_ = self._deployment["id"]
        self._output.progress(id_, 0, self._total)
        try:
            feed = self._api.subscribe(queries.EVENTS, lambda cursor: {"id": id_, "after": cursor})
            async with aclosing(feed):
                async for batch in feed:
                    for event in batch["events"]:
                        await self._learn_keys(event)
                        self._handle(event)
            if self._log_tasks:
                await asyncio.gather(*self._log_tasks.values())
        finally:
            for log_task in self._log_tasks.values():
                log_task.cancel()
            await asyncio.gather(*self._log_tasks.values(), return_exceptions=True)
        return await fetch_deployment(self._api, id_)

    async def _learn_keys(self, event: Data) -> None:
        """Fetch the keys of tasks that an edit added, before an event of them is printed."""
        if event["__typename"] == "WorkflowChanged":
            tasks = (await fetch_deployment(self._api, self._deployment["id"]))["tasks"]
            self._keys |= {task["id"]: self._prefix + task["key"] for task in tasks}
            self._total = len(tasks)
        task_id = event.get("taskId")
        if task_id and task_id not in self._keys:
            task = (await self._api.query(queries.TASK_KEY, id=task_id))["task"]
            self._keys[task_id] = self._prefix + (task["key"] if task else task_id)

    def _handle(self, event: Data) -> None:
        task_id = event.get("taskId", "")
        if event["__typename"] == "TaskStatusChanged":
            self._statuses[task_id] = event["taskTo"]
            if self._logs and (event["taskTo"] == "RUNNING" or event["taskTo"] in DONE):
                running = self._log_tasks.get(task_id)
                self._log_tasks[task_id] = asyncio.create_task(self._follow_log(task_id, running))
        self._output.event(self._deployment, event, self._keys.get(task_id))
        done = sum(status in DONE for status in self._statuses.values())
        self._output.progress(self._deployment["id"], min(done, self._total), self._total)

    async def _follow_log(self, task_id: str, previous: "asyncio.Task[None] | None") -> None:
        """Print the log of a task from its last cursor on, after `previous` has done so."""
        if previous is not None:
            await asyncio.wait([previous])
        async with self._log_slots:
            feed = self._api.subscribe(
                queries.LOGS, lambda cursor: {"taskId": task_id, "after": cursor}, self._log_cursors.get(task_id)
            )
            async with aclosing(feed):
                async for batch in feed:
                    self._log_cursors[task_id] = batch["cursor"]
                    for line in batch["lines"]:
                        self._output.log_line(self._deployment["id"], self._keys.get(task_id, task_id), line)


async def fetch_deployment(api: Api, text: str) -> Data:
    """Return the deployment of an id, or of the beginning of one. Raises ApiError."""
    deployment: Data | None = (await api.query(queries.FOLLOWED_DEPLOYMENT, id=text))["deployment"]
    if deployment is not None:
        return deployment
    id_ = await lookups.deployment_id(api, text)
    if id_ == text:
        raise lookups.deployment_not_found(text)
    return await fetch_deployment(api, id_)


async def follow(api: Api, ids: Sequence[str], *, as_json: bool, logs: bool = True) -> int:
    """Follow deployments concurrently to their ends. Return the highest exit status."""
    deployments = [await fetch_deployment(api, id_) for id_ in ids]
    output = follow_output(as_json)
    names_environment = len(ids) > 1 and not as_json
    followers = [
        Follower(api, deployment, output, logs=logs, names_environment=names_environment) for deployment in deployments
    ]
    try:
        ended = await asyncio.gather(*(follower.run() for follower in followers))
    finally:
        output.close()
    for deployment in ended:
        output.result({name: value for name, value in deployment.items() if name != "tasks"})
    return max(EXIT_STATUS.get(deployment["status"], 1) for deployment in ended)


def follow_to_exit(api: Api, ids: Sequence[str], *, as_json: bool, logs: bool = True) -> int:
    """Follow deployments until they end or until Ctrl-C. Return the exit status."""
    try:
        return asyncio.run(follow(api, ids, as_json=as_json, logs=logs))
    except KeyboardInterrupt:
        for id_ in ids:
            click.echo(f"\nStopped watching. The deployment continues: boreas watch {id_}", err=True)
            click.echo(f"To stop the deployment: boreas deployment cancel {id_}", err=True)
        return INTERRUPTED
