"""The `boreas up` of a folder: found on any port, and its token sent only to it."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.api_options import api_of
from app.cli.client import ApiError
from app.cli.up.data_dir import locked
from app.cli.up.own_server import announced, own_server

URL = "http://127.0.0.1:18511"


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("BOREAS_DATA_DIR", str(tmp_path))
    with locked(tmp_path, 0) as data, announced(data.path, URL):
        data.keep_token("found-found-found")
        yield tmp_path


def test_it_is_found_on_any_port(running: Path) -> None:
    api = api_of(None, None)
    assert (api.url, api.token) == (URL, "found-found-found")
    assert (api_of(None, " given\n").url, api_of(None, " given\n").token) == (URL, "given")


@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://localhost:18511", "http://[::1]:18511"])
def test_its_token_is_for_its_address(running: Path, url: str) -> None:
    assert api_of(url, None).token == "found-found-found"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost", "https://127.0.0.1:18511", "http://boreas.example:18511"]
)
def test_its_token_is_sent_nowhere_else(running: Path, url: str) -> None:
    with pytest.raises(ApiError, match=f"No token is given for {url}"):
        api_of(url, None)


def test_a_server_that_has_ended_is_not_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with locked(tmp_path, 0) as data, announced(data.path, URL):
        data.keep_token("found-found-found")
        assert own_server(tmp_path)
        address = (tmp_path / "address").read_text()
    assert own_server(tmp_path) is None
    (tmp_path / "address").write_text(address)
    assert own_server(tmp_path) is None, "its address was left by one that was killed"


def test_a_shared_lock_is_not_a_running_server(tmp_path: Path) -> None:
    (tmp_path / "address").write_text(URL)
    (tmp_path / "admin-token").write_text("found-found-found")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert own_server(tmp_path) is None
