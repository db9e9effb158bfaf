"""The order-service: accepts an order when the user-service knows who orders."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from shop_common import fields
from shop_common.service import Context, Service, UnhealthyError
from shop_common.web import HttpError, Request, Response, Route

from order_service.book import Book, Item
from order_service.users import UserClient, UsersUnavailableError, parse_addresses


def create(context: Context) -> Service:
    """The service; settings: `users` lists the addresses of the user-service's instances.

    Raises:
        ValueError: an address is malformed.
    """
    endpoints = Endpoints(Book(), UserClient(parse_addresses(context.settings.get("users"))))
    return Service(
        "The orders of the shop.",
        [
            Route("GET", "/orders", endpoints.list, "all orders"),
            Route("POST", "/orders", endpoints.create, "order: user_id, items [{sku, quantity, unit_cents}]"),
            Route("GET", "/orders/{id}", endpoints.get, "one order"),
        ],
        endpoints.self_check,
    )


class Endpoints:
    """The HTTP side of an order book."""

    def __init__(self, book: Book, users: UserClient) -> None:
        self._book = book
        self._users = users

    def list(self, _: Request) -> Response:
        """All orders that this process accepted."""
        orders = [asdict(order) for order in self._book.all()]
        return Response({"orders": orders, "count": len(orders)})

    def get(self, request: Request) -> Response:
        """One order, or 404."""
        order = self._book.get(request.params["id"])
        if order is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"there is no order {request.params['id']}", about="id")
        return Response(asdict(order))

    def create(self, request: Request) -> Response:
        """201 with the order; 422 for an unknown user, 503 if it is unclear whether the user exists."""
        fields.only(request.body, "user_id", "items")
        user_id = fields.text(request.body, "user_id", longest=100)
        items = [_item(each) for each in fields.objects(request.body, "items", most=100)]
        try:
            known = self._users.exists(user_id)
        except UsersUnavailableError as error:
            message = f"the user-service could not be asked about {user_id} ({error})"
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, message) from error
        if not known:
            raise fields.field_error("user_id", f"{user_id} is unknown to the user-service")
        order = self._book.accept(user_id, items)
        return Response(asdict(order), HTTPStatus.CREATED, {"Location": f"/orders/{order.id}"})

    def self_check(self) -> None:
        """Judges this service alone: a user-service that restarts must not take the orders down with it."""
        if not self._users.addresses:
            raise UnhealthyError("the settings name no instance of the user-service (key 'users')")
        miscounted = self._book.miscounted()
        if miscounted:
            raise UnhealthyError(f"orders whose total is wrong: {', '.join(miscounted)}")


def _item(body: Mapping[str, object]) -> Item:
    fields.only(body, "sku", "quantity", "unit_cents")
    return Item(
        fields.text(body, "sku", longest=40),
        fields.whole(body, "quantity", least=1, most=1000),
        fields.whole(body, "unit_cents", least=0, most=100_000_000),
    )
