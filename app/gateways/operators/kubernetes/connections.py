"""Connections to clusters: one client per connection, opened when first needed, closed with the operator."""

import asyncio
import logging
from typing import Any

from kubernetes_asyncio import client, config
from kubernetes_asyncio.config.config_exception import ConfigException

from app.core.environment import KubernetesAccess
from app.gateways.authorities import USUAL, Authorities
from app.gateways.operators.kubernetes.allowed_clusters import AllowedClusters, KubeconfigError, load_kubeconfig
from app.gateways.operators.kubernetes.errors import ClusterRefusedError

logger = logging.getLogger(__name__)

KUBECONFIG_REFUSED = (
    "this worker does not serve the kubeconfig and context that the environment names; the worker's log says why. "
    "The file must be in the folder that the worker was started with (boreas worker --kubeconfigs DIR)"
)
"""The same for every fault: users who name kubeconfigs must not learn which files the worker's machine has."""
NO_ACCOUNT = (
    "this worker has no service account of a cluster: run it in the cluster, or name a kubeconfig or context in the "
    "environment"
)
USER_AGENT = "boreas"
_api: Any = client
_config: Any = config


class Connections:
    """The API clients of an operator. Credentials are read on the worker's machine and exist only in these clients."""

    def __init__(self, allowed: AllowedClusters, authorities: Authorities = USUAL) -> None:
        self._allowed = allowed
        self._authorities = authorities
        self._clients: dict[KubernetesAccess, Any] = {}
        self._opening = asyncio.Lock()

    async def client(self, connection: KubernetesAccess) -> Any:
        """Return the client of a connection. Raises ClusterRefusedError where it cannot be configured."""
        bare = connection.bare
        async with self._opening:
            if bare not in self._clients:
                self._clients[bare] = await _open(self._allowed, bare, self._authorities)
            return self._clients[bare]

    async def discard(self, connection: KubernetesAccess, stale: Any) -> None:
        """Close a client whose credentials have expired: the next one reads them again."""
        bare = connection.bare
        async with self._opening:
            if bare in self._clients and self._clients[bare] is stale:
                del self._clients[bare]
                await stale.close()

    async def close(self) -> None:
        """Close all clients."""
        while self._clients:
            _, api = self._clients.popitem()
            await api.close()


async def _open(allowed: AllowedClusters, connection: KubernetesAccess, authorities: Authorities) -> Any:
    if not allowed.allows_namespace(connection.namespace):
        raise ClusterRefusedError(
            0,
            f"this worker does not serve the namespace {connection.namespace}: "
            "start a worker for its pool that does (boreas worker --namespace NAME)",
        )
    configuration = _api.Configuration()
    if connection.kubeconfig_path is None and connection.context is None:
        try:
            _config.load_incluster_config(client_configuration=configuration)
        except ConfigException:
            raise ClusterRefusedError(0, NO_ACCOUNT) from None
    else:
        await _configure(allowed, connection, configuration)
    configuration.connection_pool_maxsize = 0
    api = _api.ApiClient(configuration)
    api.user_agent = USER_AGENT
    if configuration.ssl_ca_cert is None and configuration.verify_ssl:
        _trust(api, authorities)
    return api


def _trust(api: Any, authorities: Authorities) -> None:
    """Trust the operator's own authorities, where a kubeconfig names none: the library takes one file of them only."""
    if authorities.extra is not None:
        api.rest_client.pool_manager.connector._ssl.load_verify_locations(cafile=authorities.extra)


async def _configure(allowed: AllowedClusters, connection: KubernetesAccess, configuration: Any) -> None:
    """Configure a client by a kubeconfig. Raises ClusterRefusedError, which says nothing about files."""
    try:
        kubeconfig = load_kubeconfig(allowed, connection)
        await _config.load_kube_config_from_dict(kubeconfig, client_configuration=configuration)
    except KubeconfigError as error:
        logger.warning("a kubeconfig that an environment names is refused: %s", error)
    except Exception as error:
        logger.warning("a kubeconfig that an environment names is invalid: %s", type(error).__name__)
    else:
        return
    raise ClusterRefusedError(0, KUBECONFIG_REFUSED)
