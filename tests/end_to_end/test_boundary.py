"""Commands cannot become Boreas: a real one tries, for a Boreas of root and of an ordinary user."""

import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.gateways.operators.shell import landlock
from tests.end_to_end.support.up import SERVING, Up
from tests.support.client import Client
from tests.support.world import World, task, world

ATTACK = Path(__file__).parent / "support" / "attack.py"
NOBODY = 65534
LINES = "query($id: ID!) { task(id: $id) { logs(first: 500) { nodes { message } } } }"
TASKS = "query($id: ID!) { deployment(id: $id) { status tasks { id key errorMessage } } }"
ordinary = pytest.mark.skipif(landlock.version() < landlock.MIN_VERSION, reason="this kernel has no Landlock")


def as_nobody() -> Sequence[str]:
    """Return a command prefix that runs a program as an ordinary user with access to the test's folders."""
    if os.geteuid():
        return ()
    capability = "-all,+dac_read_search"
    identity = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
    return (shutil.which("setpriv") or "setpriv", *identity, "--inh-caps", capability, "--ambient-caps", capability)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of that user."""
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    return home


async def run_command(environment: World, *command: str) -> list[str]:
    """Run a command in a deployment and return its output."""
    await environment.application("app")
    id_ = await environment.deploy(tasks=[task("run", command={"command": list(command), "timeoutSeconds": 60})])
    await environment.client.until(id_, "SUCCESS", "FAILED", seconds=60)
    deployment = (await environment.client.query(TASKS, id=id_))["deployment"]
    (run_task,) = [item for item in deployment["tasks"] if item["key"] == "run"]
    log_lines = (await environment.client.query(LINES, id=run_task["id"]))["task"]["logs"]["nodes"]
    lines = [node["message"] for node in log_lines]
    assert deployment["status"] == "SUCCESS", (run_task["errorMessage"], lines)
    return lines


async def run_attack(up: Up) -> dict[str, list[str]]:
    """Run a command that attacks Boreas and another environment."""
    client = Client(up.url, up.token)
    victim, attacker = await world(client, operator="SHELL"), await world(client, operator="SHELL")
    (victim_folder,) = await run_command(victim, "sh", "-c", "echo theirs > kept; pwd")
    port = (up.data / "secrets" / "redis-url").read_text().rpartition(":")[2].partition("/")[0]
    arguments = (str(up.data), up.token.encode().hex(), victim_folder, port)
    lines = await run_command(attacker, sys.executable, str(ATTACK), *arguments)
    assert lines[-1] == "tried", lines
    results: dict[str, list[str]] = defaultdict(list)
    for line in lines[:-1]:
        name, _, result = line.partition(": ")
        results[name].append(result)
    return dict(results)


@pytest.mark.timeout(180)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as others")
async def test_for_root_commands_run_as_other_users_and_get_nothing(data: Path) -> None:
    up = Up(data).until(SERVING)
    assert "run as the users 64000-64999, one for each environment" in up.said
    assert await run_attack(up) == {}
    assert up.end() == 0


@ordinary
@pytest.mark.timeout(180)
async def test_for_an_ordinary_user_commands_can_only_send_signals(home: Path) -> None:
    up = Up(home / "data", prefix=as_nobody()).until(SERVING)
    assert "run as the user of the worker; Landlock keeps them out of the data" in up.said
    results = await run_attack(up)
    results.pop("signal", None)
    assert results == {}
    assert up.end() == 0


@ordinary
@pytest.mark.timeout(120)
async def test_a_token_file_is_out_of_reach_too(home: Path) -> None:
    token, file = "bor_a-token-in-a-file-of-mine", home / "token"
    file.write_text(token)
    os.chown(file, *([NOBODY, NOBODY] if os.geteuid() == 0 else [-1, -1]))
    up = Up(home / "data", environ={"BOREAS_ADMIN_TOKEN_FILE": str(file)}, prefix=as_nobody()).until(SERVING)
    assert token not in up.said
    environment = await world(Client(up.url, token), operator="SHELL")
    lines = await run_command(
        environment, "sh", "-c", f"cat {file} || echo refused; cat {home}/data/secrets/* || echo refused"
    )
    assert lines.count("refused") == 2 and token not in str(lines)
    assert up.end() == 0


def shown_by(path: Path) -> bytes:
    """Return the content of a process's file for this user; empty if only root can read it."""
    try:
        return path.read_bytes()
    except PermissionError:
        assert path.name == "environ" and os.geteuid() != 0
        return b""


@pytest.mark.timeout(120)
def test_nothing_secret_is_in_a_variable_or_on_a_command_line(data: Path) -> None:
    """Secrets are in no environment: variables are removed, and secrets are passed on by files."""
    token = "bor_a-first-token-of-tests"
    up = Up(data, environ={"BOREAS_ADMIN_TOKEN": token}).until(SERVING)
    family = [up.process.pid, *up.family()]
    secrets = [token, *(path.read_text().strip() for path in (data / "secrets").iterdir())]
    places = [Path(f"/proc/{number}") / name for number in family for name in ("environ", "cmdline")]
    texts = {path: shown_by(path) for path in places}
    assert len(secrets) == 6 and len(family) > 6
    assert [where for where, text in texts.items() for secret in secrets if secret.encode() in text] == []
    assert up.end() == 0
