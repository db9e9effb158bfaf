"""A simulated Prometheus server: answers instant queries over HTTP with prepared results."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def vector(*values: str) -> dict[str, Any]:
    """Return the result of a query with one series for each value."""
    series = [{"metric": {"n": str(number)}, "value": [1700000000.5, text]} for number, text in enumerate(values)]
    return {"resultType": "vector", "result": series}


def scalar(value: str) -> dict[str, Any]:
    """Return the result of a query that is a number."""
    return {"resultType": "scalar", "result": [1700000000.5, value]}


class Prometheus(ThreadingHTTPServer):
    """Answers with (status, body) pairs in turn, then with the last one; records paths and queries."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def gives(self, *results: dict[str, Any]) -> None:
        """Answer queries successfully, with these results in turn."""
        self.answers = [(200, {"status": "success", "data": result}) for result in results]

    @property
    def queries(self) -> list[str]:
        """The queries so far."""
        return [query for _, query in self.asked]


class _Answer(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append((parts.path, parse_qs(parts.query).get("query", [""])[0]))
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving() -> Iterator[Prometheus]:
    """Run a simulated Prometheus server."""
    with Prometheus() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
