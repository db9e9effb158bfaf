"""Accessibility violations of a page, found by axe."""

from typing import Any

from tests.browser.support.chromium import ROOT

SCRIPT = ROOT / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def violations(page: Any, part: str = "html") -> list[str]:
    """Return the rules of WCAG 2.2 AA that a part of a page breaks, and where."""
    await page.evaluate(SCRIPT.read_text())
    found = await page.evaluate(
        "([part, tags]) => axe.run(part, { runOnly: { type: 'tag', values: tags } })", [part, STANDARD]
    )
    return [f"{rule['id']}: {node['target']}" for rule in found["violations"] for node in rule["nodes"]]
