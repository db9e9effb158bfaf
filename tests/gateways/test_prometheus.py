"""Queries of metrics against a fake Prometheus server, and the values from its answers."""

import math
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.gateways.probes import HttpProbe
from app.gateways.prometheus import MAX_BYTES
from app.ports import Measurement
from tests.support.prometheus import Prometheus, scalar, serving, vector


@pytest.fixture
async def probe() -> AsyncIterator[HttpProbe]:
    async with HttpProbe() as probe:
        yield probe


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    ("result", "values"),
    [
        (vector("0.25"), (0.25,)),
        (vector("1", "2e3", "-0.5"), (1.0, 2000.0, -0.5)),
        (vector("+Inf"), (math.inf,)),
        (scalar("42"), (42.0,)),
        (vector(), ()),
    ],
)
async def test_the_values_of_a_query(
    probe: HttpProbe, prometheus: Prometheus, result: dict[str, Any], values: tuple[float, ...]
) -> None:
    prometheus.gives(result)
    assert (await probe.measure(prometheus.url, "up", 5)).values == values


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (200, {"status": "success", "data": vector()}, "no data"),
        (400, {"status": "error", "error": "parse error\nat 1"}, "answered 400: parse error at 1"),
        (503, b"gone", "answered 503 with no JSON"),
        (200, b"[" * (MAX_BYTES + 9), "answered 200 with too much to be read"),
        (200, {"status": "success", "data": None}, "answered 200, and not as Prometheus does"),
        (200, [], "answered 200, and not as Prometheus does"),
        (
            200,
            {"status": "success", "data": {"resultType": "matrix", "result": []}},
            "the query gives a matrix; a check takes a scalar or an instant vector",
        ),
        (
            200,
            {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "many"]}]}},
            "the vector is not as Prometheus writes it",
        ),
        (
            200,
            {"status": "success", "data": {"resultType": "vector", "result": 7}},
            "the vector is not as Prometheus writes it",
        ),
    ],
)
async def test_what_gives_no_value_says_why(
    probe: HttpProbe, prometheus: Prometheus, status: int, body: Any, detail: str
) -> None:
    prometheus.answers = [(status, body)]
    assert await probe.measure(prometheus.url, "up", 5) == Measurement((), detail)


@pytest.mark.parametrize("path", ["", "/", "/select/0/prometheus", "/select/0/prometheus/"])
async def test_the_query_is_asked_below_the_path(probe: HttpProbe, prometheus: Prometheus, path: str) -> None:
    prometheus.gives(scalar("1"))
    query = 'sum(rate(http_requests_total{code=~"5.."}[1m])) / 2 & "ü" + #%'
    await probe.measure(f"{prometheus.url}{path}", query, 5)
    assert prometheus.asked == [(f"{path.rstrip('/')}/api/v1/query", query)]


async def test_a_server_that_is_away_gives_no_value(probe: HttpProbe) -> None:
    with socket.socket() as bound_socket:
        bound_socket.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound_socket.getsockname()[1]}"
        assert await probe.measure(url, "up", 5) == Measurement((), "connection refused")


async def test_a_server_that_is_silent_gives_no_value_in_time(probe: HttpProbe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        measured = await probe.measure(f"http://127.0.0.1:{silent.getsockname()[1]}", "up", 0.2)
    assert measured == Measurement((), "timed out after 0.2 s")


@pytest.mark.parametrize("url", ["http://[::1", "ftp://prometheus", "http://prometheus:99999"])
async def test_an_invalid_address_gives_no_value(probe: HttpProbe, url: str) -> None:
    measured = await probe.measure(url, "up", 5)
    assert measured.values == () and measured.detail.startswith("invalid URL: ")
