"""A Chromium that no root installed, started once per test process, driven by Playwright."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("BOREAS_TEST_BROWSER") or ROOT / ".venv" / "browser")
"""Where it was unpacked."""
CHROMIUM = FOLDER / "chromium"
START_SECONDS = 60.0

installed = pytest.mark.skipif(not CHROMIUM.exists(), reason="make test unpacks the browser, on x86-64 Linux")
built = pytest.mark.skipif(
    not (ROOT / "app" / "pages" / "graphiql.html").exists(), reason="make web builds the pages for browsers"
)


@asynccontextmanager
async def started() -> AsyncIterator[Any]:
    """Start the browser, and end it."""
    from playwright.async_api import async_playwright

    environment: dict[str, str | float | bool] = {
        **os.environ,
        "LD_LIBRARY_PATH": str(FOLDER / "nss" / "lib"),
        "FONTCONFIG_FILE": str(FOLDER / "fonts.conf"),
    }
    async with async_playwright() as playwright:
        async with asyncio.timeout(START_SECONDS):
            browser = await playwright.chromium.launch(
                executable_path=str(CHROMIUM),
                args=["--no-sandbox", "--disable-dev-shm-usage"],
                env=environment,
                timeout=START_SECONDS * 1000,
            )
        try:
            yield browser
        finally:
            await browser.close()
