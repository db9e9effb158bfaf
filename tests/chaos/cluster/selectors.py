"""Label and field selectors of requests, and refusals as a cluster words them."""

from typing import Any

import aiohttp.web

Object = dict[str, Any]


class Refusal(Exception):
    """A refusal, as the API server words it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        body = {"kind": "Status", "status": "Failure", "reason": reason, "code": status, "message": message}
        self.response = aiohttp.web.json_response(body, status=status)


def chosen(plural: str, body: Object, params: Any) -> bool:
    """Return whether an object matches the selectors of a request. Only some fields are supported."""
    labels, fields = selector(params.get("labelSelector", "")), selector(params.get("fieldSelector", ""))
    supported_fields = {"metadata.name": body["metadata"]["name"]}
    if plural == "events":
        supported_fields |= {"involvedObject.uid": body["involvedObject"]["uid"], "reason": body["reason"]}
    if fields.keys() - supported_fields.keys():
        raise Refusal(400, "BadRequest", f"field label not supported: {', '.join(fields)}")
    return matches(labels, body["metadata"].get("labels") or {}) and matches(fields, supported_fields)


def selector(text: str) -> dict[str, str | None]:
    parts = [part.partition("=") for part in text.split(",") if part]
    return {name: value if equals else None for name, equals, value in parts}


def matches(selector: Any, labels: Any) -> bool:
    return all(name in labels if value is None else labels.get(name) == value for name, value in selector.items())
