"""GraphiQL in a real browser: token, HTTP and socket, light and dark, wide and narrow, keyboard alone."""

import asyncio
import json
from typing import Any

import pytest

from tests.browser.support.axe import violations
from tests.browser.support.chromium import built, installed
from tests.browser.support.visit import NARROW, WIDE, Visit, visiting
from tests.support.system import System
from tests.support.world import task, world

pytestmark = [installed, built]

RESPONSE = ".result-window"
RUN = "button.graphiql-execute-button"


async def opened(visit: Visit, system: System, token: str | None = None) -> None:
    """Open GraphiQL, and type a token."""
    await visit.page.goto(f"{system.url}/graphql")
    await visit.page.wait_for_selector(".graphiql-query-editor .view-line")
    if token is not None:
        await visit.page.fill("#token", token)
        async with visit.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            await visit.page.press("#token", "Enter")
        assert (await answered.value).status == 200


async def write(visit: Visit, name: str, document: str) -> None:
    """Replace what stands in the editor of operations, and wait until it is known to be of a name."""
    await visit.page.click(".graphiql-query-editor .view-lines")
    await visit.page.keyboard.press("Control+A")
    await visit.page.keyboard.insert_text(document)
    await visit.page.wait_for_selector(f".graphiql-tab-button >> text={name}")


async def shown(visit: Visit, text: str) -> None:
    """Wait until the response shows a text."""
    await visit.page.wait_for_function(
        "([where, text]) => document.querySelector(where)?.innerText.replaceAll('\\u00a0', ' ').includes(text)",
        arg=[RESPONSE, text],
    )


async def place(visit: Visit, what: str) -> dict[str, float]:
    """Return where something is shown."""
    found: dict[str, float] = await visit.page.locator(what).bounding_box()
    return found


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")])
async def test_the_page_is_shown_without_a_fault(
    system: System, browser: Any, size: tuple[int, int], scheme: str
) -> None:
    async with visiting(browser, size, scheme) as visit:
        await opened(visit, system)
        assert await visit.page.is_visible("#token") and await visit.page.is_visible(RUN)
        assert await visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = await place(visit, "#token")
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0]
        query, response = await place(visit, ".graphiql-query-editor"), await place(visit, RESPONSE)
        assert (response["y"] > query["y"] + query["height"] / 2) is (size == NARROW)
        assert min(query["width"], response["width"]) > 280
        colour = await visit.page.evaluate(
            "getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor"
        )
        light = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]) > 3 * 128
        assert light is (scheme == "light")
        assert await violations(visit.page, ".token") == []
        assert visit.faults == [] and visit.elsewhere(system.url) == []


async def test_a_query_is_answered_with_the_token(system: System, browser: Any) -> None:
    async with visiting(browser) as visit:
        await opened(visit, system)
        await write(visit, "Who", "query Who { viewer { name } }")
        await visit.page.click(RUN)
        await shown(visit, "Type a token")
        await opened(visit, system, system.admin.token)
        await visit.page.click(RUN)
        await shown(visit, '"viewer"')
        kept = await visit.page.evaluate(
            "[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]"
        )
        assert system.admin.token not in kept[0] + kept[2] and system.admin.token in kept[1]
        assert visit.faults == [] and visit.elsewhere(system.url) == []


async def test_a_subscription_shows_what_happens_and_ends_with_its_stop(system: System, browser: Any) -> None:
    here = await world(system.admin)
    await here.application("web")
    deployment = await here.deploy(tasks=[task("only")], autoStart=False)
    async with visiting(browser) as visit:
        await opened(visit, system, system.admin.token)
        id_ = json.dumps(deployment)
        await write(visit, "Feed", f"subscription Feed {{ deploymentEvents(id: {id_}) {{ events {{ __typename }} }} }}")
        await visit.page.click(RUN)
        await shown(visit, "__typename")
        await system.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")
        await shown(visit, "DeploymentStatusChanged")
        assert visit.faults == [] and visit.elsewhere(system.url) == []


async def test_a_socket_is_closed_when_its_subscription_is_stopped(system: System, browser: Any) -> None:
    async with visiting(browser) as visit:
        await opened(visit, system, system.admin.token)
        await write(visit, "Changes", "subscription Changes { deploymentsChanged { id } }")
        async with visit.page.expect_websocket() as begun:
            await visit.page.click(RUN)
        socket = await begun.value
        await visit.page.wait_for_selector(f"{RUN}[aria-label^=Stop]")
        closing = asyncio.ensure_future(socket.wait_for_event("close"))
        await visit.page.click(RUN)
        await closing
        assert socket.is_closed() and visit.faults == []


async def test_the_schema_is_read_with_the_token(system: System, browser: Any) -> None:
    async with visiting(browser) as visit:
        await opened(visit, system, system.admin.token)
        await visit.page.click('button[aria-label="Show Documentation Explorer"]')
        await visit.page.get_by_text("DeploymentEvent", exact=False).first.wait_for(state="attached")
        assert visit.faults == []


async def test_the_page_may_load_nothing_else(system: System, browser: Any) -> None:
    async with visiting(browser) as visit:
        await opened(visit, system)
        inline = "const own = document.createElement('script'); own.text = 'window.ran = 1'; document.head.append(own);"
        assert await visit.page.evaluate(f"() => {{ {inline} return window.ran ?? 0; }}") == 0
        sent = await visit.page.evaluate("fetch('https://example.org/').then(() => 'sent', error => error.name)")
        assert sent == "TypeError"
        assert len([fault for fault in visit.faults if "Content Security Policy" in fault]) >= 2
