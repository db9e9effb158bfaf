"""A visit: one page in its own window, with everything it logged, threw and requested."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

WIDE = (1280, 800)
NARROW = (390, 844)


@dataclass(slots=True)
class Visit:
    """What happened in a page. `faults` are errors and warnings of its console, and what it threw."""

    page: Any
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: list[Any] = field(default_factory=list)

    def elsewhere(self, url: str) -> list[str]:
        """Return what was asked of other hosts than that of an address."""
        return [one for one in self.requests if not one.startswith((url, url.replace("http", "ws"), "data:", "blob:"))]


@asynccontextmanager
async def visiting(browser: Any, size: tuple[int, int] = WIDE, scheme: str = "light") -> AsyncIterator[Visit]:
    """Open a window of a size, with a colour scheme; what it keeps goes with it."""
    window = await browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = await window.new_page()
    visit = Visit(page)

    def opened(socket: Any) -> None:
        visit.sockets.append(socket)
        visit.requests.append(socket.url)

    def logged(message: Any) -> None:
        if message.type in {"error", "warning"}:
            visit.faults.append(f"{message.type}: {message.text}")

    page.on("console", logged)
    page.on("pageerror", lambda error: visit.faults.append(f"thrown: {error}"))
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("websocket", opened)
    try:
        yield visit
    finally:
        await window.close()
