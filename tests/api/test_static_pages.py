"""The pages for browsers over HTTP: who gets them, what may be kept, and what is said where they were not built."""

import gzip
from pathlib import Path

import httpx
import pytest

from app.api.transport import static_pages
from app.api.transport.negotiation import prefers_html
from tests.support.system import System

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
PAGE = b"<!doctype html><title>built</title>"
SCRIPT = b"export {};" * 500


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pages that were built."""
    monkeypatch.setattr(static_pages, "FOLDER", tmp_path / "pages")
    assets = tmp_path / "pages" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "secret.js").write_text("secret")
    (assets.parent / "graphiql.html").write_bytes(PAGE)
    (assets / "graphiql-Ab_1-2.js").write_bytes(SCRIPT)
    (assets / "graphiql-Ab_1-2.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "graphiql-Ab_1-2.js.br").write_bytes(b"brotli")
    return assets


async def ask(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request without a token; header names have `_` for `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url, headers=given)


def test_browsers_are_told_from_clients() -> None:
    pages_for = (BROWSER, "text/html", "text/html, application/json;q=0.9", "TEXT/HTML;q=0.5, */*;q=0.1")
    data_for = ("*/*", "application/json", "text/html;q=0.5, application/json", "text/html, */*", "text/html;q=0", "")
    assert [prefers_html(header) for header in pages_for] == [True] * len(pages_for)
    assert [prefers_html(header) for header in data_for] == [False] * len(data_for)


async def test_a_browser_gets_the_page_without_a_token(shared: System, folder: Path) -> None:
    for address in ("/graphql", "/graphql?query={viewer{id}}"):
        found = await ask(f"{shared.url}{address}", accept=BROWSER)
        assert (found.status_code, found.content) == (200, PAGE)
        policy = found.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
        assert found.headers["cache-control"] == "no-cache" and "Accept" in found.headers["vary"]
        assert found.headers["x-content-type-options"] == "nosniff"
    assert (await ask(f"{shared.url}/graphql", "HEAD", accept=BROWSER)).status_code == 200
    moved = await ask(f"{shared.url}/graphql/", accept=BROWSER)
    assert (moved.status_code, moved.headers["location"]) == (308, "../graphql")


async def test_everybody_else_is_answered_as_before(shared: System, folder: Path) -> None:
    for accept in ("*/*", "application/json", "text/html, */*"):
        assert (await ask(f"{shared.url}/graphql", accept=accept)).status_code == 401
    assert (await ask(f"{shared.url}/graphql", "POST", accept=BROWSER)).status_code == 401


async def test_files_are_kept_for_ever_and_come_compressed(shared: System, folder: Path) -> None:
    url = f"{shared.url}/assets/graphiql-Ab_1-2.js"
    for accepted, encoding, size in (
        ("gzip, deflate, br", "br", len(b"brotli")),
        ("gzip", "gzip", len(gzip.compress(SCRIPT))),
        ("identity", None, len(SCRIPT)),
    ):
        found = await ask(url, "HEAD", accept_encoding=accepted)
        assert found.headers.get("content-encoding") == encoding and int(found.headers["content-length"]) == size
        assert found.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in found.headers["cache-control"] and found.headers["vary"] == "Accept-Encoding"


async def test_nothing_but_files_of_the_build_is_served(shared: System, folder: Path) -> None:
    for name in (
        "nothing.js",
        "..%2f..%2fsecret.js",
        "../../secret.js",
        "%2e%2e/%2e%2e/secret.js",
        "graphiql-Ab_1-2.js.gz",
        ".js",
        "a%00.js",
        "",
    ):
        assert (await ask(f"{shared.url}/assets/{name}")).status_code == 404, name


async def test_where_nothing_was_built_the_page_says_what_to_do(shared: System, folder: Path) -> None:
    (folder.parent / "graphiql.html").unlink()
    found = await ask(f"{shared.url}/graphql", accept=BROWSER, host='a"><b>x')
    assert found.status_code == 200 and found.headers["content-type"] == "text/html; charset=utf-8"
    assert "make web" in found.text and "curl" in found.text and "<b>" not in found.text
