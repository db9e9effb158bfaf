"""Runs commands in this process, against a running system, without starting Python each time."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from app.cli import main
from tests.support.system import ADMIN, System


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The output, parsed as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines of the output."""
        return self.out.splitlines()


async def boreas(system: System, *arguments: str, token: str = ADMIN, stdin: str | None = None, **environ: str) -> Ran:
    """Run a command against the system's API, as ADMIN where no token is given."""
    env = {"BOREAS_URL": system.url, "BOREAS_TOKEN": token} | environ

    def run() -> Any:
        return CliRunner().invoke(main, arguments, env=env, input=stdin, prog_name="boreas")

    result = await asyncio.to_thread(run)
    return Ran(result.exit_code, result.stdout, result.stderr)


async def done(system: System, *arguments: str, **options: Any) -> Ran:
    """Run a command that must succeed."""
    ran = await boreas(system, *arguments, **options)
    assert ran.status == 0, ran
    return ran
