"""Calls to one namespace of a cluster. Objects are plain JSON: what is read is written back whole."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp

from app.core.environment import KubernetesAccess
from app.core.kubernetes.manifests import MANAGER, Object, version_of
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.errors import (
    FORBIDDEN_STATUS,
    ClusterAwayError,
    ClusterRefusedError,
    error_for,
    shorten,
)

ANSWER_SECONDS = 30.0
"""How long a call may take that is not a watch or a log."""
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 330.0
"""How long a watch may be silent before its connection counts as dead: longer than WATCH_SECONDS."""
WATCH_SECONDS = 300
"""How long the cluster is asked to keep a watch open."""
FORBIDDEN_SECONDS = 15.0
"""How long a call must be forbidden to count as refused: a cluster that has just started knows no roles yet."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of objects: the path of its API, its plural there, and its name for users."""

    api: str
    plural: str
    name: str


JOBS = Kind("apis/batch/v1", "jobs", "Job")
PODS = Kind("api/v1", "pods", "Pod")
EVENTS = Kind("api/v1", "events", "Event")
SERVICES = Kind("api/v1", "services", "Service")
DEPLOYMENTS = Kind("apis/apps/v1", "deployments", "Deployment")
REPLICA_SETS = Kind("apis/apps/v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Kind("apis/apps/v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Kind("apis/apps/v1", "daemonsets", "DaemonSet")
AUTOSCALERS = Kind("apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
BUDGETS = Kind("apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
ROUTES = Kind("apis/gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute")


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects that exist, and the version of the whole list, from which a watch continues."""

    items: tuple[Object, ...]
    version: str


class WriteLease:
    """The time until which this worker may write to clusters. After it another worker may have its attempts."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._renewed = asyncio.Event()

    def renew(self, seconds: float) -> None:
        """Allow writes for `seconds` from now."""
        self._until = asyncio.get_running_loop().time() + seconds
        self._renewed.set()

    async def wait_until_valid(self) -> None:
        """Return once writes are allowed: at once while the lease is valid, and before the first renewal."""
        while self._until is not None and asyncio.get_running_loop().time() >= self._until:
            self._renewed.clear()
            await self._renewed.wait()


class Cluster:
    """One namespace, by one connection. Raises ClusterAwayError and ClusterRefusedError, and nothing else."""

    def __init__(self, connections: Connections, connection: KubernetesAccess, lease: WriteLease) -> None:
        self.namespace = connection.namespace
        self._connections = connections
        self._connection = connection
        self._lease = lease
        self._forbidden: dict[str, float] = {}

    async def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, None where it does not exist."""
        try:
            return await self._json("GET", self._path(kind, name), f"reading {kind.name} {name}")
        except ClusterRefusedError as error:
            if error.is_missing:
                return None
            raise

    async def list(self, kind: Kind, selector: str = "", fields: str = "") -> Listing:
        """Return the objects that match a label selector and a field selector."""
        query = _selectors(selector, fields)
        listing = await self._json("GET", self._path(kind), f"listing {kind.plural}", query=query)
        return Listing(tuple(listing.get("items") or ()), version_of(listing))

    async def create(self, kind: Kind, body: Object) -> Object:
        """Create an object. Raises ClusterRefusedError with `is_conflict` where the name is taken."""
        await self._lease.wait_until_valid()
        doing = f"creating {kind.name} {body['metadata']['name']}"
        return await self._json("POST", self._path(kind), doing, query={"fieldManager": MANAGER}, body=body)

    async def modify(self, kind: Kind, name: str, change: Callable[[Object], Object]) -> Object:
        """Read an object, write what `change` makes of it, and return it; again when it has changed in between.

        Changes of others are never overwritten: the version that was read must still be the newest. No write follows
        where `change` changes nothing. Raises ClusterRefusedError with `is_missing`.
        """
        while True:
            current = await self._json("GET", self._path(kind, name), f"reading {kind.name} {name}")
            changed = change(current)
            if changed == current:
                return current
            await self._lease.wait_until_valid()
            try:
                query = {"fieldManager": MANAGER}
                return await self._json("PUT", self._path(kind, name), f"changing {kind.name} {name}", query, changed)
            except ClusterRefusedError as error:
                if not error.is_conflict:
                    raise

    async def delete(
        self,
        kind: Kind,
        name: str,
        *,
        propagation: str = "Background",
        grace_seconds: int | None = None,
        version: str | None = None,
    ) -> bool:
        """Delete an object, and what it owns as `propagation` says. Return False where it does not exist.

        With `version`, delete only that version: else raises ClusterRefusedError with `is_conflict`.
        """
        await self._lease.wait_until_valid()
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        if version is not None:
            body["preconditions"] = {"resourceVersion": version}
        try:
            await self._json("DELETE", self._path(kind, name), f"deleting {kind.name} {name}", body=body)
        except ClusterRefusedError as error:
            if error.is_missing:
                return False
            raise
        return True

    async def watch(self, kind: Kind, selector: str, version: str, fields: str = "") -> AsyncGenerator[Object, None]:
        """Yield the changes after `version` and the bookmarks, as they come, until the cluster ends the watch."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
        } | _selectors(selector, fields)
        async with self._stream(self._path(kind), f"watching {kind.plural}", query, SILENCE_SECONDS) as response:
            buffer = b""
            async for chunk in response.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in filter(None, lines):
                    yield json.loads(line)

    async def log(
        self, pod: str, container: str, since: str | None, *, follow: bool = True
    ) -> AsyncGenerator[bytes, None]:
        """Yield a container's log with timestamps, in chunks as they come, from the second `since` on."""
        query = {"container": container, "timestamps": "true"} | ({"follow": "true"} if follow else {})
        if since:
            query["sinceTime"] = since
        path = f"{self._path(PODS, pod)}/log"
        async with self._stream(path, f"reading the log of Pod {pod}", query, None) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    def _path(self, kind: Kind, name: str = "") -> str:
        path = f"/{kind.api}/namespaces/{quote(self.namespace, safe='')}/{kind.plural}"
        return f"{path}/{quote(name, safe='')}" if name else path

    async def _json(
        self, method: str, path: str, doing: str, query: Mapping[str, str] | None = None, body: Object | None = None
    ) -> Object:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        async with self._request(method, path, doing, query or {}, body, timeout) as response:
            answer: Object = json.loads(await response.read())
            return answer

    @asynccontextmanager
    async def _stream(
        self, path: str, doing: str, query: Mapping[str, str], silence: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with self._request("GET", path, doing, query, None, timeout) as response:
            yield response

    @asynccontextmanager
    async def _request(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, str],
        body: Object | None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield a successful response. Every failure, also while it is read, becomes one of the two errors."""
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._send(method, path, query, body, timeout)
            if not 200 <= response.status < 300:
                content = (await response.read())[:65_536].decode(errors="replace")
                raise error_for(
                    response.status, content, doing, is_new=self._is_newly_forbidden(response.status, doing)
                )
            self._forbidden.pop(doing, None)
            yield response
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise ClusterAwayError(f"{doing}: {shorten(str(error)) or type(error).__name__}") from None
        finally:
            if response is not None:
                response.close()

    def _is_newly_forbidden(self, status: int, doing: str) -> bool:
        now = asyncio.get_running_loop().time()
        return status in FORBIDDEN_STATUS and now - self._forbidden.setdefault(doing, now) < FORBIDDEN_SECONDS

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Object | None, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send a request. Where the credentials have expired, read them again and send it once more."""
        for is_last in (False, True):
            api = await self._connections.client(self._connection)
            response: aiohttp.ClientResponse = await api.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json, */*", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=timeout,
            )
            if response.status != 401 or is_last:
                break
            response.close()
            await self._connections.discard(self._connection, api)
        return response


def _selectors(labels: str, fields: str) -> dict[str, str]:
    """Return the query parameters of two selectors."""
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
