"""BOREAS_EXECUTOR=plain: the API's own tests pass without any short cut.

They run in a pytest process of their own, with the PostgreSQL of this run and a database beside this process's own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.api.execution.executor import Executor, executor_class
from app.api.execution.limited_executor import UNLIMITED, LimitedExecutor
from app.api.execution.shortcuts import FAST, PLAIN

MODULES = ("smoke", "inputs", "connections", "limits", "paging", "query_errors")
SECONDS = 300


@pytest.mark.timeout(SECONDS + 10)
def test_the_tests_of_the_api_pass_without_short_cuts(shared_folder: Path, postgres_folder: str) -> None:
    worker = f"plain_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ |= {"BOREAS_EXECUTOR": "plain", "PYTEST_XDIST_WORKER": worker}
    modules = [str(Path(__file__).with_name(f"test_{name}.py")) for name in MODULES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"--basetemp={shared_folder / worker}", *modules]
    run = subprocess.run(command, check=False, env=environ, capture_output=True, text=True, timeout=SECONDS)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]


def test_the_plain_executor_has_no_short_cut() -> None:
    plain = executor_class(PLAIN, UNLIMITED)
    assert issubclass(plain, LimitedExecutor) and not issubclass(plain, Executor)
    assert issubclass(executor_class(FAST, UNLIMITED), Executor)


def test_an_unknown_short_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="gone: no such short cut; there are prepared"):
        FAST.without({"columns", "gone"})
