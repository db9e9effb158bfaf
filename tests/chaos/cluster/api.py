"""The API server of a fake cluster: HTTP by kmock, with the rules that operators depend on.

Beyond kmock's emulator it has versions, conflicts, selectors, watches from a version with bookmarks and 410 Gone,
deletion with what belongs to an object, and logs of pods. It counts what is made, and breaks where a test asks.
"""

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp.web
import attrs
import kmock

from tests.chaos.cluster import evictions
from tests.chaos.cluster.admission import Admission
from tests.chaos.cluster.schema import Schema
from tests.chaos.cluster.selectors import Refusal, chosen

BOREAS = "boreas"
"""How the operator names itself; people and tests have other names."""
KINDS = {
    "jobs": ("batch/v1", "Job"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "services": ("v1", "Service"),
}
EVICTION = ("pods", "deployments", "poddisruptionbudgets")
Object = dict[str, Any]
Key = tuple[str, str, str]
Change = Callable[[Object], object]


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Log:
    """The output of a container, each line with its timestamp."""

    lines: list[tuple[str, bytes]] = field(default_factory=list)
    ended: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, line: bytes) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        self.lines.append((stamp, line))
        self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Cut(Exception):
    """The connection breaks, before or after the server carried out the request."""


@attrs.define(kw_only=True, eq=False)
class ClusterServer(kmock.KubernetesScaffold):
    """The objects of a cluster, and the requests for them."""

    objects: dict[Key, Object] = attrs.field(factory=dict)
    logs: dict[str, Log] = attrs.field(factory=dict)
    events: list[tuple[int, str, Key, Object]] = attrs.field(factory=list)
    version: int = 0
    oldest: int = 0
    made: Counter[Key] = attrs.field(factory=Counter)
    asked: list[str] = attrs.field(factory=list)
    schema: Schema | None = None
    faults: list[str] = attrs.field(factory=list)
    rights: set[tuple[str, str, str]] = attrs.field(factory=set)
    admission: Admission = attrs.field(factory=Admission)
    away: bool = False
    before: Callable[[str, str], None] = lambda _method, _path: None
    after: Callable[[str, str], None] = lambda _method, _path: None
    listeners: list[Callable[[], object]] = attrs.field(factory=list)
    cut_log_after: int | None = None
    _changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    _open: list[aiohttp.web.BaseRequest] = attrs.field(factory=list)

    # Actions of controllers and tests

    def of(self, plural: str) -> Iterator[Object]:
        yield from [body for (kind, _, _), body in self.objects.items() if kind == plural]

    def seek(self, plural: str, name: str, namespace: str = "default") -> Object | None:
        return self.objects.get((plural, namespace, name))

    def store(self, plural: str, body: Object, namespace: str = "default") -> Object:
        """Create or replace an object, as the server does."""
        key = (plural, namespace, body["metadata"]["name"])
        body = copy.deepcopy(body)
        meta = body["metadata"]
        meta["namespace"] = namespace
        previous = self.objects.get(key)
        if previous is None:
            self.made[key] += 1
            meta |= {"uid": f"uid-{self.version + 1}", "creationTimestamp": now(), "generation": 1}
        else:
            changed = previous.get("spec") != body.get("spec")
            meta["generation"] = previous["metadata"].get("generation", 1) + changed
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        self._record("MODIFIED" if previous else "ADDED", key, body)
        return body

    def change(self, plural: str, name: str, change: Change, namespace: str = "default") -> None:
        """Change an object in place, as a controller or a person does."""
        if (body := self.objects.get((plural, namespace, name))) is not None:
            body = copy.deepcopy(body)
            change(body)
            if body != self.objects[plural, namespace, name]:
                self.store(plural, body, namespace)

    def remove(self, key: Key) -> None:
        """Delete an object and its dependents."""
        body = self.objects.pop(key, None)
        if body is None:
            return
        self.version += 1
        body = copy.deepcopy(body)
        body["metadata"]["resourceVersion"] = str(self.version)
        uid = body["metadata"]["uid"]
        self._record("DELETED", key, body)
        for dependent_key, dependent in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in dependent["metadata"].get("ownerReferences", ())):
                self.remove(dependent_key)

    def expire_history(self) -> None:
        """Expire the history, as a cluster does after some minutes: requests for it get 410."""
        self.oldest = self.version

    def drop_connections(self) -> None:
        """Break every open connection."""
        for request in list(self._open):
            if request.transport is not None:
                request.transport.close()

    def _record(self, change_type: str, key: Key, body: Object) -> None:
        if change_type == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = body
        self.events.append((self.version, change_type, key, body))
        event, self._changed = self._changed, asyncio.Event()
        event.set()
        for listener in self.listeners:
            listener()

    # Requests over HTTP

    async def _handle(self, request: Any) -> aiohttp.web.StreamResponse:
        raw: aiohttp.web.BaseRequest = request._raw_request
        if self.away:
            raise_cut(raw)
        if request.resource is None:
            return await super()._handle(request)
        self.asked.append(f"{raw.method} {raw.path}")
        try:
            if raw.headers.get("User-Agent") == BOREAS:
                self.rights.add((verb(request), request.resource.group, resource(request)))
                self._check(request.resource.plural, str(raw.method), request.data)
            self.before(str(raw.method), raw.path)
            response = await self._answer(request, raw)
            self.after(str(raw.method), raw.path)
        except Cut:
            raise_cut(raw)
        except Refusal as refusal:
            return refusal.response
        return response

    async def _answer(self, request: Any, raw: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        plural, namespace = request.resource.plural, request.namespace or "default"
        key = (plural, namespace, request.name or "")
        match raw.method:
            case "GET" if request.subresource == "log":
                return await self._log(request, raw)
            case "GET" if request.name:
                return aiohttp.web.json_response(self._get(key))
            case "GET" if request.params.get("watch"):
                return await self._watch(plural, namespace, request.params, raw)
            case "GET":
                items = [body for _, body in self._matching(plural, namespace, request.params)]
                return aiohttp.web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})
            case "POST" if request.subresource == "eviction":
                return self._evict(key)
            case "POST":
                key = (plural, namespace, request.data["metadata"]["name"])
                if plural == "jobs" and (reason := self.admission.job(request.data, self.of("jobs"))):
                    raise Refusal(403, "Forbidden", reason)
                if key in self.objects:
                    raise Refusal(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
                return aiohttp.web.json_response(self.store(plural, request.data, namespace), status=201)
            case "PUT":
                return aiohttp.web.json_response(self._replace(key, request.data))
            case "DELETE":
                return self._delete(key, request.data or {})
        raise Refusal(405, "MethodNotAllowed", f"{raw.method} is not played")

    def _check(self, plural: str, method: str, body: Any) -> None:
        """Refuse and record objects of Boreas that the API does not know; the schema has no routes."""
        if method not in ("POST", "PUT") or self.schema is None or plural not in KINDS:
            return
        version, kind = KINDS[plural]
        sent = {"apiVersion": version, "kind": kind, "spec": body["spec"]} if method == "PUT" else body
        try:
            parsed = self.schema.as_known(sent)
        except ValueError as error:
            parsed = error
        if parsed != sent:
            self.faults.append(f"{method} {sent}: {parsed}")
            raise Refusal(422, "Invalid", f"{kind} is invalid: {parsed}")

    def _get(self, key: Key) -> Object:
        if key not in self.objects:
            raise Refusal(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return self.objects[key]

    def _replace(self, key: Key, body: Object) -> Object:
        stored = self._get(key)
        if body["metadata"].get("resourceVersion") not in (None, stored["metadata"]["resourceVersion"]):
            raise Refusal(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        fixed_fields = {name: stored["metadata"][name] for name in ("uid", "creationTimestamp")}
        body = {**body, "status": stored.get("status", {}), "metadata": {**body["metadata"], **fixed_fields}}
        return self.store(key[0], body, key[1])

    def _evict(self, key: Key) -> aiohttp.web.StreamResponse:
        objects_by_plural = [
            [body for object_key, body in self.objects.items() if object_key[:2] == (plural, key[1])]
            for plural in EVICTION
        ]
        if reason := evictions.refusal(self._get(key), *objects_by_plural):
            raise Refusal(*reason)
        self.remove(key)
        return aiohttp.web.json_response({"kind": "Status", "status": "Success"}, status=201)

    def _delete(self, key: Key, options: Object) -> aiohttp.web.StreamResponse:
        body = self._get(key)
        for field_, expected in (options.get("preconditions") or {}).items():
            if expected == body["metadata"][field_]:
                continue
            raise Refusal(409, "Conflict", "Precondition failed: the object has been modified")
        is_foreground = key[0] != "pods" and options.get("propagationPolicy") == "Foreground"
        is_graceful = key[0] == "pods" and options.get("gracePeriodSeconds") != 0
        if "deletionTimestamp" not in body["metadata"] and (is_foreground or is_graceful):
            marked = copy.deepcopy(body)
            marked["metadata"]["deletionTimestamp"] = now()
            self.store(key[0], marked, key[1])
        else:
            self.remove(key)
        return aiohttp.web.json_response({"kind": "Status", "status": "Success"})

    def _matching(self, plural: str, namespace: str, params: Any) -> Iterator[tuple[Key, Object]]:
        for key, body in self.objects.items():
            if key[:2] == (plural, namespace) and chosen(plural, body, params):
                yield key, body

    async def _watch(
        self, plural: str, namespace: str, params: Any, raw: aiohttp.web.BaseRequest
    ) -> aiohttp.web.StreamResponse:
        position = int(params.get("resourceVersion") or self.version)
        if position < self.oldest:
            raise Refusal(410, "Expired", "too old resource version")
        response = aiohttp.web.StreamResponse()
        await response.prepare(raw)
        self._open.append(raw)
        try:
            while True:
                changed = self._changed
                for version, change_type, key, body in list(self.events):
                    if version > position:
                        position = version
                        if key[:2] == (plural, namespace) and chosen(plural, body, params):
                            await response.write(json.dumps({"type": change_type, "object": body}).encode() + b"\n")
                mark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(position)}}}
                await response.write(json.dumps(mark).encode() + b"\n")
                await changed.wait()
        finally:
            self._open = [connection for connection in self._open if connection is not raw]

    async def _log(self, request: Any, raw: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        self._get(("pods", request.namespace, request.name))
        log = self.logs.get(request.name)
        if log is None:
            raise Refusal(400, "BadRequest", "container is waiting to start: ContainerCreating")
        since = request.params.get("sinceTime", "")[:19]
        response = aiohttp.web.StreamResponse()
        await response.prepare(raw)
        self._open.append(raw)
        position = written = 0
        try:
            while True:
                changed = log.changed
                while position < len(log.lines):
                    stamp, line = log.lines[position]
                    position += 1
                    if stamp[:19] >= since:
                        await response.write(stamp.encode() + b" " + line)
                        written += 1
                        if self.cut_log_after is not None and written >= self.cut_log_after:
                            await asyncio.sleep(0)
                            raise Cut
                if log.ended or not request.params.get("follow"):
                    await response.write_eof()
                    return response
                await changed.wait()
        finally:
            self._open = [connection for connection in self._open if connection is not raw]


def raise_cut(raw: aiohttp.web.BaseRequest) -> None:
    if raw.transport is not None:
        raw.transport.close()
    raise asyncio.CancelledError


def verb(request: Any) -> str:
    """Return the verb that a role must allow for a request."""
    if request._raw_request.method == "GET" and not request.name:
        return "watch" if request.params.get("watch") else "list"
    return {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}[request._raw_request.method]


def resource(request: Any) -> str:
    """Return the resource that a role must allow for a request."""
    plural: str = request.resource.plural
    return f"{plural}/{request.subresource}" if request.subresource else plural
