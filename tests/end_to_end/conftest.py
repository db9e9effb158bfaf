"""Where a `boreas up` keeps its data, and the end of all that a test has started."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.support.up import Up


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """End what a test that failed has left."""
    yield
    for up in Up.started:
        if up.process.poll() is None:
            up.process.kill()
        up.ended()
    Up.started.clear()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"
