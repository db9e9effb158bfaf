"""A browser for all tests of a process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.browser.support.chromium import started


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    """The browser."""
    async with started() as browser:
        yield browser
