"""The users that commands run as, by environment or by setting, and the owners of their folders."""

import asyncio
import errno
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.attempt import Ending
from app.gateways.operators.shell import ShellOperator
from app.gateways.operators.shell.accounts import NoAccountError, OwnUser, accounts, can_switch
from app.gateways.operators.shell.start_errors import not_started
from app.ports import Instruction, Origin
from tests.gateways.support.shell import Log, is_alive, owner_and_mode, text_of

as_root = pytest.mark.skipif(not can_switch(), reason="only root may run commands as others")
RANGE = "64000-64999"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[ShellOperator]:
    operator = ShellOperator(tmp_path / "workspaces", 0.3, accounts=accounts(RANGE, tmp_path, passage=True))
    yield operator
    await operator.close()


def instruct_in(environment: str, script: str, workspace: str = "dep_1/web") -> Instruction:
    origin = Origin(deployment_id="dep_1", task_id="t", run="0", environment_id=environment)
    return Instruction(command=("sh", "-c", script), env={}, workspace=workspace, timeout_seconds=30, origin=origin)


@as_root
def test_an_environment_keeps_a_user_of_its_own(tmp_path: Path) -> None:
    names = [f"env_{number}" for number in range(200)]
    pool_accounts = accounts(RANGE, tmp_path)
    users = [account.user for name in names if (account := pool_accounts.of(name))]
    assert len(set(users)) == len(names) and set(users) <= set(range(64000, 65000))
    later_accounts = accounts(RANGE, tmp_path)
    assert [later_accounts.of(name) for name in reversed(names)] == [pool_accounts.of(name) for name in reversed(names)]
    assert stat.S_IMODE((tmp_path / "command-users").stat().st_mode) == 0o600


@as_root
def test_an_exhausted_range_of_users_is_reported(tmp_path: Path) -> None:
    pool_accounts = accounts("64000-64001", tmp_path)
    assert {account.user for name in "ab" if (account := pool_accounts.of(name))} == {64000, 64001}
    with pytest.raises(NoAccountError, match="wider range with BOREAS_COMMAND_USER"):
        pool_accounts.of("c")


@as_root
def test_a_root_worker_runs_commands_as_root_only_by_setting(tmp_path: Path) -> None:
    with pytest.raises(NoAccountError, match=r"no command as root unless told; set BOREAS_COMMAND_USER=64000-64999"):
        accounts(None, tmp_path).of("env")
    assert isinstance(accounts("root", tmp_path), OwnUser) and isinstance(accounts("0", tmp_path), OwnUser)


@as_root
async def test_a_root_worker_without_the_setting_explains_it(tmp_path: Path, log: Log) -> None:
    operator = ShellOperator(tmp_path / "workspaces", accounts=accounts(None, tmp_path))
    outcome = await operator.start(instruct_in("env", "id"), log).wait()
    assert outcome.ending is Ending.FAILED and "BOREAS_COMMAND_USER=64000-64999" in (outcome.message or "")
    assert not (tmp_path / "workspaces").exists()


@pytest.mark.parametrize("setting", ["nobody-at-all", "9-3", "0-5", "-", "1-99999999999", "64000 - 64009"])
def test_an_invalid_user_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ValueError, match="BOREAS_COMMAND_USER is"):
        accounts(setting, tmp_path)


@as_root
def test_a_named_user_keeps_its_own_groups(tmp_path: Path) -> None:
    account = accounts("nobody", tmp_path).of("env")
    assert account is not None and (account.user, account.home, account.lasting) == (65534, None, False)
    assert account.group in account.groups


@as_root
async def test_commands_of_two_environments_cannot_reach_each_other(operator: ShellOperator, log: Log) -> None:
    script = "id -u; id -G; umask; echo $HOME; touch $HOME/mine; echo kept > file; pwd"
    await operator.start(instruct_in("one", script), log).wait()
    user, groups, umask, home, folder = log.lines()
    assert (groups, umask) == (user, "0077") and user != "0"
    assert owner_and_mode(home) == owner_and_mode(folder) == (int(user), 0o700)
    assert owner_and_mode(f"{folder}/..") == owner_and_mode(f"{folder}/../..") == (0, 0o711)
    second_log = Log()
    await operator.start(
        instruct_in("two", f"id -u; echo x >> {folder}/file; kill -0 $PPID", "dep_2/web"), second_log
    ).wait()
    assert second_log.lines() != [user] and text_of(f"{folder}/file") == "kept\n"
    assert len([line for _, line in second_log.written if "ermitted" in line or "enied" in line]) == 2


@as_root
async def test_files_of_root_in_a_workspace_become_the_users(operator: ShellOperator, tmp_path: Path, log: Log) -> None:
    folder = tmp_path / "workspaces/dep_1/web"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("old")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (folder / "link").symlink_to(outside)
    (folder / "hard").hardlink_to(outside)
    assert (await operator.start(instruct_in("one", "echo new > deep/file"), log).wait()).ending is Ending.SUCCEEDED
    assert (folder / "deep/file").read_text() == "new\n"
    assert outside.stat().st_uid == 0


