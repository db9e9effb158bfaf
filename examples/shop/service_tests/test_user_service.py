"""The user-service, seen from outside."""

# ruff: noqa: D101, D102 - the names of the tests say what they show

from concurrent.futures import ThreadPoolExecutor

from service_tests.support import ServiceCase


class Describing(ServiceCase):
    def test_health_names_service_version_and_process(self) -> None:
        reply = self.service.call("GET", "/health")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.body["status"], "ok")
        self.assertEqual(reply.body["service"], "user-service")
        self.assertEqual(reply.body["pid"], self.service.process.pid)
        self.assertTrue(reply.body["version"])

    def test_root_lists_every_endpoint(self) -> None:
        endpoints = self.service.call("GET", "/").body["endpoints"]
        assert isinstance(endpoints, list)
        self.assertIn(("POST", "/users"), [(each["method"], each["path"]) for each in endpoints])
        self.assertIn(("GET", "/health"), [(each["method"], each["path"]) for each in endpoints])


class Reading(ServiceCase):
    def test_seed_users_are_listed(self) -> None:
        reply = self.service.call("GET", "/users")
        self.assertEqual((reply.status, reply.body["count"]), (200, 3))

    def test_one_user(self) -> None:
        reply = self.service.call("GET", "/users/u-1")
        self.assertEqual(reply.body, {"id": "u-1", "name": "Ada Lovelace", "email": "ada@shop.example"})

    def test_unknown_user(self) -> None:
        self.refused(self.service.call("GET", "/users/u-999"), 404, "id")

    def test_unknown_path(self) -> None:
        self.refused(self.service.call("GET", "/customers"), 404)


class Creating(ServiceCase):
    def test_created_user_can_be_read(self) -> None:
        created = self.service.call("POST", "/users", {"name": " Alan Turing ", "email": "alan@shop.example"})
        self.assertEqual((created.status, created.body["name"]), (201, "Alan Turing"))
        self.assertEqual(self.service.call("GET", created.headers["Location"]).body, created.body)

    def test_name_may_hold_emoji(self) -> None:
        created = self.service.call("POST", "/users", {"name": "Zoë 🦊", "email": "zoe@shop.example"})
        self.assertEqual((created.status, created.body["name"]), (201, "Zoë 🦊"))

    def test_email_is_unique_whatever_its_case(self) -> None:
        self.refused(self.service.call("POST", "/users", {"name": "Ada", "email": "ADA@shop.example"}), 409, "email")

    def test_of_many_at_once_one_gets_the_email(self) -> None:
        body = {"name": "Many", "email": "many@shop.example"}
        with ThreadPoolExecutor(8) as threads:
            replies = list(threads.map(lambda _: self.service.call("POST", "/users", body).status, range(8)))
        self.assertEqual(sorted(replies), [201] + [409] * 7)

    def test_bad_fields_are_named(self) -> None:
        good = {"name": "Someone", "email": "someone@shop.example"}
        for about, value in [
            ("name", ""),
            ("name", "   "),
            ("name", 7),
            ("name", "a" * 101),
            ("name", "bell\u0007"),
            ("email", "no-at-sign"),
            ("email", "two@@shop.example"),
            ("nickname", "x"),
        ]:
            with self.subTest(about=about, value=value):
                self.refused(self.service.call("POST", "/users", {**good, about: value}), 422, about)


class Refusing(ServiceCase):
    def test_body_that_is_not_json(self) -> None:
        for body in [b"{", b"[]", b'{"name": NaN}', b"\xff", b'{"name": "\\ud800"}', b"[" * 5000]:
            with self.subTest(body=body[:20]):
                self.refused(self.service.call("POST", "/users", body), 400)

    def test_body_that_is_too_large(self) -> None:
        self.refused(self.service.call("POST", "/users", b" " * 70_000), 413)

    def test_method_that_is_not_offered(self) -> None:
        reply = self.service.call("DELETE", "/users")
        self.refused(reply, 405)
        self.assertEqual(reply.headers["Allow"], "GET, POST")


class Ending(ServiceCase):
    def test_sigterm_ends_it_in_order(self) -> None:
        self.assertEqual(self.service.end(), 0)
        self.assertIn("has ended", self.service.log())
