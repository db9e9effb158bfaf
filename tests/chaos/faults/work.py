"""Creates environments, applications and versions, and deploys them while faults happen."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.faults.calls import Calls, NoAnswerError
from tests.chaos.faults.scripts import Ground, Scripted, ScriptedTask, Stage

ENDED = frozenset({"SUCCESS", "FAILED", "ROLLED_BACK", "CANCELLED"})
POLL_SECONDS = 0.5
STILL_SECONDS = 60.0
"""The wait gives up when no command and no deployment changes for this long."""
STATUSES = """query($first: Int!, $after: Cursor) { deployments(first: $first, after: $after) {
  totalCount nodes { id status versionId } pageInfo { hasNextPage endCursor } } }"""
PAGE = 200


@dataclass(slots=True)
class Work:
    """The world and its deployments: `deployment_ids` has their ids by their numbers in the script."""

    calls: Calls
    stage: Stage
    ground: Ground
    run: str
    environments: list[str] = field(default_factory=list)
    applications: dict[str, str] = field(default_factory=dict)
    versions: dict[int, str] = field(default_factory=dict)
    deployment_ids: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    async def settle(self) -> None:
        """Create the environments and applications."""
        for number, policy in enumerate(self.ground.policies, 1):
            name = f"env-{self.run}-{number}"
            answer = await self._change("createEnvironment", "environment { id }", name, operator="SHELL")
            self.environments.append(answer["environment"]["id"])
            if policy is not None:
                await self._set_policy(
                    self.environments[-1],
                    requiredApprovals=policy.required,
                    timeoutSeconds=policy.seconds,
                    onTimeout=policy.on_timeout,
                )
        for name, instances in self.ground.applications.items():
            self.stage.probe(name)
            shell = {
                "command": self.stage.command(),
                "instances": list(instances),
                "rollbackCommand": self.stage.command("undo"),
            }
            answer = await self._change("createApplication", "application { id }", name, shell=shell)
            self.applications[name] = answer["application"]["id"]

    async def _set_policy(self, environment: str, **fields: Any) -> None:
        await self.calls.change("setApprovalPolicy", "environment { id }", environmentId=environment, **fields)

    async def _change(self, mutation: str, selection: str, name: str, **fields: Any) -> dict[str, Any]:
        return await self.calls.change(mutation, selection, name=name, idempotencyKey=f"{mutation} {name}", **fields)

    async def deploy_all(self, scripted: Sequence[Scripted], seconds: float) -> None:
        """Create the deployments in turn, spread over a time."""
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for index, scripted_deployment in enumerate(scripted):
                await asyncio.sleep(max(0.0, start + seconds * index / len(scripted) - time.monotonic()))
                group.create_task(self.deploy(scripted_deployment))

    async def deploy(self, scripted_deployment: Scripted) -> None:
        """Create the version and the deployment."""
        for task in scripted_deployment.tasks:
            self.stage.plan(task.key, task.plan)
        try:
            version = await self._version(f"v{scripted_deployment.number}", scripted_deployment.applications)
            self.versions[scripted_deployment.number] = version
            self.deployment_ids[scripted_deployment.number] = await self.create(scripted_deployment, version)
        except NoAnswerError as error:
            self.refused.append(f"deployment {scripted_deployment.number}: {error}")

    async def _version(self, name: str, applications: Sequence[str]) -> str:
        artifacts = [{"applicationId": self.applications[application]} for application in applications]
        return str((await self._change("createVersion", "version { id }", name, artifacts=artifacts))["version"]["id"])

    async def create(self, scripted_deployment: Scripted, version: str) -> str:
        """Create a deployment under the key that belongs to it, and return its id."""
        steps = [
            {
                "batchSize": step.size,
                "batchInterval": step.interval,
                "canaryRatio": step.ratio,
                "autoRollback": scripted_deployment.auto_rollback,
                "requireApproval": step.asks,
            }
            for step in scripted_deployment.steps
        ]
        answer = await self.calls.change(
            "createDeployment",
            "deployments { id }",
            versionId=version,
            environmentIds=[self.environments[scripted_deployment.environment]],
            strategy={"kind": scripted_deployment.kind, "steps": steps},
            manualApproval=scripted_deployment.asks,
            tasks=[self._input(task) for task in scripted_deployment.tasks],
            idempotencyKey=f"deployment {self.run} {scripted_deployment.number}",
        )
        [deployment] = answer["deployments"]
        return str(deployment["id"])

    def _input(self, task: ScriptedTask) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "key": task.key,
            "name": task.key,
            "blockBy": list(task.block_by),
            "maxAttempts": task.max_attempts,
            "requireConfirm": task.asks,
        }
        if task.application:
            return fields | {"type": "DEPLOY", "applicationId": self.applications[task.application]}
        return fields | {"type": "CUSTOM", "command": {"command": self.stage.command()}}

    async def statuses(self) -> list[dict[str, str]]:
        """Return id, status and version of every deployment."""
        rows: list[dict[str, str]] = []
        cursor = None
        while True:
            page = (await self.calls.query(STATUSES, first=PAGE, after=cursor))["deployments"]
            rows += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return rows
            cursor = page["pageInfo"]["endCursor"]

    async def until_ended(self, seconds: float) -> float:
        """Wait until every deployment has ended; give up at the time limit or when nothing changes.

        Return how long it took.
        """
        start = last_change = time.monotonic()
        previous: object = None
        while time.monotonic() < min(start + seconds, last_change + STILL_SECONDS):
            statuses = await self.statuses()
            if all(row["status"] in ENDED for row in statuses):
                break
            state = (statuses, self.stage.effects.stat().st_size)
            if state != previous:
                previous, last_change = state, time.monotonic()
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - start

    async def probe(self, seconds: float) -> dict[str, str]:
        """Deploy every application once more in every environment; return the ids by environment."""
        for environment, policy in zip(self.environments, self.ground.policies, strict=True):
            if policy is not None:
                await self._set_policy(environment, requiredApprovals=0)
        version = await self._version(f"probe-{self.run}", list(self.applications))
        answer = await self.calls.change(
            "createDeployment",
            "deployments { id environmentId }",
            versionId=version,
            environmentIds=self.environments,
            idempotencyKey=f"probe {self.run}",
        )
        await self.until_ended(seconds)
        return {deployment["environmentId"]: deployment["id"] for deployment in answer["deployments"]}
