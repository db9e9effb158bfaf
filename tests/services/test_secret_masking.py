"""Values of secret variables appear in no answer, event, reason, audit entry or log line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.application import ShellTarget
from app.core.audit import AuditFilter, to_json
from app.core.logs import LogFilter
from app.core.paging import PageRequest
from app.services import deployments, tasks
from app.services.deployments import ReasonedAction
from app.services.use_cases import MutationCall, perform
from app.store import audit as audit_store
from app.store import logs
from tests.services.support.commands import node, python, sh, step
from tests.services.support.engine import D, Engine, S, Site, eventually, rolling

VALUE = "supersecretvalue"
ENV = {"A_TOKEN": VALUE}


async def visible_texts(engine: Engine, id_: str) -> str:
    """Return all stored texts of a deployment that users see, except the definitions of its tasks."""
    story = await engine.story(id_)
    tasks = [replace(task, command=None) for task in story.tasks.values()]
    entries = await audit_store.page(AuditFilter(), PageRequest(1000))
    lines = [line.message for task in story.tasks.values() for line in await engine.lines(task)]
    return str([to_json(story.deployment), tasks, story.attempts, await engine.events(id_), lines, to_json(entries)])


async def test_the_error_of_a_command_that_cannot_start_has_no_secret(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("task", command=(f"/opt/{VALUE}/run",), env=ENV))
    story = await engine.until(id_, D.FAILED)
    assert "/opt/***/run" in str(story.tasks["task"].error_message)
    assert "/opt/***/run" in str(story.deployment.error_message)
    assert VALUE not in await visible_texts(engine, id_)


async def test_secrets_are_masked_in_reasons(engine: Engine, site: Site) -> None:
    await engine.worker()
    nodes = [node(key, command=("sleep", "600"), env=ENV) for key in ("one", "two")]
    id_ = await site.deploy("v1", *nodes, node("left", "one"))
    tasks_by_key = (await engine.until_running(id_, "one", "two")).tasks
    for use_case, target in (
        (tasks.skip, tasks_by_key["left"].id),
        (tasks.cancel, tasks_by_key["one"].id),
        (deployments.cancel, id_),
    ):
        reason = f"it is {VALUE}"
        call = MutationCall(principal=engine.principal, mutation="x", idempotency_key=None, reason=reason)
        await perform(engine.runtime, call, use_case, ReasonedAction(target, reason))
    await engine.until(id_, D.CANCELLED)
    texts = await visible_texts(engine, id_)
    assert texts.count("it is ***") > 5 and VALUE not in texts


async def test_the_audit_log_has_no_secret_of_an_application(engine: Engine, site: Site) -> None:
    await site.application("web", build=step(("make", VALUE), env=ENV))
    entries = str(to_json(await audit_store.page(AuditFilter(), PageRequest(1000))))
    assert "A_TOKEN" in entries and VALUE not in entries


@pytest.mark.parametrize(
    "script",
    [
        f'printf "\\033[31m{VALUE}\\033[0m\\n"',
        f'printf "{VALUE[:5]}\\033[2K{VALUE[5:]}\\n"',
        f'printf "{VALUE[:5]}\\033[1m{VALUE[5:]}\\n"',
        f'printf "{VALUE[:5]}"; sleep 1.3; printf "{VALUE[5:]}\\n"',
        f'printf "a\\033[2{"0" * 5}K"; printf "{VALUE[:5]}\\033["; sleep 1.3; printf "0m{VALUE[5:]}"',
        f'printf "x%.0s" $(seq 65530); printf "{VALUE}\\n"',
    ],
)
async def test_a_secret_is_masked_across_any_interruption(engine: Engine, site: Site, script: str) -> None:
    await engine.worker()
    story = await site.deployed("v1", node("task", command=sh(script), env=ENV))
    output = "".join(await engine.messages(story.deployment.id, "task"))
    assert "***" in output and VALUE[:5] not in output and VALUE[5:] not in output


async def test_lines_of_several_instances_are_masked_separately(engine: Engine, site: Site) -> None:
    await engine.worker()
    script = 'printf "hold on $BOREAS_INSTANCE: ghp_abcdefgh\\033["; sleep 1.3; printf "0mrest of $BOREAS_INSTANCE\\n"'
    await site.application("web", ShellTarget(sh(script), ("a", "b", "c")))
    story = await site.deployed(strategy=rolling(0))
    lines = [line for line in await engine.messages(story.deployment.id, "web/deploy") if "]" in line]
    assert sorted(lines) == sorted(
        line
        for instance in "abc"
        for line in (f"[{instance}] hold on {instance}: ", f"[{instance}] ghp_abcdefgh\x1b[0mrest of {instance}")
    )


async def test_a_task_with_too_many_secrets_to_mask_does_not_run(engine: Engine, site: Site) -> None:
    """The API refuses such a task, but an older release may have stored one."""
    secrets = {"PASSWORD": "\n".join(f"line-{n:05}" for n in range(500))}
    id_ = await site.deploy("v1", node("task", command=sh("echo $PASSWORD")), auto_start=False)
    async with engine.open_connection() as connection:
        change = "UPDATE tasks SET command = jsonb_set(command, '{env}', $2::text::jsonb) WHERE deployment_id = $1"
        await connection.execute(change, id_, json.dumps(secrets))
    await engine.call(deployments.start, id_)
    await engine.worker()
    story = await engine.until(id_, D.FAILED)
    assert "lines together" in str(story.tasks["task"].error_message)
    assert await engine.messages(id_, "task") == []


SEQUENCES = (
    r"\033[2K\033[?25l\033]52;c;aGk=\007\033[31mERROR: no\033[0m\033]8;;https://x\033\\y\033]8;;\033\\\033Pq\033\\"
)
STORED = "\x1b[31mERROR: no\x1b[0m\x1b]8;;https://x\x1b\\y\x1b]8;;\x1b\\"


async def test_escape_sequences_are_stored_and_ignored_by_search(engine: Engine, site: Site) -> None:
    await engine.worker()
    story = await site.deployed("v1", node("task", command=("printf", SEQUENCES + "\\n")))
    task = story.tasks["task"]
    (line,) = await engine.lines(task)
    assert (line.message, str(line.level)) == (STORED, "ERROR")
    for text, expected in (("error: noy", 1), ("[31m", 0), ("https", 0)):
        filter_ = LogFilter(contains=text)
        assert (await logs.counts([task.id], filter_))[task.id] == expected == filter_.admits(line)


async def test_an_unfinished_line_is_stored_after_a_second(engine: Engine, site: Site) -> None:
    await engine.worker()
    code = "import time\nprint('Waiting ... ', end='', flush=True); time.sleep(600)"
    id_ = await site.deploy("v1", node("task", command=python(code)))
    await engine.until_logged(id_, "task", "Waiting ... ")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)


PIECES = ("ERROR: one ", "two ", "10%\r20%\r", "end\nnext\n")
PRINT = f"""import pathlib, sys, time
for number, text in enumerate({PIECES!r}):
    while not pathlib.Path(sys.argv[1], str(number)).exists(): time.sleep(0.05)
    print(text, end='', flush=True)"""


async def test_the_rest_of_a_shown_line_keeps_its_level(engine: Engine, site: Site, tmp_path: Path) -> None:
    await engine.worker()
    id_ = await site.deploy("v1", node("task", command=python(PRINT, tmp_path)))
    for number, output in enumerate(("ERROR: one ", "two ", "20%", "next")):
        (tmp_path / str(number)).touch()
        await engine.until_logged(id_, "task", output)
    lines = await engine.lines((await engine.until(id_, D.SUCCESS)).tasks["task"])
    assert [line.message for line in lines] == ["ERROR: one ", "two ", "20%", "end", "next"]
    assert [str(line.level) for line in lines] == ["ERROR"] * 4 + ["INFO"]


async def test_a_constantly_updated_progress_bar_is_shown_at_intervals(engine: Engine, site: Site) -> None:
    await engine.worker()
    code = "import time\nfor n in range(10_000): print(f'{n}%', end='\\r', flush=True); time.sleep(0.1)"
    id_ = await site.deploy("v1", node("task", command=python(code)))
    await eventually(lambda: engine.messages(id_, "task"), "the bar to be shown", 40)
    assert (await engine.story(id_)).statuses["task"] is S.RUNNING
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
