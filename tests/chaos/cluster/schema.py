"""The schema of a cluster's API.

Whether an object has only fields that the API knows, with their types.
"""

import json
from types import SimpleNamespace
from typing import Any

from kubernetes_asyncio import client

MODELS = {
    "v1": "V1",
    "apps/v1": "V1",
    "batch/v1": "V1",
    "networking.k8s.io/v1": "V1",
    "policy/v1": "V1",
    "rbac.authorization.k8s.io/v1": "V1",
}
_client: Any = client


class Schema:
    """The models of the API. The caller closes it."""

    def __init__(self) -> None:
        self._api = _client.ApiClient()

    def as_known(self, body: dict[str, Any]) -> Any:
        """Return an object as the API reads it: equal to the sent one where all its fields are known.

        Raises ValueError where a required field is missing, or a field has another type.
        """
        model = MODELS[body["apiVersion"]] + body["kind"]
        return self._api.sanitize_for_serialization(
            self._api.deserialize(SimpleNamespace(data=json.dumps(body)), model)
        )

    async def aclose(self) -> None:
        """Close it."""
        await self._api.close()
