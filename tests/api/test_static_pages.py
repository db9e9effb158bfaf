"""The pages for browsers: who gets them, how long they are cached, and the page without a build."""

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
    """A folder of built pages."""
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
    header_fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url, headers=header_fields)


def test_browsers_are_distinguished_from_clients() -> None:
    pages_for = (BROWSER, "text/html", "text/html, application/json;q=0.9", "TEXT/HTML;q=0.5, */*;q=0.1")
    data_for = ("*/*", "application/json", "text/html;q=0.5, application/json", "text/html, */*", "text/html;q=0", "")
    assert [prefers_html(header) for header in pages_for] == [True] * len(pages_for)
    assert [prefers_html(header) for header in data_for] == [False] * len(data_for)


async def test_a_browser_gets_the_page_without_a_token(shared: System, folder: Path) -> None:
    for address in ("/graphql", "/graphql?query={viewer{id}}"):
        response = await ask(f"{shared.url}{address}", accept=BROWSER)
        assert (response.status_code, response.content) == (200, PAGE)
        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe-eval" not in policy
        assert response.headers["cache-control"] == "no-cache" and "Accept" in response.headers["vary"]
        assert response.headers["x-content-type-options"] == "nosniff"
    assert (await ask(f"{shared.url}/graphql", "HEAD", accept=BROWSER)).status_code == 200
    redirect = await ask(f"{shared.url}/graphql/", accept=BROWSER)
    assert (redirect.status_code, redirect.headers["location"]) == (308, "../graphql")


async def test_clients_other_than_browsers_get_no_page(shared: System, folder: Path) -> None:
    for accept in ("*/*", "application/json", "text/html, */*"):
        assert (await ask(f"{shared.url}/graphql", accept=accept)).status_code == 401
    assert (await ask(f"{shared.url}/graphql", "POST", accept=BROWSER)).status_code == 401


async def test_assets_are_cached_forever_and_compressed(shared: System, folder: Path) -> None:
    url = f"{shared.url}/assets/graphiql-Ab_1-2.js"
    for accepted, encoding, size in (
        ("gzip, deflate, br", "br", len(b"brotli")),
        ("gzip", "gzip", len(gzip.compress(SCRIPT))),
        ("identity", None, len(SCRIPT)),
    ):
        response = await ask(url, "HEAD", accept_encoding=accepted)
        assert response.headers.get("content-encoding") == encoding and int(response.headers["content-length"]) == size
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in response.headers["cache-control"] and response.headers["vary"] == "Accept-Encoding"


async def test_only_files_of_the_build_are_served(shared: System, folder: Path) -> None:
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


async def test_without_a_build_the_page_says_what_to_do(shared: System, folder: Path) -> None:
    (folder.parent / "graphiql.html").unlink()
    response = await ask(f"{shared.url}/graphql", accept=BROWSER, host='a"><b>x')
    assert response.status_code == 200 and response.headers["content-type"] == "text/html; charset=utf-8"
    assert "make web" in response.text and "curl" in response.text and "<b>" not in response.text


def test_the_folder_is_that_of_the_build() -> None:
    assert Path(__file__).parents[2] / "app" / "pages" == static_pages.FOLDER
