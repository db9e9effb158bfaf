"""Deployable objects made through the API: an environment, applications and versions."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.support.client import Client, Data


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class World:
    """An environment with some applications, and a client to act in it."""

    client: Client
    environment_id: str
    applications: dict[str, str] = field(default_factory=dict)

    async def application(self, name: str, **fields: Any) -> str:
        """Create an application and return its id; by default its deploy task does nothing."""
        fields = {"shell": {"command": ["true"]}} | fields
        payload = await self.client.change("createApplication", "application { id }", name=unique(name), **fields)
        self.applications[name] = payload["application"]["id"]
        return self.applications[name]

    async def version(self, name: str = "v1") -> str:
        """Create a version of all applications."""
        artifacts = [{"applicationId": id_} for id_ in self.applications.values()]
        payload = await self.client.change("createVersion", "version { id }", name=name, artifacts=artifacts)
        return str(payload["version"]["id"])

    async def deploy(self, version_id: str | None = None, **fields: Any) -> str:
        """Create a deployment and return its id."""
        payload = await self.try_deploy(version_id, **fields)
        assert payload["errors"] == [], payload["errors"]
        return str(payload["deployments"][0]["id"])

    async def try_deploy(self, version_id: str | None = None, **fields: Any) -> Data:
        """Create a deployment and return the payload."""
        return await self.client.mutate(
            "createDeployment",
            "deployments { id status }",
            versionId=version_id or await self.version(),
            **({"environmentIds": [self.environment_id]} | fields),
        )


async def world(client: Client, operator: str = "SIMULATED", **fields: Any) -> World:
    """Create an environment."""
    payload = await client.change(
        "createEnvironment", "environment { id }", name=unique("env"), operator=operator, **fields
    )
    return World(client, payload["environment"]["id"])


def task(key: str, *block_by: str, **fields: Any) -> Data:
    """Return a CUSTOM task of a custom graph."""
    return {"key": key, "name": key, "type": "CUSTOM", "blockBy": list(block_by)} | fields
