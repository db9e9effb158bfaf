"""`boreas doctor` against real servers: findings, and advice for each problem."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.doctor import servers
from app.cli.doctor.findings import Finding, Level
from app.settings import read_settings
from app.store.inspection import DatabaseState
from app.store.migrations import Status
from tests.cli.test_commands import Ran, boreas
from tests.support.servers import Servers
from tests.support.system import System
from tests.support.world import world

SERVERS = {"database": "BOREAS_DATABASE_URL", "redis": "BOREAS_REDIS_URL"}


async def run_doctor(system: System, servers: Servers, **environ: str) -> tuple[Ran, dict[str, list[Any]]]:
    """Run `boreas doctor` with JSON output; return the result and the findings by subject."""
    environment = {"BOREAS_DATABASE_URL": servers.database_url, "BOREAS_REDIS_URL": servers.redis_url} | environ
    ran = await boreas(system, "doctor", "--json", **environment)
    findings: dict[str, list[Any]] = {}
    for finding in json.loads(ran.out):
        findings.setdefault(finding["subject"], []).append(finding)
    return ran, findings


async def test_an_installation_without_environments_has_no_problem(system: System, servers: Servers) -> None:
    ran, findings_by_subject = await run_doctor(system, servers)
    assert (ran.status, ran.err) == (0, "")
    levels = {subject: {finding["level"] for finding in findings} for subject, findings in findings_by_subject.items()}
    for subject in ("Python", "packages", "database", "migrations", "Redis", "workers", "API", "clocks", "ways out"):
        assert levels[subject] == {"ok"}, findings_by_subject[subject]
    assert all(
        finding["advice"]
        for findings in findings_by_subject.values()
        for finding in findings
        if finding["level"] != "ok"
    )


async def test_a_pool_without_workers_is_a_problem(system: System, servers: Servers) -> None:
    await world(system.admin, workerPool="far-away")
    ran, findings = await run_doctor(system, servers)
    [finding] = findings["workers"]
    assert (ran.status, finding["level"]) == (1, "problem")
    assert "no worker serves the pool far-away" in finding["message"]
    assert finding["advice"] == "Start one: boreas worker --pool far-away"


@pytest.mark.parametrize(
    ("environ", "subject", "advice"),
    [
        ({"BOREAS_DATABASE_URL": "postgres://nobody:x@127.0.0.1:1/none"}, "database", "cannot be used"),
        ({"BOREAS_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis", "does not answer"),
        ({"BOREAS_TOKEN": "bor_wrong-wrong-wrong"}, "API", "does not know the token"),
        ({"BOREAS_URL": "http://127.0.0.1:1"}, "API", "No API answers"),
        ({"BOREAS_CA_FILE": "/nowhere.pem"}, "certificates", "BOREAS_CA_FILE is /nowhere.pem"),
        ({"BOREAS_DATA_DIR": "/dev/null"}, "data folder", "cannot be written"),
        ({"BOREAS_COMMAND_USER": "nobody-of-that-name"}, "commands", "nobody-of-that-name"),
    ],
)
async def test_problems_come_with_advice(
    system: System, servers: Servers, environ: dict[str, str], subject: str, advice: str
) -> None:
    ran, findings = await run_doctor(system, servers, **environ)
    [finding] = [item for item in findings[subject] if item["level"] == "problem"]
    assert advice in finding["message"]
    assert finding["advice"]
    assert ran.status == 1
    assert "x@127" not in ran.out, "no password is shown"


async def test_an_invalid_setting_is_a_finding(system: System, servers: Servers) -> None:
    ran = await boreas(system, "doctor", BOREAS_PORT="eight")
    assert "BOREAS_PORT is “eight”, which is not a whole number from 0 to 65535" in ran.out
    assert "1 problem, no warnings." in ran.out
    assert (ran.status, ran.err) == (1, "")


async def test_findings_have_a_symbol_and_an_arrow(system: System, servers: Servers) -> None:
    ran = await boreas(system, "doctor", BOREAS_REDIS_URL="redis://127.0.0.1:1/0")
    assert "✓ Python" in ran.out
    assert "✗ Redis" in ran.out
    assert "→ Start it, or correct BOREAS_REDIS_URL" in ran.out


def state(**changes: Any) -> DatabaseState:
    usual = DatabaseState(180_004, datetime.now(UTC), 100, 10, "UTF8", "boreas_api", False)
    return usual._replace(**changes)


def found_of(state: DatabaseState, tmp_path: Path) -> list[Finding]:
    settings = read_settings({"BOREAS_DATA_DIR": str(tmp_path)})
    return [servers._release(state), *servers._database(settings, state, 0.001)]


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, None, ""),
        ({"release": 130_012}, Level.PROBLEM, "PostgreSQL 13.12"),
        ({"encoding": "SQL_ASCII"}, Level.PROBLEM, "SQL_ASCII"),
        ({"now": datetime.now(UTC) - timedelta(hours=1)}, Level.PROBLEM, "apart"),
        ({"used_connections": 90}, Level.WARNING, "90 of 100 connections"),
        ({"has_full_rights": True}, Level.WARNING, "could change the audit log"),
    ],
)
def test_findings_about_a_database(tmp_path: Path, changes: dict[str, Any], level: Level | None, message: str) -> None:
    wrong = [finding for finding in found_of(state(**changes), tmp_path) if finding.level is not Level.OK]
    assert [finding.level for finding in wrong] == ([level] if level else [])
    assert all(message in finding.message and finding.advice for finding in wrong)


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (Status(("0_init.py",), (), ()), Level.OK),
        (Status(("0_init.py",), ("1_more.py",), ()), Level.PROBLEM),
        (Status(("0_init.py", "9_new.py"), (), ("9_new.py",)), Level.WARNING),
    ],
)
def test_findings_about_migrations(status: Status, level: Level) -> None:
    assert servers._migrations(status).level is level
