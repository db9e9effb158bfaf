"""The API that the commands talk to: whether it answers, knows the token, is of this release, and keeps the time."""

import time
from datetime import UTC, datetime

from app import __version__
from app.cli.client import Api, ApiError
from app.cli.doctor.findings import Finding, ok, problem, warning

ASK = "query Doctor { viewer { name } server { now version } }"
CLOCK_SECONDS = 5.0
"""What a person may notice in ages and countdowns."""


async def examine_api(api: Api) -> list[Finding]:
    """Return what is found of an API."""
    began = time.monotonic()
    try:
        answer = await api.query(ASK)
    except ApiError as error:
        return [problem("API", error.message, "boreas up starts one; --url and BOREAS_URL name another.")]
    took = time.monotonic() - began
    server = answer["server"]
    found = [ok("API", f"{api.url} answers {answer['viewer']['name']} in {took * 1000:.0f} ms")]
    if server["version"] != __version__:
        text = f"the API is of release {server['version']}, these commands are of {__version__}"
        found.append(warning("release", text, "Use the same release for both."))
    apart = abs((datetime.fromisoformat(server["now"]) - datetime.now(UTC)).total_seconds())
    if apart > CLOCK_SECONDS + took:
        text = f"the clock of the API is {apart:.0f} s away from this machine's"
        found.append(warning("clocks", text, "Let both follow time servers; ages and countdowns are wrong meanwhile."))
    return found
