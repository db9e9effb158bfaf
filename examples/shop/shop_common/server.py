"""The HTTP server of each service: sockets, limits, access log, graceful shutdown, and a shared port."""

import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shop_common.web import HttpError, Response

Answer = Callable[[str, str, bytes], Response]

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 64 * 1024
LARGEST_DISCARDED = 1024 * 1024
IDLE_SECONDS = 10
DRAIN_SECONDS = 3.0


class Server(ThreadingHTTPServer):
    """Serves one `answer` function, by default on the loopback interface; port 0 takes any free port.

    Several servers may listen on one port if all of them are `shared`; each call goes to one of them.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer, host: str = LOOPBACK, *, shared: bool = False) -> None:
        self.allow_reuse_port = shared
        super().__init__((host, port), Handler)
        self.answer = answer
        self._queue_is_empty = False
        self._busy = 0
        self._idle = threading.Condition()

    def server_bind(self) -> None:
        """Binds without the reverse name look-up of HTTPServer, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def run(self) -> None:
        """Serves until `stop`, then waits for the calls in progress."""
        self.serve_forever(poll_interval=0.1)
        self._accept_queued()
        self.server_close()
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0, timeout=DRAIN_SECONDS)

    def _accept_queued(self) -> None:
        """Accepts the queued connections: closing the socket would reset them."""
        self.timeout = 0
        for _ in range(self.request_queue_size):
            self._queue_is_empty = False
            self.handle_request()
            if self._queue_is_empty:
                return

    def handle_timeout(self) -> None:
        """Records that no connection is queued."""
        self._queue_is_empty = True

    def stop(self) -> None:
        """Asks `run` to return; safe in a signal handler, because `shutdown` waits in a thread of its own."""
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Logs a lost connection in one line, without a traceback."""
        print(f"connection lost: {sys.exc_info()[1]!r}")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Marks a call as in progress; `run` waits for it before it returns."""
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()


class SharedPort:
    """The port that customers call. A process listens on it while its set of instances serves."""

    def __init__(self, port: int, answer: Answer, host: str) -> None:
        self._port, self._answer, self._host = port, answer, host
        self._server: Server | None = None

    def listen(self) -> None:
        """Listens on the port, if it does not yet. Another process may listen on it at the same time."""
        if self._server is None:
            self._server = Server(self._port, self._answer, self._host, shared=True)
            threading.Thread(target=self._server.run, daemon=True).start()
            print(f"accepts calls on port {self._port}")

    def leave(self) -> None:
        """Accepts no new calls; calls in progress end normally."""
        if self._server is not None:
            self._server.stop()
            self._server = None
            print(f"no longer accepts calls on port {self._port}")


class Handler(BaseHTTPRequestHandler):
    """Handles a connection; every HTTP method goes through the same steps."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1

    def do_GET(self) -> None:
        """Answers a call with any HTTP method."""
        with self.server.busy():
            self._serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        started = time.perf_counter()
        try:
            method = "GET" if self.command == "HEAD" else self.command
            response = self.server.answer(method, self.path, self._body())
        except HttpError as error:
            response = error.response()
        except (TimeoutError, ConnectionError):
            raise
        except Exception:
            traceback.print_exc()
            response = Response({"error": "internal error; the log has the details"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(response)
        if self.path != "/health" or response.status != HTTPStatus.OK:
            milliseconds = (time.perf_counter() - started) * 1000
            print(f"{self.command} {self.path!a} {int(response.status)} {milliseconds:.1f} ms")

    def _body(self) -> bytes:
        """The request's body.

        A body left unread would be taken for the next call, so a refusal closes the connection. One that is only
        somewhat too large is read and thrown away: closing on unread bytes resets the connection, and the client
        would never see why.
        """
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise HttpError(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
        stated = self.headers.get("Content-Length", "0")
        if not (stated.isascii() and stated.isdigit()):
            self.close_connection = True
            raise HttpError(HTTPStatus.BAD_REQUEST, "Content-Length must be a number")
        if len(stated) > len(str(LARGEST_BODY)) or int(stated) > LARGEST_BODY:
            self.close_connection = True
            self.rfile.read(min(int(stated[:9]), LARGEST_DISCARDED))
            raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have at most {LARGEST_BODY} bytes")
        return self.rfile.read(int(stated))

    def _send(self, response: Response) -> None:
        body = response.encoded()
        self.send_response(response.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing: `_serve` writes the log line."""
