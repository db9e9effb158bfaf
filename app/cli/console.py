"""Messages of the server commands, and how these commands fail."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


class Failure(click.ClickException):
    """An expected failure: one line on standard error that says what to do, and exit status 2."""

    exit_code = 2


def server_environ() -> dict[str, str]:
    """Return the environment of embedded servers: no secrets, and no PG… variables."""
    names = ("PATH", "HOME", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in names if name in os.environ} | {"LC_ALL": "C"}


def say(message: str) -> None:
    """Print a message. A closed terminal must not stop the work that the message is about."""
    try:
        click.echo(message)
    except OSError:
        _discard_output()


def _discard_output() -> None:
    """Point the standard streams at the null device: the interpreter writes to them when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null, stream.fileno())
    os.close(null)


@contextmanager
def expected_failures() -> Iterator[None]:
    """Turn errors in settings and of the database into a Failure."""
    from app.settings import SettingError
    from app.store.migrations import MigrationError

    try:
        yield
    except (SettingError, MigrationError) as error:
        raise Failure(str(error)) from error
