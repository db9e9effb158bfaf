"""The order-service, seen from outside, with a stand-in for the user-service that speaks its HTTP."""

# ruff: noqa: D101, D102 - the names of the tests say what they show

import json
import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

from service_tests.support import Reply, ServiceCase

ITEM = {"sku": "tea", "quantity": 2, "unit_cents": 450}


class UsersHandler(BaseHTTPRequestHandler):
    """Knows u-1; breaks on u-broken."""

    def do_GET(self) -> None:
        status = {"/users/u-1": 200, "/users/u-broken": 500}.get(self.path, 404)
        body = json.dumps({"id": self.path.rpartition("/")[2]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test output to the tests."""


def free_port() -> int:
    """Returns a port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WithUsers(ServiceCase):
    @classmethod
    def settings(cls) -> Mapping[str, object]:
        users = HTTPServer(("127.0.0.1", 0), UsersHandler)
        threading.Thread(target=users.serve_forever, args=(0.05,), daemon=True).start()
        cls.addClassCleanup(users.server_close)
        cls.addClassCleanup(users.shutdown)
        return {"order-service": {"users": [f"http://127.0.0.1:{users.server_port}"]}}

    def order(self, **changes: object) -> Reply:
        return self.service.call("POST", "/orders", {"user_id": "u-1", "items": [ITEM], **changes})

    def test_health(self) -> None:
        reply = self.service.call("GET", "/health")
        self.assertEqual((reply.status, reply.body["service"]), (200, "order-service"))

    def test_order_of_a_known_user_is_accepted_and_kept(self) -> None:
        accepted = self.order(items=[ITEM, {"sku": "cup", "quantity": 1, "unit_cents": 1200}])
        self.assertEqual((accepted.status, accepted.body["total_cents"]), (201, 2100))
        self.assertEqual(self.service.call("GET", accepted.headers["Location"]).body, accepted.body)

    def test_orders_are_listed(self) -> None:
        order = self.order().body
        orders = self.service.call("GET", "/orders").body["orders"]
        assert isinstance(orders, list)
        self.assertIn(order, orders)

    def test_unknown_order(self) -> None:
        self.refused(self.service.call("GET", "/orders/o-none"), 404, "id")

    def test_unknown_user_is_refused(self) -> None:
        for user_id in ["u-2", "../health", "🦊"]:
            with self.subTest(user_id=user_id):
                self.refused(self.order(user_id=user_id), 422, "user_id")

    def test_trouble_at_the_user_service_is_not_blamed_on_the_client(self) -> None:
        self.refused(self.order(user_id="u-broken"), 503)

    def test_bad_orders(self) -> None:
        bad: list[tuple[str, dict[str, object]]] = [
            ("user_id", {"user_id": None}),
            ("items", {"items": []}),
            ("items", {"items": ["tea"]}),
            ("sku", {"items": [{**ITEM, "sku": ""}]}),
            ("quantity", {"items": [{**ITEM, "quantity": 0}]}),
            ("quantity", {"items": [{**ITEM, "quantity": True}]}),
            ("unit_cents", {"items": [{**ITEM, "unit_cents": 4.5}]}),
            ("coupon", {"coupon": "FREE"}),
        ]
        for about, changes in bad:
            with self.subTest(about=about, changes=changes):
                self.refused(self.order(**changes), 422, about)


class UsersAway(ServiceCase):
    @classmethod
    def settings(cls) -> Mapping[str, object]:
        return {"order-service": {"users": [f"http://127.0.0.1:{free_port()}"]}}

    def test_orders_wait_but_the_service_is_healthy(self) -> None:
        self.refused(self.service.call("POST", "/orders", {"user_id": "u-1", "items": [ITEM]}), 503)
        self.assertEqual(self.service.call("GET", "/health").status, 200)


class WithoutSettings(ServiceCase):
    def test_health_says_what_is_missing(self) -> None:
        reply = self.service.call("GET", "/health")
        self.assertEqual((reply.status, reply.body["status"]), (503, "failing"))
        self.assertIn("'users'", str(reply.body["reason"]))
