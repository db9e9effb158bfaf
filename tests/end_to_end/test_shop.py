"""The shop by `boreas up`: one version after the other, while customers call it all the time."""

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.support.up import ROOT, SERVING, Up

SHOP = (sys.executable, str(ROOT / "examples" / "shop" / "shop.py"))
PLACES = (1, 2, 11, 12, 21, 22)
SETS = (0, 100, 200, 300)
PAYMENT = 21
ROLLED_BACK = 3
"""The exit status that tells that a deployment was rolled back."""


def first_port() -> int:
    """Return a port behind which all the ports of a shop are free."""
    while True:
        number = random.SystemRandom().randrange(20_000, 32_000)
        try:
            for port in (number + place + offset for place in PLACES for offset in SETS):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return number


class Shop:
    """A shop in a folder and on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.first_port = first_port()
        self.options = ("--home", str(folder), "--first-port", str(self.first_port))

    def run(self, *arguments: str, up: Up | None = None) -> subprocess.CompletedProcess[str]:
        variables = {"BOREAS_URL": up.url, "BOREAS_TOKEN": up.token} if up else {}
        command = [*SHOP, *arguments, *self.options]
        return subprocess.run(
            command, env=os.environ | variables, capture_output=True, text=True, timeout=90, check=False
        )

    def sets(self) -> dict[str, tuple[str, str]]:
        """Return by instance which set of it has which version; each must have one alone, which serves."""
        rows = [line.split() for line in self.run("status").stdout.splitlines()[1:]]
        assert all(row[5] == "serves" for row in rows), rows
        assert len({row[1] for row in rows}) == len(rows) == len(PLACES), rows
        return {row[1]: (row[2], row[3]) for row in rows}

    @contextmanager
    def customers(self, place: int) -> Iterator[Counter[str]]:
        """Call an instance again and again; give how often which version, or which error, answered."""
        statuses: Counter[str] = Counter()
        stopping = threading.Event()

        def call() -> None:
            while not stopping.is_set():
                statuses[_answer(self.first_port + place)] += 1
                time.sleep(0.02)

        caller = threading.Thread(target=call)
        caller.start()
        try:
            yield statuses
        finally:
            stopping.set()
            caller.join()


def _answer(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health", headers={"Connection": "close"})
        return str(json.load(connection.getresponse())["version"])
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop of which nothing runs afterwards."""
    shop = Shop(tmp_path / "shop")
    yield shop
    stopped = shop.run("stop")
    assert stopped.returncode == 0, stopped.stderr


def ship(shop: Shop, up: Up, exit_code: int, version: str, *options: str) -> str:
    done = shop.run("ship", version, *options, up=up)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(180)
def test_the_shop_is_deployed_by_sets_and_rolled_back_without_failed_calls(data: Path, shop: Shop) -> None:
    up = Up(data).until(SERVING)
    ship(shop, up, 0, "v1", "--first", "--strategy", "canary:50,100")
    assert set(shop.sets().values()) == {("-", "v1")}
    with shop.customers(PAYMENT) as statuses:
        ship(shop, up, 0, "v3", "--strategy", "blue-green")
        assert set(statuses) == {"v1", "v3"}
        assert set(shop.sets().values()) == {("blue", "v3")}
        statuses.clear()
        output = ship(shop, up, ROLLED_BACK, "v2", "--strategy", "blue-green")
        assert set(statuses) == {"v3"}
    assert "the settings have no key 'ledger_file'" in output
    assert set(shop.sets().values()) == {("blue", "v3")}
    assert up.end() == 0
