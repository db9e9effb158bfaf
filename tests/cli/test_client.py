"""The client of the API: requests, answers, and how a feed reconnects.

The API is a script over real sockets. The commands against a real API: test_commands.
"""

import asyncio
from typing import Any

import pytest

from app.cli import reconnect
from app.cli.api_options import api_of
from app.cli.client import Api, ApiError
from tests.cli.support.scripted_api import TOKEN, Answer, Script, body, data, feed, hang_up, payload, played

SAID = "The connection broke"


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(reconnect, "MAX_BACKOFF_SECONDS", 0.04)


def batch(cursor: str, *lines: str) -> dict[str, Any]:
    return {"cursor": cursor, "lines": list(lines)}


async def follow(script: Script, api: Api | None = None) -> list[str]:
    api = api or Api(script.url, TOKEN)
    return [line async for page in api.subscribe("s", lambda cursor: {"after": cursor}) for line in page["lines"]]


def refusal(*answers: Answer) -> str:
    with played(*answers) as script, pytest.raises(ApiError) as caught:
        asyncio.run(Api(script.url, TOKEN).mutate("m"))
    assert caught.value.exit_code == 2
    return caught.value.message


def test_a_retried_mutation_has_the_same_idempotency_key_and_the_next_one_another() -> None:
    with played(hang_up(), payload(done=1), payload(done=2)) as script:
        api = Api(script.url, TOKEN)
        assert asyncio.run(api.mutate("m", name="x"))["done"] == 1
        asyncio.run(api.mutate("m", name="x"))
    keys = [input_["idempotencyKey"] for input_ in script.variables("input")]
    assert keys[0] == keys[1] != keys[2]
    assert script.requests[0]["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (body({"errors": []}, 401), "does not know the token"),
        (body("oh", 503, "text/plain"), "answers with 503"),
        (
            body("<h1>Welcome\x1b[2J</h1>", media="text/html"),
            "is not the API of Boreas: it answers 200 with “<h1>W",
        ),
        (body([1]), "is not the API of Boreas"),
        (body({"data": None}), "is not the API of Boreas"),
        (body({"errors": [{"message": "No.", "extensions": {"code": "FORBIDDEN"}}]}), "FORBIDDEN: No."),
        (body({"errors": [{"message": "One."}, {"message": "Two.", "extensions": None}]}), "One.\nTwo."),
        (payload(({"code": "INVALID", "message": "Bad.", "path": ["a", "b"]},)), "INVALID (a.b): Bad."),
        (payload(({"code": "LOCKED", "message": "Busy.", "path": None},)), "LOCKED: Busy."),
        (hang_up(), "No API answers at http://127.0.0.1:"),
    ],
)
def test_errors_name_the_problem(answer: Answer, expected: str) -> None:
    message = refusal(answer)
    assert expected in message
    assert "\x1b" not in message


def test_a_broken_feed_resumes_after_its_last_cursor_with_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    dropped = feed(batch("c2", "a", "b"), ends=False)
    with played(dropped, body("", 502), feed(ends=False), feed(batch("c3", "c"))) as script:
        assert asyncio.run(follow(script)) == ["a", "b", "c"]
    assert script.variables("after") == [None, "c2", "c2", "c2"]
    assert capsys.readouterr().err.count(SAID) == 1


def test_feeds_that_break_together_print_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    async def query_and_mutate(script: Script) -> None:
        api = Api(script.url, TOKEN)
        await asyncio.gather(follow(script, api), follow(script, api))

    drop = feed(ends=False)
    with played(drop, drop, drop, drop, feed(batch("c1"))) as script:
        asyncio.run(query_and_mutate(script))
    assert capsys.readouterr().err.count(SAID) == 1


def test_a_feed_fails_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "DEADLINE_SECONDS", 0.1)
    with played(feed(ends=False)) as script, pytest.raises(ApiError, match="No API answers at"):
        asyncio.run(follow(script))
    assert len(script.requests) >= 2


def test_a_quiet_but_stable_connection_resets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(reconnect, "STABLE_SECONDS", 0.1)
    quiet = feed(ends=False, seconds=0.2)
    with played(quiet, quiet, quiet, quiet, feed(batch("c1", "a"))) as script:
        assert asyncio.run(follow(script)) == ["a"]


@pytest.mark.parametrize(
    "answer",
    [
        body({"errors": [{"message": "No.", "extensions": {"code": "NOT_FOUND"}}]}),
        body({"data": {}}),
        body("hello", media="text/html"),
        body({}, 401),
    ],
)
def test_a_refused_feed_is_not_retried(answer: Answer) -> None:
    with played(answer) as script, pytest.raises(ApiError):
        asyncio.run(follow(script))
    assert len(script.requests) == 1


@pytest.mark.parametrize("url", ["", "foo", "http://", "http://[", "http://h:99999", "ftp://h", "127.0.0.1:8000"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(ApiError, match="is not the address of an API"):
        api_of(url, TOKEN)


@pytest.mark.parametrize("token", ["ä", "a\nb", "a\x00"])
def test_a_token_with_invalid_characters_is_refused(token: str) -> None:
    with pytest.raises(ApiError, match="characters that are not allowed in tokens"):
        api_of("http://h", token)


def test_an_invalid_server_setting_matters_only_to_commands_that_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOREAS_PORT", "eight")
    assert api_of("http://localhost", TOKEN).token == TOKEN
    with pytest.raises(ApiError, match="BOREAS_PORT"):
        api_of("http://localhost", None)


def test_the_token_is_not_shown_by_accident() -> None:
    assert TOKEN not in repr(Api("http://h", TOKEN))


def test_a_query_without_an_api_names_the_address() -> None:
    with played(data()) as script:
        pass
    with pytest.raises(ApiError, match=r"Is boreas up running\?"):
        asyncio.run(Api(script.url, TOKEN).query("q"))
