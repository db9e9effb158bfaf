"""Environment of commands: variables, little of the worker's environment, and the folder."""

import json
import os
from typing import Any

import pytest

from app.core.application import HealthCheck, ShellTarget
from app.core.task import Task
from tests.services.support.commands import Notes, node, python, sh, step
from tests.services.support.engine import D, Engine, Site, Story, rolling

PRINT = ("env",)
KEYS = {"build": "web/build", "test": "web/test", "deploy": "web/deploy", "health": "web/health_check"}
FACTS = "$BOREAS_INSTANCE $BOREAS_BATCH $BOREAS_RATIO $BOREAS_PREVIOUS_VERSION"


async def printed_variables(engine: Engine, story: Story, key: str) -> dict[str, str]:
    """Return the variables that a task's command printed."""
    lines = await engine.messages(story.deployment.id, key)
    return dict(line.split("=", 1) for line in lines if "=" in line)


def expected(engine: Engine, story: Story, task: Task, version: str) -> dict[str, str]:
    """Return the variables that every command must see."""
    return {
        "BOREAS_DEPLOYMENT_ID": story.deployment.id,
        "BOREAS_TASK_ID": task.id,
        "BOREAS_TASK_KEY": task.key,
        "BOREAS_ATTEMPT": "1",
        "BOREAS_ENVIRONMENT": "site-0",
        "BOREAS_APPLICATION": "web",
        "BOREAS_REPOSITORY": "https://example.org/web.git",
        "BOREAS_VERSION": version,
        "BOREAS_COMMIT": "cafe",
        "BOREAS_IMAGE": f"web:{version}",
        "BOREAS_PREVIOUS_VERSION": "",
        "BOREAS_WORKSPACE": str(engine.folder / "workspaces" / story.deployment.id / "web"),
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
    }


async def shop(site: Site, **fields: Any) -> None:
    """Create an application whose commands print their environment."""
    defaults = {"build": step(PRINT), "test": step(PRINT), "health_check": HealthCheck(command=PRINT)} | fields
    await site.application("web", PRINT, repository_url="https://example.org/web.git", **defaults)


@pytest.mark.parametrize("step_name", ["build", "test"])
async def test_a_command_sees_exactly_the_documented_variables(engine: Engine, site: Site, step_name: str) -> None:
    await engine.worker()
    await shop(site, **{step_name: step(PRINT, env={"GREETING": "hello = you", "HOME": "/elsewhere"})})
    story = await site.deployed(await site.version("v1", commit="cafe"))
    task = story.tasks[KEYS[step_name]]
    added = {"GREETING": "hello = you", "HOME": "/elsewhere"}
    expected_variables = {"LANG": "C.UTF-8"} | expected(engine, story, task, "v1") | added
    assert await printed_variables(engine, story, task.key) == expected_variables


@pytest.mark.parametrize("step_name", ["deploy", "health"])
async def test_a_command_for_an_instance_sees_its_position(engine: Engine, site: Site, step_name: str) -> None:
    await engine.worker()
    await shop(site)
    story = await site.deployed(await site.version("v1", commit="cafe"))
    task = story.tasks[KEYS[step_name]]
    position = {"BOREAS_INSTANCE": "local", "BOREAS_BATCH": "1", "BOREAS_RATIO": "1"}
    position |= {"BOREAS_PHASE": "bring"} if step_name == "deploy" else {}
    assert (
        await printed_variables(engine, story, task.key)
        == {"LANG": "C.UTF-8"} | expected(engine, story, task, "v1") | position
    )


@pytest.mark.parametrize("step_name", list(KEYS))
async def test_every_command_sees_the_previous_version(engine: Engine, site: Site, step_name: str) -> None:
    await engine.worker()
    await shop(site)
    await site.deployed("v1")
    story = await site.deployed("v2")
    variables = await printed_variables(engine, story, KEYS[step_name])
    assert (variables["BOREAS_VERSION"], variables["BOREAS_PREVIOUS_VERSION"]) == ("v2", "v1")


