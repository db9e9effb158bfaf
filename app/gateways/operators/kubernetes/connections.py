"""How clusters are reached: one client per connection, opened when first needed, closed with the operator."""

import asyncio
import logging
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config.config_exception import ConfigException

from app.core.environment import KubernetesAccess
from app.gateways.authorities import USUAL, Authorities
from app.gateways.operators.kubernetes.allowed_clusters import AllowedClusters, UnfitError, kubeconfig
from app.gateways.operators.kubernetes.errors import ClusterRefusedError

logger = logging.getLogger(__name__)

NOT_SERVED = (
    "this worker does not serve the kubeconfig and context that the environment names; the worker's log says why. "
    "They are of a file in the folder that it was started with (boreas worker --kubeconfigs DIR)"
)
"""What is said whatever is wrong with a kubeconfig: who names one must not learn what lies where the worker runs."""
NO_ACCOUNT = (
    "this worker has no service account of a cluster: run it in the cluster, or name a kubeconfig or context in the "
    "environment"
)
AGENT = "boreas"
_api: Any = client
_config: Any = config


class Connections:
    """The clients of a process. Credentials are read where the worker runs and live nowhere but in these clients."""

    def __init__(self, reach: AllowedClusters, authorities: Authorities = USUAL) -> None:
        self._reach = reach
        self._authorities = authorities
        self._clients: dict[KubernetesAccess, Any] = {}
        self._opening = asyncio.Lock()

    async def client(self, connection: KubernetesAccess) -> Any:
        """Return the client of a connection. Raises ClusterRefusedError where it can not be configured."""
        bare = connection.bare
        async with self._opening:
            if bare not in self._clients:
                self._clients[bare] = await _opened(self._reach, bare, self._authorities)
            return self._clients[bare]

    async def renew(self, connection: KubernetesAccess, stale: Any) -> None:
        """Forget a client whose credentials are not taken any more: the next one reads them again."""
        bare = connection.bare
        async with self._opening:
            if bare in self._clients and self._clients[bare] is stale:
                del self._clients[bare]
                await stale.close()

    async def close(self) -> None:
        """Close all of them."""
        while self._clients:
            _, one = self._clients.popitem()
            await one.close()


async def _opened(reach: AllowedClusters, connection: KubernetesAccess, authorities: Authorities) -> Any:
    if not reach.serves(connection.namespace):
        raise ClusterRefusedError(
            0,
            f"this worker does not serve the namespace {connection.namespace}: "
            "start one for its pool that does (boreas worker --namespace NAME)",
        )
    configuration = _api.Configuration()
    if connection.kubeconfig_path is None and connection.context is None:
        try:
            _config.load_incluster_config(client_configuration=configuration)
        except ConfigException:
            raise ClusterRefusedError(0, NO_ACCOUNT) from None
    else:
        await _configure(reach, connection, configuration)
    configuration.connection_pool_maxsize = 0
    api = _api.ApiClient(configuration)
    api.user_agent = AGENT
    if configuration.ssl_ca_cert is None and configuration.verify_ssl:
        _believe(api, authorities)
    return api


def _believe(api: Any, authorities: Authorities) -> None:
    """Add the operator's own authorities, where a cluster names none: the library takes one file of them or none."""
    if authorities.extra is not None:
        api.rest_client.pool_manager.connector._ssl.load_verify_locations(cafile=authorities.extra)


async def _configure(reach: AllowedClusters, connection: KubernetesAccess, configuration: Any) -> None:
    """Configure a client by a kubeconfig. Raises ClusterRefusedError, which tells nothing of files."""
    try:
        known = kubeconfig(reach, connection)
        await _config.load_kube_config_from_dict(known, client_configuration=configuration)
    except UnfitError as error:
        logger.warning("a kubeconfig that an environment names is refused: %s", error)
    except Exception as error:
        logger.warning("a kubeconfig that an environment names is no good: %s", type(error).__name__)
    else:
        return
    raise ClusterRefusedError(0, NOT_SERVED)
