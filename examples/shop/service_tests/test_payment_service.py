"""The payment-service, seen from outside."""

# ruff: noqa: D101, D102 - the names of the tests say what they show

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from service_tests import payment_settings
from service_tests.support import Reply, Running, ServiceCase

SETTINGS = {"payment-service": payment_settings.with_ledger("ledger.db")}


def pay(service: Running, order_id: object, amount_cents: object) -> Reply:
    """Asks the service to take a payment."""
    return service.call("POST", "/payments", {"order_id": order_id, "amount_cents": amount_cents})


class Paying(ServiceCase):
    @classmethod
    def settings(cls) -> Mapping[str, object]:
        return SETTINGS

    def test_health(self) -> None:
        reply = self.service.call("GET", "/health")
        self.assertEqual((reply.status, reply.body["service"]), (200, "payment-service"), reply.body)

    def test_payment_is_made_and_kept(self) -> None:
        made = pay(self.service, "o-1", 2100)
        self.assertEqual((made.status, made.body), (201, {"order_id": "o-1", "amount_cents": 2100, "currency": "EUR"}))
        self.assertEqual(self.service.call("GET", "/payments/o-1").body, made.body)

    def test_same_payment_again_changes_nothing(self) -> None:
        first, again = pay(self.service, "o-2", 900), pay(self.service, "o-2", 900)
        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(first.body, again.body)

    def test_other_amount_for_the_same_order_is_refused(self) -> None:
        pay(self.service, "o-3", 900)
        self.refused(pay(self.service, "o-3", 901), 409, "amount_cents")

    def test_of_many_at_once_one_is_made(self) -> None:
        with ThreadPoolExecutor(8) as threads:
            replies = list(threads.map(lambda _: pay(self.service, "o-4", 500).status, range(8)))
        self.assertEqual(sorted(replies), [200] * 7 + [201])

    def test_unpaid_order(self) -> None:
        self.refused(self.service.call("GET", "/payments/o-none"), 404, "order_id")

    def test_bad_payments(self) -> None:
        for about, order_id, amount in [
            ("order_id", "", 100),
            ("amount_cents", "o-5", 0),
            ("amount_cents", "o-5", -1),
            ("amount_cents", "o-5", "100"),
            ("amount_cents", "o-5", 50_001),
        ]:
            with self.subTest(about=about, order_id=order_id, amount=amount):
                self.refused(pay(self.service, order_id, amount), 422, about)


class SharingALedger(ServiceCase):
    @classmethod
    def settings(cls) -> Mapping[str, object]:
        return SETTINGS

    def test_second_instance_knows_the_payments_of_the_first(self) -> None:
        pay(self.service, "o-1", 700)
        with Running(SETTINGS, self.folder) as second:
            self.assertEqual(pay(second, "o-1", 700).status, 200)

    def test_payments_outlive_the_process(self) -> None:
        with Running(SETTINGS, self.folder) as before:
            pay(before, "o-2", 800)
        with Running(SETTINGS, self.folder) as after:
            self.assertEqual(after.call("GET", "/payments/o-2").body["amount_cents"], 800)


class LedgerOutOfReach(ServiceCase):
    @classmethod
    def settings(cls) -> Mapping[str, object]:
        return {"payment-service": payment_settings.with_ledger("no-such-folder/ledger.db")}

    def test_health_says_so(self) -> None:
        reply = self.service.call("GET", "/health")
        self.assertEqual((reply.status, reply.body["status"]), (503, "failing"))
        self.assertIn("cannot be written", str(reply.body["reason"]))


class WithoutSettings(ServiceCase):
    def test_neither_healthy_nor_paying(self) -> None:
        self.assertEqual(self.service.call("GET", "/health").status, 503)
        self.refused(pay(self.service, "o-1", 100), 503)
