"""The wall around commands: protected files are out of reach, all others are reached as before."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.attempt import Ending
from app.gateways.operators.shell import ShellOperator, landlock
from app.gateways.operators.shell.landlock import MIN_VERSION, Wall
from tests.gateways.support.shell import Log, names_in, shell, text_of

pytestmark = pytest.mark.skipif(landlock.version() < MIN_VERSION, reason="this kernel has no Landlock")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    (data / "admin-token").write_text("secret")
    (tmp_path / "beside").mkdir()
    (tmp_path / "file").write_text("before")
    return data


@pytest.fixture
async def operator(data: Path) -> AsyncIterator[ShellOperator]:
    operator = ShellOperator(data / "workspaces", 0.3, wall=Wall([data]))
    yield operator
    await operator.close()


async def succeeds(operator: ShellOperator, script: str) -> bool:
    return (await operator.start(shell(script), Log()).wait()).ending is Ending.SUCCEEDED


@pytest.mark.parametrize(
    "script",
    [
        "cat ../../../admin-token",
        "cat $DATA/admin-token",
        "echo x > $DATA/admin-token",
        "echo x > $DATA/new",
        "mkdir $DATA/new",
        "rm $DATA/admin-token",
        "mv $DATA/admin-token $DATA/../beside/",
        "ln $DATA/admin-token here",
        "ln -s $DATA/admin-token here && cat here",
        "cp /bin/true $DATA/true",
        "truncate -s 0 $DATA/admin-token",
        "ln -s $DATA here && cat here/admin-token",
        "mv $DATA $DATA/../beside/",
        "python3 -c 'import os; os.open(\"/proc/self/root'$DATA'/admin-token\", os.O_RDONLY)'",
        "(cd $DATA && cat admin-token)",
        "cat ../../d2/web/theirs",
    ],
)
async def test_the_data_is_out_of_reach(operator: ShellOperator, data: Path, script: str) -> None:
    (data / "workspaces/d2/web").mkdir(parents=True)
    (data / "workspaces/d2/web/theirs").write_text("secret")
    assert not await succeeds(operator, f"DATA={data}; {script}")
    assert (data / "admin-token").read_text() == "secret"
    assert set(names_in(data)) - {"tmp"} == {"admin-token", "workspaces"}


@pytest.mark.parametrize(
    "script",
    [
        "echo x > here && mkdir a b && mv here a/ && ln a/here b/there && mv b a/ && cat a/b/there",
        "echo x > $BESIDE/new && mkdir $BESIDE/more && rm -r $BESIDE/more && mv $BESIDE/new . && ls $BESIDE/..",
        "echo after > $BESIDE/../file && cat $BESIDE/../file",
        "file=$(mktemp) && rm $file",
        "ls / /proc /dev >/dev/null && cat /proc/self/status > here && head -c 1 /dev/urandom > here",
        "python3 -c 'import ssl, tempfile; tempfile.TemporaryDirectory().cleanup()'",
    ],
)
async def test_other_files_are_reached_as_before(operator: ShellOperator, data: Path, script: str) -> None:
    log = Log()
    outcome = await operator.start(shell(f"set -e; BESIDE={data.parent}/beside; {script}"), log).wait()
    assert outcome.ending is Ending.SUCCEEDED, log.written


async def test_files_created_later_are_found(
    operator: ShellOperator, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "FRESH_SECONDS", 0.0)
    assert await succeeds(operator, "true")
    (data.parent / "late").mkdir()
    assert await succeeds(operator, f"echo x > {data.parent}/late/file")


async def test_a_linked_secret_is_protected_with_its_target(tmp_path: Path) -> None:
    """As a cluster mounts a secret: the file is a link to a folder that is a link."""
    mount = tmp_path / "mount"
    (mount / "..2026").mkdir(parents=True)
    (mount / "..2026/url").write_text("secret")
    (mount / "..data").symlink_to("..2026")
    (mount / "url").symlink_to("..data/url")
    (mount / "other").write_text("open")
    operator = ShellOperator(tmp_path / "workspaces", wall=Wall([mount / "url"]))
    for path in ("url", "..data/url", "..2026/url"):
        assert not await succeeds(operator, f"cat {mount}/{path}")
    assert await succeeds(operator, f"cat {mount}/other")
    await operator.close()


async def test_this_process_itself_is_not_behind_the_wall(operator: ShellOperator, data: Path) -> None:
    assert await succeeds(operator, "true")
    assert (data / "admin-token").read_text() == "secret"
    assert "NoNewPrivs:\t0" in text_of("/proc/self/status")


async def test_no_file_stays_open(operator: ShellOperator) -> None:
    assert await succeeds(operator, "true")
    descriptors_before = len(names_in("/proc/self/fd"))
    for _ in range(20):
        assert await succeeds(operator, "true")
    assert len(names_in("/proc/self/fd")) <= descriptors_before + 1


async def test_a_command_that_cannot_start_behind_a_wall_reports_the_reason(operator: ShellOperator) -> None:
    outcome = await operator.start(shell("exit 3"), Log()).wait()
    assert outcome.exit_code == 3
