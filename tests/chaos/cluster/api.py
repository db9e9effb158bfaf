"""An API server of a cluster, over its own wire: kmock's HTTP with the rules that operators live by.

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
    """What a container printed, each line with its timestamp."""

    lines: list[tuple[str, bytes]] = field(default_factory=list)
    ended: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, line: bytes) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        self.lines.append((stamp, line))
        self.wake()

    def wake(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class Cut(Exception):
    """The connection breaks, before or after the server did what was asked."""


@attrs.define(kw_only=True, eq=False)
class ClusterServer(kmock.KubernetesScaffold):
    """The objects of a cluster, and whoever asks for them."""

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
    _news: asyncio.Event = attrs.field(factory=asyncio.Event)
    _open: list[aiohttp.web.BaseRequest] = attrs.field(factory=list)

    # What controllers and tests do

    def of(self, plural: str) -> Iterator[Object]:
        yield from [body for (kind, _, _), body in self.objects.items() if kind == plural]

    def seek(self, plural: str, name: str, namespace: str = "default") -> Object | None:
        return self.objects.get((plural, namespace, name))

    def store(self, plural: str, body: Object, namespace: str = "default") -> Object:
        """Make an object, or store it anew, as the server does."""
        key = (plural, namespace, body["metadata"]["name"])
        body = copy.deepcopy(body)
        meta = body["metadata"]
        meta["namespace"] = namespace
        old = self.objects.get(key)
        if old is None:
            self.made[key] += 1
            meta |= {"uid": f"uid-{self.version + 1}", "creationTimestamp": now(), "generation": 1}
        else:
            changed = old.get("spec") != body.get("spec")
            meta["generation"] = old["metadata"].get("generation", 1) + changed
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        self._tell("MODIFIED" if old else "ADDED", key, body)
        return body

    def change(self, plural: str, name: str, change: Change, namespace: str = "default") -> None:
        """Change an object in place, as a controller or a person does."""
        if (body := self.objects.get((plural, namespace, name))) is not None:
            body = copy.deepcopy(body)
            change(body)
            if body != self.objects[plural, namespace, name]:
                self.store(plural, body, namespace)

    def remove(self, key: Key) -> None:
        """Take an object away, and what belongs to it."""
        body = self.objects.pop(key, None)
        if body is None:
            return
        self.version += 1
        body = copy.deepcopy(body)
        body["metadata"]["resourceVersion"] = str(self.version)
        uid = body["metadata"]["uid"]
        self._tell("DELETED", key, body)
        for other, each in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ())):
                self.remove(other)

    def forget(self) -> None:
        """Forget the past, as a cluster does after some minutes: requests for it get 410."""
        self.oldest = self.version

    def drop(self) -> None:
        """Break every connection that is open."""
        for request in list(self._open):
            if request.transport is not None:
                request.transport.close()

    def _tell(self, what: str, key: Key, body: Object) -> None:
        if what == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = body
        self.events.append((self.version, what, key, body))
        news, self._news = self._news, asyncio.Event()
        news.set()
        for listener in self.listeners:
            listener()

    # What is asked over the wire

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
                return aiohttp.web.json_response(self._there(key))
            case "GET" if request.params.get("watch"):
                return await self._watch(plural, namespace, request.params, raw)
            case "GET":
                items = [body for _, body in self._matching(plural, namespace, request.params)]
                return aiohttp.web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})
            case "POST" if request.subresource == "eviction":
                return self._evict(key)
            case "POST":
                key = (plural, namespace, request.data["metadata"]["name"])
                if plural == "jobs" and (why := self.admission.job(request.data, self.of("jobs"))):
                    raise Refusal(403, "Forbidden", why)
                if key in self.objects:
                    raise Refusal(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
                return aiohttp.web.json_response(self.store(plural, request.data, namespace), status=201)
            case "PUT":
                return aiohttp.web.json_response(self._replace(key, request.data))
            case "DELETE":
                return self._delete(key, request.data or {})
        raise Refusal(405, "MethodNotAllowed", f"{raw.method} is not played")

    def _check(self, plural: str, method: str, body: Any) -> None:
        """Refuse, and keep as a fault, what Boreas sends that the API does not know; the schema has no routes."""
        if method not in ("POST", "PUT") or self.schema is None or plural not in KINDS:
            return
        version, kind = KINDS[plural]
        sent = {"apiVersion": version, "kind": kind, "spec": body["spec"]} if method == "PUT" else body
        try:
            known = self.schema.as_known(sent)
        except ValueError as error:
            known = error
        if known != sent:
            self.faults.append(f"{method} {sent}: {known}")
            raise Refusal(422, "Invalid", f"{kind} is invalid: {known}")

    def _there(self, key: Key) -> Object:
        if key not in self.objects:
            raise Refusal(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return self.objects[key]

    def _replace(self, key: Key, body: Object) -> Object:
        old = self._there(key)
        if body["metadata"].get("resourceVersion") not in (None, old["metadata"]["resourceVersion"]):
            raise Refusal(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        kept = {name: old["metadata"][name] for name in ("uid", "creationTimestamp")}
        body = {**body, "status": old.get("status", {}), "metadata": {**body["metadata"], **kept}}
        return self.store(key[0], body, key[1])

    def _evict(self, key: Key) -> aiohttp.web.StreamResponse:
        there = [[body for at, body in self.objects.items() if at[:2] == (each, key[1])] for each in EVICTION]
        if why := evictions.refusal(self._there(key), *there):
            raise Refusal(*why)
        self.remove(key)
        return aiohttp.web.json_response({"kind": "Status", "status": "Success"}, status=201)

    def _delete(self, key: Key, options: Object) -> aiohttp.web.StreamResponse:
        body = self._there(key)
        for field_, wanted in (options.get("preconditions") or {}).items():
            if wanted == body["metadata"][field_]:
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
                news = self._news
                for version, what, key, body in list(self.events):
                    if version > position:
                        position = version
                        if key[:2] == (plural, namespace) and chosen(plural, body, params):
                            await response.write(json.dumps({"type": what, "object": body}).encode() + b"\n")
                mark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(position)}}}
                await response.write(json.dumps(mark).encode() + b"\n")
                await news.wait()
        finally:
            self._open = [each for each in self._open if each is not raw]

    async def _log(self, request: Any, raw: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        self._there(("pods", request.namespace, request.name))
        log = self.logs.get(request.name)
        if log is None:
            raise Refusal(400, "BadRequest", "container is waiting to start: ContainerCreating")
        since = request.params.get("sinceTime", "")[:19]
        response = aiohttp.web.StreamResponse()
        await response.prepare(raw)
        self._open.append(raw)
        at = written = 0
        try:
            while True:
                news = log.news
                while at < len(log.lines):
                    stamp, line = log.lines[at]
                    at += 1
                    if stamp[:19] >= since:
                        await response.write(stamp.encode() + b" " + line)
                        written += 1
                        if self.cut_log_after is not None and written >= self.cut_log_after:
                            await asyncio.sleep(0)
                            raise Cut
                if log.ended or not request.params.get("follow"):
                    await response.write_eof()
                    return response
                await news.wait()
        finally:
            self._open = [each for each in self._open if each is not raw]


def raise_cut(raw: aiohttp.web.BaseRequest) -> None:
    if raw.transport is not None:
        raw.transport.close()
    raise asyncio.CancelledError


def verb(request: Any) -> str:
    """Return what a role must allow for a request."""
    if request._raw_request.method == "GET" and not request.name:
        return "watch" if request.params.get("watch") else "list"
    return {"GET": "get", "POST": "create", "PUT": "update", "DELETE": "delete"}[request._raw_request.method]


def resource(request: Any) -> str:
    """Return on what a role must allow it."""
    plural: str = request.resource.plural
    return f"{plural}/{request.subresource}" if request.subresource else plural
