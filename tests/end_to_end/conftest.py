"""The data folder of a `boreas up`, and the end of all processes of a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.support.up import Up


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """End the processes that a failed test has left."""
    yield
    for up in Up.started:
        if up.process.poll() is None:
            up.process.kill()
        up.ended()
    Up.started.clear()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"
