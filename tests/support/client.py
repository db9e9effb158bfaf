"""A client as a user would write one: GraphQL over HTTP, and subscriptions over graphql-transport-ws."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import websockets

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A client with a token."""

    url: str
    token: str

    async def post(self, document: str, variables: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send an operation and return the whole response."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            return await http.post(
                f"{self.url}/graphql",
                json={"query": document, "variables": dict(variables or {})},
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=30,
            )

    async def execute(self, document: str, **variables: Any) -> Data:
        """Send an operation and return data and errors."""
        result: Data = (await self.post(document, variables)).json()
        return result

    async def query(self, document: str, **variables: Any) -> Data:
        """Send an operation that must succeed, and return its data."""
        result = await self.execute(document, **variables)
        assert "errors" not in result, result["errors"]
        data: Data = result["data"]
        return data

    async def mutate(self, name: str, selection: str, /, **fields: Any) -> Data:
        """Call a mutation and return its payload with `errors`."""
        kind = "CreateDeployment" if name == "createDeployment" else INPUTS.get(name, name[0].upper() + name[1:])
        document = (
            f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {selection}"
            " errors { __typename code message path } } }"
        )
        payload: Data = (await self.query(document, input=fields))[name]
        return payload

    async def change(self, name: str, selection: str, /, **fields: Any) -> Data:
        """Call a mutation that must succeed, and return its payload."""
        payload = await self.mutate(name, selection, **fields)
        assert payload["errors"] == [], payload["errors"]
        return payload

    async def until(self, deployment_id: str, *statuses: str, seconds: float = 20) -> Data:
        """Wait until a deployment has one of the statuses, and return it with its tasks."""
        async with asyncio.timeout(seconds):
            while True:
                deployment = (await self.query(STORY, id=deployment_id))["deployment"]
                if deployment["status"] in statuses:
                    return dict(deployment)
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[websockets.ClientConnection]:
        """Open a socket that is ready for subscriptions."""
        address = self.url.replace("http", "ws") + "/graphql"
        protocols = [websockets.Subprotocol("graphql-transport-ws")]
        async with websockets.connect(address, subprotocols=protocols, proxy=None) as socket:
            payload = {"Authorization": f"Bearer {self.token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            yield socket

    async def subscribe(self, document: str, **variables: Any) -> AsyncIterator[Data]:
        """Yield the data of a subscription until it completes; an error message fails the test."""
        async with self.socket() as socket:
            operation = {"query": document, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
            async for raw in socket:
                message = json.loads(raw)
                if message["type"] == "complete":
                    return
                assert message["type"] == "next", message
                assert "errors" not in message["payload"], message["payload"]
                yield message["payload"]["data"]


INPUTS = {
    "archiveApplication": "ById",
    "unarchiveApplication": "ById",
    "startDeployment": "ById",
    "retryDeployment": "ById",
    "retryTask": "ById",
    "pauseDeployment": "ById",
    "resumeDeployment": "ById",
    "skipTask": "Reason",
    "removeTask": "EditTask",
    "archiveWorkflowTemplate": "ById",
    "disconnectTasks": "ConnectTasks",
    "cancelTask": "Reason",
    "revokeApiToken": "ById",
    "revokeApiTokens": "ById",
    "deleteFreezeWindow": "ById",
    "cancelDeployment": "Reason",
    "rollbackDeployment": "Reason",
    "approve": "Decide",
    "reject": "Decide",
    "grantRole": "Grant",
    "revokeRole": "Grant",
}
STORY = """query($id: ID!) { deployment(id: $id) {
  id status progress attempt errorMessage cursor
  rollback { status automatic reason errorMessage }
  tasks {
    id key status attempt errorMessage startedAt completedAt
    attempts { number status errorMessage exitCode }
  }
} }"""
