"""The payment-service: takes the payment for an order, once."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from shop_common import fields
from shop_common.service import Context, Service, UnhealthyError
from shop_common.web import HttpError, Request, Response, Route

from payment_service import settings as configuration
from payment_service.ledger import Ledger, Payment
from payment_service.settings import Settings


def create(context: Context) -> Service:
    """The service; `payment_service.settings` says what it reads.

    Raises:
        ValueError: a setting has the wrong type.
    """
    endpoints = Endpoints(configuration.parse(context.settings, context.data))
    return Service(
        "The payments of the shop.",
        [
            Route("GET", "/payments", endpoints.list, "all payments"),
            Route("POST", "/payments", endpoints.create, "pay: order_id, amount_cents; the same again changes nothing"),
            Route("GET", "/payments/{order_id}", endpoints.get, "the payment for an order"),
        ],
        endpoints.self_check,
    )


class Endpoints:
    """The HTTP side of the ledger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def list(self, _: Request) -> Response:
        """All payments in the ledger."""
        payments = [asdict(payment) for payment in self._ledger().all()]
        return Response({"payments": payments, "count": len(payments)})

    def get(self, request: Request) -> Response:
        """The payment for an order, or 404."""
        payment = self._ledger().get(request.params["order_id"])
        if payment is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"{request.params['order_id']} is not paid", about="order_id")
        return Response(asdict(payment))

    def create(self, request: Request) -> Response:
        """201 when it was made now, 200 when the same one stands already, 409 when another one does."""
        wanted = self._payment(request.body)
        stands, made = self._ledger().pay(wanted)
        if stands != wanted:
            message = f"{wanted.order_id} is paid already, with {stands.amount_cents} cents"
            raise HttpError(HTTPStatus.CONFLICT, message, about="amount_cents")
        return Response(asdict(stands), HTTPStatus.CREATED if made else HTTPStatus.OK)

    def self_check(self) -> None:
        """The ledger is named, can be written, and is sound."""
        try:
            problems = self._ledger().problems()
        except HttpError as error:
            raise UnhealthyError(error.message) from error
        except sqlite3.Error as error:
            raise UnhealthyError(f"the ledger {self._settings.ledger} cannot be written: {error}") from error
        if problems:
            raise UnhealthyError(f"the ledger is damaged: {'; '.join(problems)}")

    def _ledger(self) -> Ledger:
        if self._settings.ledger is None:
            message = (
                f"no ledger: the settings have no key '{configuration.LEDGER_KEY}' "
                f"(they have {', '.join(self._settings.keys) or 'nothing'})"
            )
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, message)
        return Ledger(self._settings.ledger)

    def _payment(self, body: Mapping[str, object]) -> Payment:
        fields.only(body, "order_id", "amount_cents")
        order_id = fields.text(body, "order_id", longest=100)
        amount = fields.whole(body, "amount_cents", least=1, most=self._settings.max_cents)
        return Payment(order_id, amount, self._settings.currency)
