"""Terminals without UTF-8, readers that close the pipe, full disks, Ctrl-C, and invalid arguments."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.cli.support.scripted_api import TOKEN, Script, data, played
from tests.cli.test_following import end_event, line, page, story

ROOT = Path(__file__).parents[2]
MANY = page(*(line(number, "x" * 1000) for number in range(500)), more=True)


async def run_command(
    script: Script, *arguments: str | bytes, stdout: int = -1, environ: Mapping[str, str] = MappingProxyType({})
) -> tuple[int | None, bytes, bytes]:
    env = {"PATH": os.environ["PATH"], "BOREAS_URL": script.url, "BOREAS_TOKEN": TOKEN, **environ}
    command = (sys.executable, "-m", "app.cli", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=stdout, stderr=-1)
    out, err = await process.communicate()
    return process.returncode, out or b"", err


TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
"""A program that runs another one on a terminal of its own, whose keyboard is its standard input."""
LATIN = {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "iso-8859-1", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "environ",
    [
        LATIN,
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("status", "code"), [("SUCCESS", 0), ("FAILED", 1), ("ROLLED_BACK", 3)])
async def test_the_exit_status_is_that_of_the_deployment_in_every_encoding(
    environ: dict[str, str], status: str, code: int
) -> None:
    with played(story("RUNNING"), end_event(status), story(status)) as script:
        returned, out, err = await run_command(script, "watch", "dep_1", "--no-logs", environ=environ)
    assert (returned, status.encode() in out, b"Traceback" in err) == (code, True, False), err


async def test_missing_characters_are_replaced_and_escaped_in_json() -> None:
    with played(page(line(1, "✓ “a” → é 中"))) as script:
        plain = await run_command(script, "logs", "tsk_1", environ=LATIN)
        escaped = await run_command(script, "logs", "tsk_1", "--json", environ=LATIN)
    assert plain[1] == '+ "a" -> é ?\n'.encode("latin-1")
    assert b"\\u2713 \\u201ca\\u201d \\u2192 \\u00e9 \\u4e2d" in escaped[1]


@pytest.mark.parametrize("arguments", [("logs", "tsk_1"), ("logs", "tsk_1", "--json")], ids=str)
async def test_a_closed_pipe_ends_a_command_as_sigpipe_would(arguments: tuple[str, ...]) -> None:
    with played(MANY) as script:
        ours, theirs = os.pipe()
        running = asyncio.create_task(run_command(script, *arguments, stdout=theirs))
        await asyncio.sleep(0)
        await asyncio.to_thread(os.read, ours, 10)
        os.close(theirs)
        os.close(ours)
        assert await running == (141, b"", b"")


async def test_a_full_disk_is_one_line_of_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with played(page(line(1, "a"))) as script:
        code, _, err = await run_command(script, "logs", "tsk_1", stdout=full)
    os.close(full)
    assert (code, err) == (2, b"Error: The output cannot be written: No space left on device.\n")


async def test_an_argument_that_is_not_text_is_refused() -> None:
    with played(data()) as script:
        code, _, err = await run_command(script, "deployment", "show", b"dep_\xff")
    assert (code, b"is not text" in err, b"Traceback" in err) == (2, True, False)


@pytest.mark.parametrize(("typed", "code"), [(b"\x03", 130), (b"n\n", 2), (b"\x04", 2)])
async def test_a_confirmation_accepts_no_end_of_input_and_ctrl_c(typed: bytes, code: int) -> None:
    with played(data()) as script:
        env = {"PATH": os.environ["PATH"], "BOREAS_URL": script.url, "BOREAS_TOKEN": TOKEN}
        command = (sys.executable, "-c", TERMINAL, sys.executable, "-m", "app.cli", "token", "revoke", "tok_1")
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdin=-1, stdout=-1, stderr=-1)
        assert process.stdin is not None and process.stdout is not None
        prompt = await process.stdout.readuntil(b"[y/N] ")
        process.stdin.write(typed)
        prompt += await process.stdout.read()
    assert await process.wait() == code, prompt
    assert b"Traceback" not in prompt
    assert script.requests == []
