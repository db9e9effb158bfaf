"""How clusters are reached: one client per connection, opened when first needed, closed with the operator."""

import asyncio
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config.config_exception import ConfigException

from app.core.environment import KubernetesAccess
from app.gateways.operators.kubernetes.errors import ClusterRefusedError, cut

AGENT = "boreas"
_api: Any = client
_config: Any = config


class Connections:
    """The clients of a process. Credentials are read where the worker runs and live nowhere but in these clients."""

    def __init__(self) -> None:
        self._clients: dict[KubernetesAccess, Any] = {}
        self._opening = asyncio.Lock()

    async def client(self, connection: KubernetesAccess) -> Any:
        """Return the client of a connection. Raises ClusterRefusedError where it can not be configured."""
        async with self._opening:
            if connection not in self._clients:
                self._clients[connection] = await _opened(connection)
            return self._clients[connection]

    async def renew(self, connection: KubernetesAccess, stale: Any) -> None:
        """Forget a client whose credentials are not taken any more: the next one reads them again."""
        async with self._opening:
            if connection in self._clients and self._clients[connection] is stale:
                del self._clients[connection]
                await stale.close()

    async def close(self) -> None:
        """Close all of them."""
        while self._clients:
            _, one = self._clients.popitem()
            await one.close()


async def _opened(connection: KubernetesAccess) -> Any:
    configuration = _api.Configuration()
    try:
        if connection.kubeconfig_path is None and connection.context is None:
            _config.load_incluster_config(client_configuration=configuration)
        else:
            await _config.load_kube_config(
                config_file=connection.kubeconfig_path,
                context=connection.context,
                client_configuration=configuration,
                persist_config=False,
            )
    except ConfigException as error:
        raise ClusterRefusedError(0, f"the connection to the cluster can not be set up: {_why(error)}") from None
    except Exception as error:
        raise ClusterRefusedError(
            0, f"the connection to the cluster can not be set up: its kubeconfig is no good ({type(error).__name__})"
        ) from None
    configuration.connection_pool_maxsize = 0
    api = _api.ApiClient(configuration)
    api.user_agent = AGENT
    return api


def _why(error: ConfigException) -> str:
    """Return what is wrong with a configuration; only its first words, as files can be quoted behind them."""
    return cut(str(error))[:200]
