"""Lists and objects in every format, with filters, pages and ages, and watched lists."""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import options
from app.cli.times import TimeFormat, TimeParameter, format_age, format_duration
from tests.cli.support.running import boreas, done
from tests.support.system import ADMIN, System
from tests.support.world import World, world

ROOT = Path(__file__).parents[2]


async def create_pending(system: System, number: int) -> tuple[World, list[str]]:
    """Make deployments that have not started; return their ids, the newest first."""
    environment = await world(system.admin)
    await environment.application("web")
    version = await environment.version()
    return environment, [await environment.deploy(version, autoStart=False) for _ in range(number)][::-1]


async def test_a_list_in_every_format(system: System) -> None:
    _, ids = await create_pending(system, 2)
    command = ("deployment", "list", "-o")
    assert (await done(system, *command, "name")).lines == ids
    as_json = (await done(system, *command, "json")).data
    assert [row["id"] for row in as_json] == ids
    assert yaml.safe_load((await done(system, *command, "yaml")).out) == as_json
    table = (await done(system, *command, "table")).lines
    assert table[0].split() == ["ID", "STATUS", "AGE", "VERSION", "ENVIRONMENT", "APPLICATIONS", "BY"]
    assert table[1].startswith(f"{ids[0]}  · PENDING")
    assert "CREATED" in (await done(system, *command, "wide")).lines[0]
    assert as_json[0]["createdAt"][:19] + "Z" in (await done(system, "deployment", "list", "--utc")).out
    assert len((await done(system, "deployment", "list", "--no-headers")).lines) == 2


async def test_filters_pages_and_empty_lists(system: System) -> None:
    environment, ids = await create_pending(system, 3)
    await system.admin.change("cancelDeployment", "deployment { id }", id=ids[0], reason="a test")
    command = ("deployment", "list", "-o", "name")
    assert (await done(system, *command, "--status", "PENDING")).lines == ids[1:]
    assert (await done(system, *command, "--application", environment.applications["web"])).lines == ids
    assert (await done(system, *command, "--environment", environment.environment_id[:29])).lines == ids
    assert (await done(system, *command, "--created-by", "me", "--version", "v1", "--since", "1h")).lines == ids
    first_page = await done(system, *command, "--limit", "2")
    assert first_page.lines == ids[:2]
    assert "2 of 3 are shown" in first_page.err
    assert (await done(system, *command, "--all")).lines == ids
    empty = await done(system, *command, "--until", "2001-02-03")
    assert (empty.out, "No deployment matches." in empty.err) == ("", True)
    assert (await done(system, "deployment", "list", "--status", "FAILED", "-o", "json")).data == []
    for wrong in (("--since", "soon"), ("--status", "FALSE"), ("--created-by", "ann"), ("--environment", "prod")):
        assert (await boreas(system, *command, *wrong)).status == 2


async def test_a_list_of_more_than_a_page(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "PAGE", 2)
    environment = await world(system.admin)
    await environment.application("web")
    for number in range(5):
        await environment.version(f"v{number}")
    assert len((await done(system, "version", "list", "--all", "-o", "name")).lines) == 5
    assert len((await done(system, "version", "list", "--limit", "3", "-o", "name")).lines) == 3


async def test_the_unique_beginning_of_an_id_is_enough(system: System) -> None:
    _, ids = await create_pending(system, 2)
    assert (await done(system, "deployment", "show", ids[0][:29], "-o", "name")).out.strip() == ids[0]
    ambiguous = await boreas(system, "deployment", "show", _common_prefix(*ids))
    assert (ambiguous.status, ids[0] in ambiguous.err, ids[1] in ambiguous.err) == (2, True, True)
    assert (await boreas(system, "deployment", "show", "")).status == 2


def _common_prefix(first_id: str, second_id: str) -> str:
    return first_id[: next(index for index, (a, b) in enumerate(zip(first_id, second_id, strict=True)) if a != b)]


async def start_command(system: System, *arguments: str) -> asyncio.subprocess.Process:
    env = {"PATH": os.environ["PATH"], "BOREAS_URL": system.url, "BOREAS_TOKEN": ADMIN}
    command = (sys.executable, "-m", "app.cli", *arguments)
    return await asyncio.create_subprocess_exec(*command, env=env, stdout=-1, stderr=-1, cwd=ROOT)


async def line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())


async def test_a_watched_list_prints_changes_until_ctrl_c(system: System) -> None:
    environment, (id_,) = await create_pending(system, 1)
    process = await start_command(system, "deployment", "list", "--watch", "-o", "json")
    assert (await line(process))["id"] == id_
    await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="a test")
    changed = await line(process)
    assert (changed["id"], changed["status"]) == (id_, "CANCELLED")
    more = await environment.deploy(autoStart=False)
    assert (await line(process))["id"] == more
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"\n")


async def test_a_watched_deployment_ends_with_its_status(system: System) -> None:
    _, (id_,) = await create_pending(system, 1)
    process = await start_command(system, "deployment", "show", id_, "--watch", "-o", "json")
    assert (await line(process))["status"] == "PENDING"
    await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="a test")
    out, err = await process.communicate()
    assert json.loads(out.splitlines()[-1])["status"] == "CANCELLED"
    assert (process.returncode, err) == (4, b"")


NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (3599, "59m"),
        (3600, "1h"),
        (11700, "3h15m"),
        (40000, "11h"),
        (90000, "1d1h"),
        (864000, "10d"),
    ],
)
def test_ages(seconds: int, expected: str) -> None:
    assert format_age(timedelta(seconds=seconds)) == expected
    assert TimeFormat(NOW)((NOW - timedelta(seconds=seconds)).isoformat()) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, ""), (0.84, "0.8s"), (12.9, "12s"), (200, "3m20s"), (7500, "2h5m")]
)
def test_durations(seconds: float | None, expected: str) -> None:
    assert format_duration(seconds) == expected


def test_times_in_the_past_and_in_the_future() -> None:
    parameters = (TimeParameter(), TimeParameter(ahead=True))
    past, future = (datetime.fromisoformat(parameter.convert("2h", None, None)) for parameter in parameters)
    assert timedelta(hours=3.99) < future - past < timedelta(hours=4.01)
    assert TimeParameter().convert("2026-01-02T03:04+02:00", None, None) == "2026-01-02T01:04:00+00:00"
