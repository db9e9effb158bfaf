"""The user-service: list, read and create users."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from shop_common import fields
from shop_common.service import Context, Service, UnhealthyError
from shop_common.web import HttpError, Request, Response, Route

from user_service.directory import EMAIL, SEED, Directory, EmailTakenError


def create(context: Context) -> Service:
    """The service; settings: `seed` (default true) says whether it starts with the three seed users."""
    directory = Directory(SEED if context.settings.get("seed", True) else ())
    endpoints = Endpoints(directory)
    return Service(
        "The users of the shop.",
        [
            Route("GET", "/users", endpoints.list, "all users"),
            Route("POST", "/users", endpoints.create, "create a user: name, email"),
            Route("GET", "/users/{id}", endpoints.get, "one user"),
        ],
        endpoints.self_check,
    )


class Endpoints:
    """The HTTP side of a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def list(self, _: Request) -> Response:
        """All users that this process knows."""
        users = [asdict(user) for user in self._directory.all()]
        return Response({"users": users, "count": len(users)})

    def get(self, request: Request) -> Response:
        """One user, or 404."""
        user = self._directory.get(request.params["id"])
        if user is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"there is no user {request.params['id']}", about="id")
        return Response(asdict(user))

    def create(self, request: Request) -> Response:
        """201 with the user, or 409 when the e-mail address is in use."""
        name, email = _new_user(request.body)
        try:
            user = self._directory.create(name, email)
        except EmailTakenError as error:
            raise HttpError(HTTPStatus.CONFLICT, f"{email} belongs to another user", about="email") from error
        return Response(asdict(user), HTTPStatus.CREATED, {"Location": f"/users/{user.id}"})

    def self_check(self) -> None:
        """The two ways to find a user agree."""
        problem = self._directory.inconsistency()
        if problem:
            raise UnhealthyError(f"the user directory contradicts itself: {problem}")


def _new_user(body: Mapping[str, object]) -> tuple[str, str]:
    fields.only(body, "name", "email")
    name = fields.text(body, "name", longest=100)
    email = fields.text(body, "email", longest=254)
    if not EMAIL.fullmatch(email):
        raise fields.field_error("email", "must look like name@domain.example")
    return name, email
