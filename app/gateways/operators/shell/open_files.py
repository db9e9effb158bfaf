"""Open files: the worker takes as many as it may have, commands get back what it was started with."""

import logging
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial

MOST_FILES = 65_536
"""More are never needed: a thousand commands take four thousand."""
OWN_FILES = 256
"""What a worker needs beside its commands: connections, the guard, log files."""
FILES_EACH = 4
"""What one command takes: both ends of its output while it starts, a descriptor to wait for it."""
MOST_COMMANDS = 1000

logger = logging.getLogger(__name__)
_before: tuple[int, int] | None = None


def raise_open_files() -> None:
    """Let this process have as many open files as it may; what it starts can be given the limit of before."""
    global _before  # noqa: PLW0603 - a limit belongs to the process as well
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        logger.warning("the limit of open files stays at %d: %s", soft, error)
        return
    _before = (soft, hard)


def given_back() -> Callable[[], None] | None:
    """Return what a child is to do before it becomes a command, to have the limit of before; None: nothing."""
    return None if _before is None else partial(_set, _before)


def _set(limit: tuple[int, int]) -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def room() -> int:
    """Return for how many commands at once there are files enough."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_COMMANDS
    return max(1, min(MOST_COMMANDS, (soft - OWN_FILES) // FILES_EACH))
