"""The stored output of tasks: complete, in order, with levels, without secrets, before the task ends."""

import asyncio

import pytest

from app.core.application import ShellTarget
from app.core.events import TaskStatusChanged
from app.core.log_levels import LogLevel
from app.core.logs import MAX_MESSAGE, LogFilter
from app.services.feeds import events, task_logs
from tests.services.support.commands import Command, node, python, sh
from tests.services.support.engine import D, Engine, S, Site, rolling

MANY = 100_000
L = LogLevel
"""Short name for the tables below."""


async def logged_messages(engine: Engine, site: Site, command: Command, **fields: dict[str, str]) -> list[str]:
    """Run a command and return its stored output."""
    await engine.worker()
    story = await site.deployed("v1", node("task", command=command, **fields))
    return await engine.messages(story.deployment.id, "task")


async def test_a_hundred_thousand_lines_are_complete_and_in_order(engine: Engine, site: Site) -> None:
    await engine.worker()
    story = await site.deployed("v1", node("task", command=("seq", str(MANY))))
    lines = await engine.lines(story.tasks["task"])
    assert [line.number for line in lines] == list(range(1, MANY + 1))
    assert [line.message for line in lines] == [str(n) for n in range(1, MANY + 1)]
    assert story.tasks["task"].last_log == MANY


async def test_a_follower_of_a_log_gets_every_line_once(engine: Engine, site: Site) -> None:
    await engine.worker()
    command = python(
        "import time\nfor n in range(20_000):\n  print(n, flush=not n % 50)\n  n % 2000 or time.sleep(0.02)"
    )
    id_ = await site.deploy("v1", node("task", command=command))
    task = (await engine.story(id_)).tasks["task"]
    async with asyncio.timeout(30):
        batches = [batch async for batch in task_logs.follow(engine.runtime, task.id, 0, LogFilter())]
    assert [line.message for batch in batches for line in batch.items] == [str(n) for n in range(20_000)]
    assert batches[-1].caught_up


async def test_the_last_line_is_stored_before_the_task_has_ended(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", *(node(f"task-{n}", command=("seq", "3000")) for n in range(10)))
    tasks = {task.id: task for task in (await engine.story(id_)).tasks.values()}
    stored: dict[str, int] = {}
    async for batch in events.follow(engine.runtime, id_, 0):
        for event in batch.items:
            if isinstance(event.body, TaskStatusChanged) and event.body.to is S.SUCCESS:
                stored[event.body.task_id] = len(await engine.lines(tasks[event.body.task_id]))
    assert stored == dict.fromkeys(tasks, 3000)


async def test_the_stream_gives_a_level_unless_the_line_names_one(engine: Engine, site: Site) -> None:
    await engine.worker()
    messages = ["plain", "ERROR: broken", '{"level": "debug", "msg": "json"}', "2026-01-02T03:04:05Z [WARN] slow"]
    script = "".join(f"echo '{line}'; " for line in messages) + "echo oops >&2; echo 'INFO fine' >&2"
    story = await site.deployed("v1", node("task", command=sh(script)))
    levels = {line.message: line.level for line in await engine.lines(story.tasks["task"])}
    assert [levels[line] for line in messages] == [L.INFO, L.ERROR, L.DEBUG, L.WARN]
    assert (levels["oops"], levels["INFO fine"]) == (L.WARN, L.INFO)


@pytest.mark.parametrize(
    ("name", "value", "text", "stored"),
    [
        ("API_TOKEN", "hunter22", "it is $API_TOKEN, $API_TOKEN!", ["it is ***, ***!"]),
        ("DB_PASSWORD", "p=a b", "url=x:$DB_PASSWORD@y", ["url=x:***@y"]),
        ("MY_SECRET", "géheim🔑", "<$MY_SECRET>", ["<***>"]),
        ("PRIVATE_KEY", "-----BEGIN\nfirst-line\nsecond-line", "$PRIVATE_KEY", ["***", "***", "***"]),
        ("GREETING", "hello", "$GREETING", ["hello"]),
        ("PIN_SECRET", "1", "1 of 10", ["1 of 10"]),
    ],
)
async def test_values_of_secrets_are_masked(
    engine: Engine, site: Site, name: str, value: str, text: str, stored: list[str]
) -> None:
    assert await logged_messages(engine, site, sh(f'echo "{text}"'), env={name: value}) == stored


async def test_a_secret_is_masked_anywhere_in_a_very_long_line(engine: Engine, site: Site) -> None:
    code = "import os, sys, time\nwrite = sys.stdout.write; secret = os.environ['API_TOKEN']\n"
    code += "write('x' * 70_000 + secret[:8]); sys.stdout.flush(); time.sleep(0.3); print(secret[8:] + 'y' * 70_000)"
    output = "".join(await logged_messages(engine, site, python(code), env={"API_TOKEN": "0123456789abcdef"}))
    assert "0123" not in output and "cdef" not in output and output.count("x") == output.count("y") == 70_000


async def test_any_bytes_can_be_printed(engine: Engine, site: Site) -> None:
    code = "import sys\nfor n in range(20): sys.stdout.buffer.write(bytes(range(256)) * 5)\nprint('end')"
    messages = await logged_messages(engine, site, python(code))
    assert "end" in messages[-1] and not any("\0" in line for line in messages)
    assert sum(line.count("\ufffd") for line in messages) > 20 * 5


async def test_a_very_long_line_is_split_without_loss(engine: Engine, site: Site) -> None:
    code = "text = ''.join(f'{n:06}' for n in range(50_000)); print(text); print('next')"
    messages = await logged_messages(engine, site, python(code))
    assert "".join(messages[:-1]) == "".join(f"{n:06}" for n in range(50_000)) and messages[-1] == "next"
    assert max(map(len, messages)) <= MAX_MESSAGE


async def test_characters_are_whole_when_their_bytes_are_split(engine: Engine, site: Site) -> None:
    code = "import sys, time\nfor byte in 'ok 🚀 ü\\n'.encode():\n"
    code += "  sys.stdout.buffer.write(bytes([byte])); sys.stdout.flush(); time.sleep(0.005)\nprint('👩‍🚀' * 5000)"
    messages = await logged_messages(engine, site, python(code))
    assert messages[0] == "ok 🚀 ü" and "".join(messages[1:]) == "👩‍🚀" * 5000


async def test_a_line_without_an_end_is_a_line(engine: Engine, site: Site) -> None:
    assert await logged_messages(engine, site, ("printf", "one\\n\\ntwo\\r\\n10%%\\r100%%")) == [
        "one",
        "",
        "two",
        "100%",
    ]


async def test_lines_of_several_instances_have_prefixes(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("web", ShellTarget(sh("echo I am $BOREAS_INSTANCE"), ("a", "b", "c")))
    story = await site.deployed(strategy=rolling(2))
    messages = await engine.messages(story.deployment.id, "web/deploy")
    assert {"[a] I am a", "[b] I am b", "I am c"} <= set(messages)


async def test_output_before_the_end_of_a_command_is_stored(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy(
        "v1", node("task", command=sh('trap "seq 500; exit 0" TERM; echo ready; while :; do sleep 0.02; done'))
    )
    await engine.until_logged(id_, "task", "ready")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
    messages = await engine.messages(id_, "task")
    assert [line for line in messages if line.isdecimal()] == [str(n) for n in range(1, 501)]
