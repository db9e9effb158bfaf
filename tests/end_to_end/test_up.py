"""`boreas up` as real processes: start, restart, and the ways in which it ends."""

import os
import re
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from tests.end_to_end.support.up import HTTP, SERVING, Up, processes, until_gone

FIRST_TOKEN = "bor_a-first-token-of-tests"

WRAPPER = "app/cli/up/process_wrapper.py"


def status(url: str) -> int:
    try:
        with HTTP.open(url, timeout=10) as response:
            return int(response.status)
    except HTTPError as error:
        error.close()
        return error.code


def refused(data: Path, **environ: str) -> str:
    """Start a second `boreas up`, which must refuse in one line, and return that line."""
    second_up = Up(data, environ=environ)
    assert second_up.ended() == 2
    assert "Traceback" not in second_up.said
    [line] = second_up.lines
    return line


def test_start_serve_refuse_others_and_stop(data: Path, tmp_path: Path) -> None:
    """Start, serve, run a program that fails, keep others out, stop on SIGTERM."""
    program = ("sh", "-c", "echo $BOREAS_URL $BOREAS_TOKEN; exit 3")
    up = Up(data, *program).until(SERVING).until("sh ended with exit status 3. Boreas goes on serving.")
    assert f"{up.url} {up.token}" in up.lines
    assert status(f"{up.url}/readyz") == 200
    assert up.viewer()
    with pytest.raises(HTTPError) as caught:
        up.viewer("bor_wrong-wrong-wrong")
    assert caught.value.code == 401
    caught.value.close()
    assert (data / "admin-token").stat().st_mode & 0o777 == 0o600

    family = up.family()
    commands = "\n".join(family.values())
    assert all(word in commands for word in ("postgres -D", "valkey-server", "app.cli api", "app.cli worker"))
    assert up.token not in commands

    assert f"as process {up.process.pid}." in refused(data)
    port = up.url.rpartition(":")[2]
    line = refused(tmp_path / "other", BOREAS_PORT=port)
    assert f"Port {port} " in line and "BOREAS_PORT" in line

    assert up.end() == 0
    order = ["worker has ended", "api has ended", "valkey has ended", "postgres has ended"]
    assert [line.strip() for line in up.lines[-4:]] == order
    until_gone(family, 1)
    assert tmp_path.stat().st_mode & 0o777 == 0o700, "folders above the data are left as they are"


def test_a_restart_is_fast_and_keeps_the_data(data: Path) -> None:
    first_run = Up(data).until(SERVING)
    token, viewer = first_run.token, first_run.viewer()
    assert first_run.end(signal.SIGINT) == 0

    began = time.monotonic()
    second_run = Up(data).until(SERVING)
    assert time.monotonic() - began < 30
    assert (second_run.token, second_run.viewer()) == (token, viewer)
    family = second_run.family()
    assert second_run.end(signal.SIGHUP) == 0
    until_gone(family, 1)

    run_with_token = Up(data, environ={"BOREAS_ADMIN_TOKEN": FIRST_TOKEN}).until(SERVING)
    assert FIRST_TOKEN not in run_with_token.said
    assert run_with_token.viewer(FIRST_TOKEN) == run_with_token.viewer(token) == viewer
    assert run_with_token.end() == 0


def test_its_children_end_by_themselves_when_it_is_killed(data: Path) -> None:
    up = Up(data, "sh", "-c", "echo asleep; exec sleep 600").until("asleep")
    token, family = up.token, up.family()
    assert any(command == "sleep 600" for command in family.values())
    assert up.end(signal.SIGKILL) == -signal.SIGKILL
    second_run = Up(data).until(SERVING)
    assert second_run.token == token
    until_gone(family, 1)
    assert second_run.end() == 0


def test_servers_of_an_earlier_run_are_stopped(data: Path) -> None:
    """The wrappers were killed as well; and a process number was reused by another process."""
    up = Up(data).until(SERVING)
    token, viewer, family = up.token, up.viewer(), up.family()
    ours = {pid: command for pid, command in family.items() if WRAPPER in command or "-m app.cli" in command}
    for pid in [up.process.pid, *ours]:
        os.kill(pid, signal.SIGKILL)
    assert up.ended() == -signal.SIGKILL
    until_gone(ours, 5)
    orphans = {
        pid: command for pid, command in family.items() if "valkey-server" in command or "postgres -D" in command
    }
    assert len({pid for pid in orphans if pid in processes()}) == 2

    second_run = Up(data).until(SERVING)
    until_gone(orphans, 1)
    assert (second_run.token, second_run.viewer()) == (token, viewer)
    marks = (data / "postgres" / "postmaster.pid").read_text()
    assert second_run.end() == 0

    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (data / "postgres" / name).write_text(re.sub(r"^\d+", str(os.getpid()), marks))
    (data / "valkey" / "dump.rdb").write_bytes(b"VALKEY080\xfe\x00damaged")
    third_run = Up(data).until(SERVING)
    assert third_run.viewer(token) == viewer
    assert third_run.end() == 0