async def test_batches_and_ratios_of_deploy_and_health_check(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    check = HealthCheck(command=notes.take(f"$BOREAS_TASK_KEY check {FACTS}"))
    await site.application("web", ShellTarget(notes.take(f"deploy {FACTS}"), ("a", "b", "c")), health_check=check)
    await site.deployed("v1", strategy=rolling(2))
    assert [sorted(notes.lines[start:end]) for start, end in [(0, 2), (2, 4), (4, 5), (5, 6)]] == [
        ["deploy a 1 0.666667 ", "deploy b 1 0.666667 "],
        ["web/deploy check a 1 0.666667 ", "web/deploy check b 1 0.666667 "],
        ["deploy c 2 1 "],
        ["web/deploy check c 2 1 "],
    ]
    assert sorted(line.split()[2] for line in notes.lines[6:]) == ["a", "b", "c"]


async def test_a_rollback_command_sees_the_instance_and_both_versions(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    deploy = notes.then("deploy", 'test "$BOREAS_VERSION" = v1')
    rollback = notes.take(f"back $BOREAS_VERSION {FACTS} $BOREAS_ATTEMPT")
    await site.application("web", ShellTarget(deploy, ("a",), rollback))
    await site.deployed("v1")
    await engine.until(await site.deploy("v2"), D.ROLLED_BACK)
    assert notes.lines == ["deploy", "deploy", "back v2 a 1 1 v1 2"]


async def test_tasks_of_an_application_share_a_private_folder(engine: Engine, site: Site) -> None:
    await engine.worker()
    command = sh('test "$(pwd -P)" = "$(cd "$BOREAS_WORKSPACE" && pwd -P)" && ls')
    for name in ("web", "users"):
        await site.application(
            name, command, build=step(sh('echo "$BOREAS_APPLICATION" > made-by-$BOREAS_APPLICATION'))
        )
    first_story, second_story = await site.deployed("v1"), await site.deployed("v2", only=["web"])
    assert "made-by-web" in await engine.messages(first_story.deployment.id, "web/deploy")
    assert "made-by-users" not in await engine.messages(first_story.deployment.id, "web/deploy")
    assert second_story.tasks["web/deploy"].deployment_id != first_story.deployment.id


async def test_a_task_without_application_has_a_folder(engine: Engine, site: Site) -> None:
    await engine.worker()
    story = await site.deployed(
        "v1", node("one", command=sh("echo kept > file")), node("two", "one", command=("cat", "file"))
    )
    assert await engine.messages(story.deployment.id, "two") == ["kept"]


async def test_arguments_reach_a_command_unchanged(engine: Engine, site: Site) -> None:
    await engine.worker()
    arguments = ("$HOME", "`id`", "a b", "*", "'\"", "", "\\n", "ünï", "$(echo no)")
    show = python("import json, sys; print(json.dumps(sys.argv[1:]))", *arguments)
    story = await site.deployed("v1", node("one", command=show))
    (message,) = await engine.messages(story.deployment.id, "one")
    assert json.loads(message) == list(arguments)


async def test_escaped_expressions_reach_the_command_literally(engine: Engine, site: Site) -> None:
    """The deploy command too; the log masks the value of a variable with a secret name."""
    await engine.worker()
    await site.application(
        "web",
        sh('echo "$1"', "deploy $$$${{ y }}"),
        build=step(
            sh('echo "$1 $GREETING $A_TOKEN"', "$${{ x }}"),
            env={"GREETING": "$${{ github.ref }}", "A_TOKEN": "very secret $${{ z }}"},
        ),
    )
    story = await site.deployed("v1")
    assert "${{ x }} ${{ github.ref }} ***" in await engine.messages(story.deployment.id, "web/build")
    assert "deploy $${{ y }}" in await engine.messages(story.deployment.id, "web/deploy")
