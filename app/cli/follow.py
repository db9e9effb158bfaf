"""Following deployments: their events, and the logs of their tasks as they run, in one stream of output."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import click

from app.cli import lookups, queries
from app.cli.client import Api, Data
from app.cli.follow_output import Output, output

OPEN_LOGS = 16
"""Logs that are followed at the same time; those of further tasks wait for a place, and miss nothing."""
DONE = frozenset({"SUCCESS", "SKIPPED", "FAILED", "CANCELLED", "ROLLED_BACK"})
EXIT_STATUS = {"SUCCESS": 0, "FAILED": 1, "ROLLED_BACK": 3, "CANCELLED": 4}


class Follower:
    """Follows one deployment to its end; `named`: its tasks are told with its environment."""

    def __init__(self, api: Api, story: Data, out: Output, *, logs: bool, named: bool) -> None:
        self._api = api
        self._story = story
        self._out = out
        self._logs = logs
        self._where = f"{story['environment']['name']}: " if named else ""
        self._keys = {task["id"]: self._where + task["key"] for task in story["tasks"]}
        self._total = len(self._keys)
        self._statuses: dict[str, str] = {}
        self._places = asyncio.Semaphore(OPEN_LOGS)
        self._cursors: dict[str, str] = {}
        self._open: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> Data:
        """Follow, and return the deployment as it ended."""
        id_ = self._story["id"]
        self._out.progress(id_, 0, self._total)
        try:
            feed = self._api.subscribe(queries.EVENTS, lambda cursor: {"id": id_, "after": cursor})
            async with aclosing(feed):
                async for batch in feed:
                    for event in batch["events"]:
                        await self._learn(event)
                        self._event(event)
            if self._open:
                await asyncio.gather(*self._open.values())
        finally:
            for task in self._open.values():
                task.cancel()
            await asyncio.gather(*self._open.values(), return_exceptions=True)
        return await story_of(self._api, id_)

    async def _learn(self, event: Data) -> None:
        """Find out the keys of tasks that an edit has added, before anything is told of them."""
        if event["__typename"] == "WorkflowChanged":
            tasks = (await story_of(self._api, self._story["id"]))["tasks"]
            self._keys |= {task["id"]: self._where + task["key"] for task in tasks}
            self._total = len(tasks)
        task_id = event.get("taskId")
        if task_id and task_id not in self._keys:
            task = (await self._api.query(queries.TASK_KEY, id=task_id))["task"]
            self._keys[task_id] = self._where + (task["key"] if task else task_id)

    def _event(self, event: Data) -> None:
        task_id = event.get("taskId", "")
        if event["__typename"] == "TaskStatusChanged":
            self._statuses[task_id] = event["taskTo"]
            if self._logs and (event["taskTo"] == "RUNNING" or event["taskTo"] in DONE):
                self._follow_log(task_id)
        self._out.event(self._story, event, self._keys.get(task_id))
        done = sum(status in DONE for status in self._statuses.values())
        self._out.progress(self._story["id"], min(done, self._total), self._total)

    def _follow_log(self, task_id: str) -> None:
        running = self._open.get(task_id)
        self._open[task_id] = asyncio.create_task(self._log(task_id, running))

    async def _log(self, task_id: str, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        async with self._places:
            feed = self._api.subscribe(
                queries.LOGS, lambda cursor: {"taskId": task_id, "after": cursor}, self._cursors.get(task_id)
            )
            async with aclosing(feed):
                async for batch in feed:
                    self._cursors[task_id] = batch["cursor"]
                    for line in batch["lines"]:
                        self._out.line(self._story["id"], self._keys.get(task_id, task_id), line)


async def story_of(api: Api, id_: str) -> Data:
    """Return a deployment. Raises ApiError."""
    story: Data | None = (await api.query(queries.STORY, id=id_))["deployment"]
    if story is not None:
        return story
    begun = await lookups.deployment(api, id_)
    if begun == id_:
        raise lookups.no_deployment(id_)
    return await story_of(api, begun)


async def follow(api: Api, ids: Sequence[str], *, as_json: bool, logs: bool = True) -> int:
    """Follow deployments side by side to their ends. Return the exit status of the worst."""
    stories = [await story_of(api, id_) for id_ in ids]
    out = output(as_json)
    named = len(ids) > 1 and not as_json
    try:
        ended = await asyncio.gather(*(Follower(api, story, out, logs=logs, named=named).run() for story in stories))
    finally:
        out.close()
    for story in ended:
        out.result({name: value for name, value in story.items() if name != "tasks"})
    return max(EXIT_STATUS.get(story["status"], 1) for story in ended)


def follow_to_exit(api: Api, ids: Sequence[str], *, as_json: bool, logs: bool = True) -> int:
    """Follow until the end or Ctrl-C, which stops only the following."""
    try:
        return asyncio.run(follow(api, ids, as_json=as_json, logs=logs))
    except KeyboardInterrupt:
        for id_ in ids:
            click.echo(f"\nNo longer watching. The deployment goes on: boreas watch {id_}", err=True)
            click.echo(f"To stop it: boreas deployment cancel {id_}", err=True)
        return 130
