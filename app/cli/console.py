"""What the server commands say to people, and how they fail."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Failure(click.ClickException):
    """Something that can be expected to go wrong. One line on standard error that says what to do; exit 2."""

    exit_code = 2


def plain_environ() -> dict[str, str]:
    """Return what the servers see of our environment: no secrets, and no PG… variable that would steer them."""
    kept = ("PATH", "HOME", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def say(message: str) -> None:
    """Tell the user. A terminal that is gone must not stop the work that is told of."""
    try:
        click.echo(message)
    except OSError:
        _silence()


def _silence() -> None:
    """Send what is still to be said nowhere: the interpreter too writes to standard output when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def expected_failures() -> Iterator[None]:
    """Turn errors in settings and of the database into one line."""
    from app.settings import SettingError
    from app.store.migrations import MigrationError

    try:
        yield
    except (SettingError, MigrationError) as error:
        raise Failure(str(error)) from error