def test_a_process_that_dies_is_restarted(data: Path) -> None:
    up = Up(data).until(SERVING)
    viewer = up.viewer()
    for name, pattern in (("api", "-m app.cli api"), ("postgres", "/postgres -D"), ("valkey", "valkey-server")):
        victims = [
            pid for pid, command in up.family().items() if pattern in command and "process_wrapper.py" not in command
        ]
        os.kill(victims[0], signal.SIGKILL)
        up.until(f"{name} ended with signal SIGKILL")
        until_viewer(up, viewer)
    wrappers = [pid for pid, command in up.family().items() if WRAPPER in command and "-m app.cli api" in command]
    os.kill(wrappers[0], signal.SIGKILL)
    time.sleep(1)
    until_viewer(up, viewer)
    family = up.family()
    assert up.end() == 0
    until_gone(family, 1)


def until_viewer(up: Up, viewer: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            assert up.viewer() == viewer
            return
        except (OSError, KeyError, TypeError):
            assert time.monotonic() < deadline, up.said
            time.sleep(0.1)


def test_a_process_that_dies_repeatedly_is_given_up(data: Path) -> None:
    """The worker fails each time: its last output is shown, and everything stops."""
    up = Up(data, environ={"PYTHONPATH": str(broken_worker(data.parent))}).until("worker ended 5 times in a row")
    assert up.ended() == 1
    assert "logs/worker.log" in up.said
    assert "no workers here" in up.said


def broken_worker(folder: Path) -> Path:
    """Return a folder with modules that make only workers fail."""
    text = "import sys\nif 'worker' in getattr(sys, 'orig_argv', ()):\n    sys.exit('no workers here')\n"
    (folder / "sitecustomize.py").write_text(text)
    return folder


def test_a_second_signal_kills_at_once(data: Path) -> None:
    up = Up(data, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done").until("deaf")
    family = up.family()
    up.process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert up.process.poll() is None
    assert up.end(signal.SIGINT, 8) == 130
    until_gone(family, 1)


async def test_a_database_of_a_newer_release_is_refused(data: Path) -> None:
    """The path of the folder is too long for a socket and needs quoting."""
    data = data / ('long, é %20 & "so" #on? ' * 5)
    up = Up(data).until(SERVING)
    folder = sockets(up.family())
    assert folder != data / "postgres"
    password = unquote(urlsplit((data / "secrets" / "owner-url").read_text()).password or "")
    connection = await asyncpg.connect(user="postgres", password=password, database="postgres", host=str(folder))
    await connection.execute("INSERT INTO aerich (version, app, content) VALUES ('999_later.py', 'models', '{}')")
    await connection.close()
    assert up.end() == 0
    assert not folder.exists()
    assert "made by a newer release of Boreas" in refused(data)


def sockets(family: dict[int, str]) -> Path:
    """Return where PostgreSQL listens, as its command line says."""
    [folder] = {match[1] for command in family.values() if (match := re.search(r'-k "(.*)"$', command))}
    return Path(folder)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"BOREAS_PORT": "nine"}, ("BOREAS_PORT", "not a whole number")),
        ({"BOREAS_HOST": "192.0.2.1"}, ("192.0.2.1", "BOREAS_HOST")),
        ({"BOREAS_ADMIN_TOKEN": "short"}, ("BOREAS_ADMIN_TOKEN", "too short")),
        ({"BOREAS_REDIS_URL": "localhost:6379"}, ("BOREAS_REDIS_URL", "redis://")),
        ({"BOREAS_DATABASE_URL": "postgres://a:secret@127.0.0.1:1/b"}, ("“b” at 127.0.0.1:1",)),
    ],
    ids=["port", "host", "token", "redis", "database"],
)
def test_impossible_settings_are_refused_in_one_line(data: Path, environ: dict[str, str], says: Sequence[str]) -> None:
    line = refused(data, **environ)
    assert all(word in line for word in says)
    assert "secret" not in line


def test_an_unusable_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        line = refused(folder)
        assert str(folder) in line and "BOREAS_DATA_DIR" in line


def test_a_used_port_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert f"Port {port} " in refused(data, BOREAS_PORT=port)
