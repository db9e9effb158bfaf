"""Shell completion, the help, its reference, and the exit status of internal errors."""

import asyncio
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from graphql import GraphQLSchema, build_schema, parse, validate

from app.cli import main, queries
from app.cli.apply import queries as declared
from app.cli.nouns import queries as nouns
from app.cli.reference import reference
from app.cli.topics import TOPICS
from tests.cli.support.scripted_api import data, played
from tests.support.system import ADMIN, System
from tests.support.world import world

ROOT = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")
GRAPHQL = [
    (f"{module.__name__}.{name}", text)
    for module in (queries, declared, nouns)
    for name, text in vars(module).items()
    if isinstance(text, str) and re.match(r"(query|mutation|subscription)\s", text)
]


@cache
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "document"), GRAPHQL, ids=[name for name, _ in GRAPHQL])
def test_documents_fit_the_schema(name: str, document: str) -> None:
    assert validate(schema(), parse(document)) == []


def run(*arguments: str, **environ: str) -> Any:
    return CliRunner().invoke(main, arguments, env=environ, prog_name="boreas")


@pytest.mark.parametrize("shell", SHELLS)
async def test_shells_accept_their_completion_scripts(shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_BOREAS_COMPLETE={shell}_complete" in script
    if path := shutil.which(shell):
        process = await asyncio.create_subprocess_exec(path, "-n", stdin=-1, stderr=-1)
        _, complained = await process.communicate(script.encode())
        assert (process.returncode, complained) == (0, b"")


async def completions(words: str, **environ: str) -> list[str]:
    """Return what bash would offer for the last word."""
    number = str(len(words.split(" ")) - 1)
    env = {"_BOREAS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": number} | environ
    ran = await asyncio.to_thread(CliRunner().invoke, main, [], env=env, prog_name="boreas")
    return [line.partition(",")[2] for line in ran.stdout.splitlines() if line]


async def test_names_are_completed_by_the_api(system: System) -> None:
    home = await world(system.admin)
    await home.application("web")
    id_ = await home.deploy(autoStart=False)
    api = {"BOREAS_URL": system.url, "BOREAS_TOKEN": ADMIN}
    (environment,) = await completions("boreas deploy --environment ", **api)
    assert environment.startswith("env-")
    (application,) = await completions("boreas application show we", **api)
    assert application.startswith("web-")
    assert await completions("boreas deploy --version ", **api) == ["v1"]
    assert await completions("boreas deployment cancel dep_", **api) == [id_]
    assert f"{id_}/{application}/deploy" in await completions(f"boreas task show {id_}/", **api)
    assert "rollback" in await completions("boreas deployment ro")


async def test_without_an_api_completion_is_silent() -> None:
    assert await completions("boreas deploy --environment ", BOREAS_URL="http://127.0.0.1:1", BOREAS_TOKEN=ADMIN) == []
    assert await completions("boreas deploy --environment ", BOREAS_DATA_DIR="/nonexistent") == []


def commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(command_path for name, verb in inner for command_path in commands(verb, (*path, name)))]


NOUNS = {"deployment", "task", "workflow", "application", "environment", "version", "template", "approval", "freeze"}


@pytest.mark.parametrize("path", [path for path in commands(main) if path and path[0] in NOUNS], ids=" ".join)
def test_every_command_of_a_noun_has_an_example(path: tuple[str, ...]) -> None:
    assert "Examples:\n  boreas " in run(*path, "--help").stdout.replace("\n    ", "\n  ")


@pytest.mark.parametrize("topic", TOPICS)
def test_topics_have_help(topic: str) -> None:
    assert run("help", topic).stdout == TOPICS[topic]


def test_help_of_commands_and_typing_errors() -> None:
    assert run("help", "deployment", "list").stdout.startswith("Usage: boreas deployment list")
    assert run("help", "nothing").exit_code == 2
    for words, suggestion in (
        (("deploymnt",), "deployment"),
        (("deployment", "lst"), "list"),
        (("task", "retyr"), "retry"),
    ):
        wrong = run(*words)
        assert (wrong.exit_code, f"'{suggestion}'" in wrong.stderr) == (2, True)
    assert "'--status'" in run("deployment", "list", "--statos", "x").stderr


def test_the_reference_is_current() -> None:
    """Made by `python -m app.cli.reference > docs/reference/cli.md`."""
    assert (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8") == reference()


def test_a_bug_has_an_exit_status_of_its_own() -> None:
    with played(data(viewer={})) as script:
        broken = run("whoami", BOREAS_URL=script.url, BOREAS_TOKEN=ADMIN)
    assert (broken.exit_code, "KeyError" in broken.stderr) == (70, True)
