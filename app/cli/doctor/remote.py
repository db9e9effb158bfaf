"""Checks the API: whether it answers, accepts the token, has the same release, and agrees on the time."""

import time
from datetime import UTC, datetime

from app import __version__
from app.cli.client import Api, ApiError
from app.cli.doctor.findings import Finding, ok, problem, warning

QUERY = "query Doctor { viewer { name } server { now version } }"
MAX_CLOCK_SECONDS = 5.0
"""A larger difference would be visible in ages and countdowns."""


async def check_api(api: Api) -> list[Finding]:
    """Return the findings for an API."""
    began = time.monotonic()
    try:
        answer = await api.query(QUERY)
    except ApiError as error:
        return [problem("API", error.message, "Start one with boreas up, or name another with --url or BOREAS_URL.")]
    seconds = time.monotonic() - began
    server = answer["server"]
    findings = [ok("API", f"{api.url} answers {answer['viewer']['name']} in {seconds * 1000:.0f} ms")]
    if server["version"] != __version__:
        text = f"the API has release {server['version']}, these commands have {__version__}"
        findings.append(warning("release", text, "Use the same release for both."))
    difference = abs((datetime.fromisoformat(server["now"]) - datetime.now(UTC)).total_seconds())
    if difference > MAX_CLOCK_SECONDS + seconds:
        text = f"the clock of the API differs by {difference:.0f} s from that of this machine"
        advice = "Synchronize both with time servers; until then, ages and countdowns are wrong."
        findings.append(warning("clocks", text, advice))
    return findings
