"""The client commands as real processes against a real API: their output and exit status."""

import asyncio
import contextlib
import json
import os
import pty
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.system import ADMIN, System
from tests.support.world import World, task, world

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


async def boreas(system: System, *arguments: str, **environ: str) -> Ran:
    """Run a command against the system's API as ADMIN."""
    env = {"PATH": os.environ["PATH"], "BOREAS_URL": system.url, "BOREAS_TOKEN": ADMIN} | environ
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, env=env, stdout=-1, stderr=-1, cwd=ROOT
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def shop(system: System, **fields: Any) -> tuple[World, str, str]:
    """Create an environment, an application with a build and a version; return the world and their names."""
    environment = await world(system.admin, **fields)
    await environment.application("web", build={"command": ["true"]})
    await environment.version("v1 🚀")
    answer = await system.admin.query(
        "query($id: ID!) { environment(id: $id) { name } }", id=environment.environment_id
    )
    app = await system.admin.query(
        "query($id: ID!) { application(id: $id) { name } }", id=environment.applications["web"]
    )
    return environment, answer["environment"]["name"], app["application"]["name"]


async def test_deploy_follows_to_success(system: System) -> None:
    await system.start_worker()
    _, environment, application = await shop(system)
    ran = await boreas(system, "deploy", "--version", "v1 🚀", "--environment", environment, "--follow")
    assert ran.status == 0, ran
    assert f"✓ SUCCESS      {application}/build" in ran.out
    assert "All 1 instances run v1 🚀 and are healthy." in ran.out
    assert "\x1b" not in ran.out


async def test_a_freeze_delays_a_deployment_unless_it_is_overridden(system: System) -> None:
    home, environment, _ = await shop(system)
    now = datetime.now(UTC)
    span = {"startsAt": (now - timedelta(hours=1)).isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    about = {"environmentId": home.environment_id, "name": "year end", "reason": "nobody is here"}
    await system.admin.change("createFreezeWindow", "environment { id }", **about, **span)
    arguments = ("deploy", "--version", "v1 🚀", "--environment", environment)
    refused = await boreas(system, *arguments)
    assert (refused.status, "PENDING" in refused.out) == (0, True)
    await system.start_worker()
    assert (await boreas(system, *arguments, "--override-freeze", "payments are down", "--follow")).status == 0
    assert "freezeOverrideReason" in (await boreas(system, *arguments, "--override-freeze", " ")).err


async def test_a_terminal_gets_colours_and_a_bar(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy()
    ours, theirs = pty.openpty()
    env = {"BOREAS_URL": system.url, "BOREAS_TOKEN": ADMIN, "TERM": "xterm-256color", "COLUMNS": "120"}
    command = (sys.executable, "-m", "app.cli", "watch", id_)
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    output = await asyncio.to_thread(_all_of, ours)
    assert await process.wait() == 0, output
    assert "\x1b[32m✓ SUCCESS" in output
    assert "2/2 tasks" in re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", output)


def _all_of(terminal: int) -> str:
    """Read a terminal until its other end is closed, which Linux reports as an error."""
    output = b""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536):
            output += part
    os.close(terminal)
    return output.decode()


async def test_json_is_one_object_a_line_and_ends_with_the_result(system: System) -> None:
    await system.start_worker()
    _, environment, _ = await shop(system)
    ran = await boreas(system, "deploy", "--version", "v1 🚀", "--environment", environment, "-f", "--json")
    objects = [json.loads(line) for line in ran.out.splitlines()]
    assert {item["type"] for item in objects} == {"event", "log", "result"}
    assert objects[-1]["deployment"]["status"] == "SUCCESS"


async def test_failures_and_rollbacks_have_different_exit_statuses(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin, "SHELL")
    await environment.application("bad", shell={"command": ["false"], "rollbackCommand": ["true"]})
    id_ = await environment.deploy()
    assert (await boreas(system, "watch", id_)).status == 3
    failing = await environment.deploy(tasks=[task("t", command={"command": ["false"]})])
    ran = await boreas(system, "watch", failing, "--no-logs")
    assert ran.status == 1
    assert "t: exit status 1" in ran.out


async def test_watching_waits_for_a_late_worker(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    watching = asyncio.create_task(boreas(system, "watch", await environment.deploy()))
    await asyncio.sleep(0)
    await system.start_worker()
    assert (await watching).status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deploy", "--version", "v9", "--environment", "x"), "There is no version “v9”"),
        (("watch", "dep_nothing"), "There is no deployment “dep_nothing” that you may see."),
        (("logs", "dep_nothing/a"), "There is no deployment “dep_nothing” that you may see."),
        (("token", "create", "x", "--scope", "ADMIN", "--expires", "soon"), "neither a span such as 30d"),
        (("token", "revoke", "tok_nothing"), "NOT_FOUND (id)"),
    ],
)
async def test_errors_name_the_problem(system: System, arguments: tuple[str, ...], message: str) -> None:
    ran = await boreas(system, *arguments)
    assert ran.status == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