@as_root
async def test_a_link_in_place_of_a_private_folder_is_not_followed(operator: ShellOperator, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    await operator.start(instruct_in("one", f"rmdir $HOME/tmp && ln -s {victim} $HOME/tmp"), Log()).wait()
    outcome = await operator.start(instruct_in("one", "true"), Log()).wait()
    assert outcome.ending is Ending.FAILED
    assert owner_and_mode(victim) == (0, 0o755)


@as_root
async def test_the_spawner_may_die_at_any_time(operator: ShellOperator, log: Log) -> None:
    for _ in range(2):
        assert (await operator.start(instruct_in("one", "echo here"), log).wait()).ending is Ending.SUCCEEDED
        spawners = [pid for pid in _children() if "spawner_process.py" in text_of(f"/proc/{pid}/cmdline")]
        assert spawners
        for pid in spawners:
            os.kill(pid, signal.SIGKILL)
            while is_alive(pid):
                await asyncio.sleep(0.01)
    assert log.lines() == ["here", "here"]


@as_root
async def test_no_process_of_another_user_outlives_its_time_limit(operator: ShellOperator, log: Log) -> None:
    origin = Origin(deployment_id="dep_1", task_id="t", run="0", environment_id="one")
    command = ("sh", "-c", "trap '' TERM; sleep 600 & echo $! $$; wait; sleep 600")
    instruction = Instruction(command=command, env={}, workspace="dep_1/web", timeout_seconds=0.5, origin=origin)
    outcome = await operator.start(instruction, log).wait()
    assert "time limit" in (outcome.message or "")
    assert not any(is_alive(int(word)) for word in log.lines()[0].split())


WORKER = """
import asyncio, sys
from pathlib import Path
from app.gateways.operators.shell import ShellOperator
from app.gateways.operators.shell.accounts import accounts
from tests.gateways.support.shell import execute
from tests.gateways.test_shell_accounts import RANGE, instruct_in

async def log(_, lines):
    print(*lines, flush=True)

root = Path(sys.argv[1])
operator = ShellOperator(root / "workspaces", accounts=accounts(RANGE, root, passage=True))
asyncio.run(execute(operator, instruct_in("one", "echo $$; sleep 600 & exec sleep 600"), log))
"""


@as_root
async def test_commands_of_another_user_end_with_their_worker(tmp_path: Path) -> None:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(tmp_path)), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout
    command = int(await worker.stdout.readline())
    assert is_alive(command) and owner_and_mode(f"/proc/{command}")[0] != 0
    worker.kill()
    await worker.communicate()
    async with asyncio.timeout(20):
        while is_alive(command):
            await asyncio.sleep(0.02)


def _children() -> list[int]:
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


# Removing workspaces


def test_only_old_folders_of_deployments_are_found_and_links_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "workspaces"
    operator = ShellOperator(root)
    victim = tmp_path / "victim"
    (victim / "web").mkdir(parents=True)
    (root / "dep_1" / "web").mkdir(parents=True)
    (root / "dep_1" / "web" / "link").symlink_to(victim)
    (root / "dep_2").symlink_to(victim)
    (root / "other").mkdir()
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert operator.idle_workspaces(later) == ["dep_1"]
    assert operator.idle_workspaces(later - timedelta(days=1)) == []
    for name in ("dep_1/web", "../victim", "..", ".", "", "other", "/tmp"):
        assert not operator.move_to_trash(name)
    assert operator.move_to_trash("dep_1") and not (root / "dep_1").exists()
    operator.empty_trash()
    assert sorted(path.name for path in root.iterdir()) == ["dep_2", "other"]
    assert (victim / "web").is_dir()


# Folders of the PATH that a user may not look into


def test_a_missing_program_is_not_found_with_any_path(tmp_path: Path) -> None:
    """The system reports a denial where one folder of the path is not readable."""
    denied = PermissionError(errno.EACCES, "Permission denied", "tool")
    env = {"PATH": f"{tmp_path}/closed:{tmp_path}"}
    outcome = not_started(("tool",), env, tmp_path, denied)
    assert outcome.exit_code == 127 and "was not found" in (outcome.message or "")
    (tmp_path / "tool").write_text("")
    outcome = not_started(("tool",), env, tmp_path, denied)
    assert outcome.exit_code == 126 and "execute permission" in (outcome.message or "")


@as_root
async def test_a_missing_program_is_not_found_for_another_user(
    operator: ShellOperator, tmp_path: Path, log: Log
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    plain = ShellOperator(Path("/var/tmp") / f"boreas-{os.getpid()}", accounts=accounts("64000-64999", tmp_path))
    try:
        for path, code in ((f"{closed}:/usr/bin", 127), (f"{closed}:/etc", 126)):
            command = ("hostname" if code == 126 else "no-such-tool",)
            instruction = Instruction(command=command, env={"PATH": path}, workspace="dep_1/web", timeout_seconds=30)
            assert (await plain.start(instruction, log).wait()).exit_code == code
    finally:
        await plain.close()
        shutil.rmtree(f"/var/tmp/boreas-{os.getpid()}")
