"""How a cluster chooses objects by the selectors of a request, and how it words a refusal."""

from typing import Any

import aiohttp.web

Object = dict[str, Any]


class Refusal(Exception):
    """An answer that is none, as the server words it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        body = {"kind": "Status", "status": "Failure", "reason": reason, "code": status, "message": message}
        self.response = aiohttp.web.json_response(body, status=status)


def chosen(plural: str, body: Object, params: Any) -> bool:
    """Return whether the selectors of a request choose an object. Only some fields can be selected by."""
    labels, fields = selector(params.get("labelSelector", "")), selector(params.get("fieldSelector", ""))
    known = {"metadata.name": body["metadata"]["name"]}
    if plural == "events":
        known |= {"involvedObject.uid": body["involvedObject"]["uid"], "reason": body["reason"]}
    if fields.keys() - known.keys():
        raise Refusal(400, "BadRequest", f"field label not supported: {', '.join(fields)}")
    return matches(labels, body["metadata"].get("labels") or {}) and matches(fields, known)


def selector(text: str) -> dict[str, str | None]:
    parts = [part.partition("=") for part in text.split(",") if part]
    return {name: value if equals else None for name, equals, value in parts}


def matches(wanted: Any, labels: Any) -> bool:
    return all(name in labels if value is None else labels.get(name) == value for name, value in wanted.items())