async def test_a_template_is_deployed_by_name_and_number(system: System) -> None:
    _, environment, _ = await shop(system)
    for number in (1, 2):
        tasks = [task("say", name="say ${{ parameters.what }} " + str(number), payload={"lines": 0})]
        parameters = [{"name": "what", "default": "hello"}]
        await system.admin.change(
            "saveWorkflowTemplate", "version { id }", name="greet@work", tasks=tasks, parameters=parameters
        )
    deploy = ("deploy", "--version", "v1 🚀", "--environment", environment, "--no-start", "--json", "--template")
    names = []
    for options in (("greet@work",), ("greet@work@1",), ("greet@work", "--param", "what=a=b c")):
        ran = await boreas(system, *deploy, *options)
        assert ran.status == 0, ran.err
        id_ = json.loads(ran.out)["id"]
        answer = await system.admin.query("query($id: ID!) { deployment(id: $id) { tasks { name } } }", id=id_)
        names += [item["name"] for item in answer["deployment"]["tasks"]]
    assert names == ["say hello 2", "say hello 1", "say a=b c 2"]
    for options, message in (
        (("greet@work@3",), "There are: 1, 2"),
        (("greet",), "There are: greet@work"),
        (("greet@work", "--param", "x"), "NAME=VALUE"),
        (("greet@work", "--param", "who=x"), "no parameter “who”"),
    ):
        refused = await boreas(system, *deploy, *options)
        assert (refused.status, message in refused.err) == (2, True), refused.err


async def test_watching_shows_edits(system: System) -> None:
    environment, _, _ = await shop(system)
    id_ = await environment.deploy(tasks=[task("a")], autoStart=False)
    await system.admin.change("addTask", "workflow { revision }", deploymentId=id_, expectedRevision=1, task=task("b"))
    await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="a test")
    watched = await boreas(system, "watch", id_)
    assert "EDITED" in watched.out and "revision 2: added b" in watched.out


async def test_errors_for_unknown_names_list_the_existing_ones(system: System) -> None:
    _, environment, application = await shop(system)
    ran = await boreas(system, "deploy", "--version", "v1 🚀", "--environment", "nowhere")
    assert f"There are: {environment}" in ran.err
    ran = await boreas(system, "deploy", "--version", "v1 🚀", "--environment", environment, "--application", "other")
    assert f"There are: {application}" in ran.err


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"BOREAS_TOKEN": "wrong"}, "does not know the token"),
        ({"BOREAS_TOKEN": "", "BOREAS_DATA_DIR": "/nonexistent"}, "No token is given for http"),
        ({"BOREAS_URL": "http://127.0.0.1:1"}, "No API answers at http://127.0.0.1:1"),
    ],
)
async def test_missing_access_is_explained(system: System, environ: dict[str, str], message: str) -> None:
    ran = await boreas(system, "watch", "dep_x", **environ)
    assert (ran.status, message in ran.err) == (2, True), ran


async def test_logs_by_key_level_and_text(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin, "SHELL")
    await environment.application("web")
    script = "for i in 1 2 3; do echo line $i; done; echo ERROR: broken; printf '\\033[31mred\\033[0m 中文\\n'"
    id_ = await environment.deploy(tasks=[task("a/b", command={"command": ["sh", "-c", script]})])
    await system.admin.until(id_, "SUCCESS")
    assert (await boreas(system, "logs", f"{id_}/a/b")).out.splitlines() == [
        "line 1",
        "line 2",
        "line 3",
        "ERROR: broken",
        "red 中文",
    ]
    assert (await boreas(system, "logs", f"{id_}/a/b", "--level", "error")).out == "ERROR: broken\n"
    assert (await boreas(system, "logs", f"{id_}/a/b", "--contains", "LINE", "--last", "1")).out == "line 3\n"
    assert (await boreas(system, "logs", f"{id_}/a/b", "-f")).out.splitlines()[-1] == "red 中文"
    assert (await boreas(system, "logs", id_, "--contains", "line 2")).out == "a/b | line 2\n"
    assert (await boreas(system, "logs", id_, "-f")).out.splitlines()[0] == "a/b | line 1"
    assert (await boreas(system, "logs", id_, "--last", "1")).status == 2


async def test_a_token_is_created_used_and_revoked(system: System) -> None:
    creation = await boreas(system, "token", "create", "ci", "--scope", "VIEWER", "--expires", "1h", "--json")
    created = json.loads(creation.out)
    await shop(system)
    refused = await boreas(system, "deploy", "--version", "v1 🚀", "--environment", "x", BOREAS_TOKEN=created["secret"])
    assert "There is no environment “x”" in refused.err
    assert (await boreas(system, "token", "revoke", created["token"]["id"])).status == 0
    ran = await boreas(system, "watch", "dep_x", BOREAS_TOKEN=created["secret"])
    assert "does not know the token" in ran.err


async def test_the_secret_is_alone_on_standard_output(system: System) -> None:
    creation = await boreas(system, "token", "create", "ci", "--scope", "deployer")
    assert creation.out.startswith("bor_")
    assert len(creation.out.split()) == 1
