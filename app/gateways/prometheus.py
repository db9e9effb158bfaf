"""Instant queries of Prometheus: their URL, and how answers are read."""

import json
from typing import Any

import httpx

from app.ports import Measurement

MAX_BYTES = 1_048_576
"""Bytes of an answer: a query for a check returns a few numbers, and a larger answer is a mistake."""

_EXCERPT = 200
"""Characters shown of an error."""


def address(url: str, query: str) -> str:
    """Return the URL of a query to the server at `url`, whose path and parameters stay. Raises httpx.InvalidURL."""
    base = httpx.URL(url)
    return str(base.copy_with(path=f"{base.path.rstrip('/')}/api/v1/query").copy_add_param("query", query))


def read(status: int, body: bytes) -> Measurement:
    """Return the values of an answer. Where it has no numbers, `detail` says what it has instead."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        shape = "too much to be read" if len(body) >= MAX_BYTES else "no JSON"
        return Measurement((), f"answered {status} with {shape}")
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or answer.get("status") != "success":
        return Measurement((), _refusal(status, answer))
    return _values(data.get("resultType"), data.get("result"))


def _refusal(status: int, answer: Any) -> str:
    is_ours = isinstance(answer, dict) and answer.get("status") == "error"
    error = str(answer.get("error") or "") if is_ours else ""
    words = " ".join("".join(char if char.isprintable() else " " for char in error).split())
    return f"answered {status}: {words[:_EXCERPT]}" if words else f"answered {status}, and not as Prometheus does"


def _values(kind: object, result: Any) -> Measurement:
    """Read the samples of a vector or a scalar: each is a pair of a time and a number as text."""
    if kind not in ("vector", "scalar"):
        return Measurement((), f"the query gives a {kind}; a check takes a scalar or an instant vector")
    try:
        samples = [result] if kind == "scalar" else [series["value"] for series in result]
        values = tuple(float(text) for _, text in samples)
    except (TypeError, ValueError, KeyError):
        return Measurement((), f"the {kind} is not as Prometheus writes it")
    return Measurement(values, f"{len(values)} values" if values else "no data")
