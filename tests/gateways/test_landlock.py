"""The wall around commands: what is protected is out of reach, all that lies beside it is as it was."""

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


async def ran(operator: ShellOperator, script: str) -> bool:
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
    assert not await ran(operator, f"DATA={data}; {script}")
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
async def test_beside_it_everything_is_as_it_was(operator: ShellOperator, data: Path, script: str) -> None:
    log = Log()
    outcome = await operator.start(shell(f"set -e; BESIDE={data.parent}/beside; {script}"), log).wait()
    assert outcome.ending is Ending.SUCCEEDED, log.written


async def test_what_was_made_meanwhile_is_found(
    operator: ShellOperator, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landlock, "FRESH_SECONDS", 0.0)
    assert await ran(operator, "true")
    (data.parent / "late").mkdir()
    assert await ran(operator, f"echo x > {data.parent}/late/file")


async def test_a_secret_that_is_a_link_is_protected_with_what_it_leads_to(tmp_path: Path) -> None:
    """As a cluster mounts a secret: the file is a link to a folder that is a link."""
    mount = tmp_path / "mount"
    (mount / "..2026").mkdir(parents=True)
    (mount / "..2026/url").write_text("secret")
    (mount / "..data").symlink_to("..2026")
    (mount / "url").symlink_to("..data/url")
    (mount / "other").write_text("open")
    operator = ShellOperator(tmp_path / "workspaces", wall=Wall([mount / "url"]))
    for path in ("url", "..data/url", "..2026/url"):
        assert not await ran(operator, f"cat {mount}/{path}")
    assert await ran(operator, f"cat {mount}/other")
    await operator.close()


async def test_this_process_itself_is_not_behind_the_wall(operator: ShellOperator, data: Path) -> None:
    assert await ran(operator, "true")
    assert (data / "admin-token").read_text() == "secret"
    assert "NoNewPrivs:\t0" in text_of("/proc/self/status")


async def test_no_file_stays_open(operator: ShellOperator) -> None:
    assert await ran(operator, "true")
    before = len(names_in("/proc/self/fd"))
    for _ in range(20):
        assert await ran(operator, "true")
    assert len(names_in("/proc/self/fd")) <= before + 1


async def test_a_command_that_can_not_start_says_why_behind_a_wall_too(operator: ShellOperator) -> None:
    outcome = await operator.start(shell("exit 3"), Log()).wait()
    assert outcome.exit_code == 3
