"""Limits of open files: the worker raises its own, and commands get the limit that it was started with."""

import logging
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial

MAX_FILES = 65_536
"""More are never needed: a thousand commands need four thousand."""
OWN_FILES = 256
"""Files that a worker needs beside its commands: connections, the guard, log files."""
FILES_PER_COMMAND = 4
"""Both ends of its output while it starts, and a descriptor to wait for it."""
MAX_COMMANDS = 1000

logger = logging.getLogger(__name__)
_original_limit: tuple[int, int] | None = None


def raise_open_files() -> None:
    """Raise the limit of open files of this process to its hard limit."""
    global _original_limit  # noqa: PLW0603 - a limit belongs to the process as well
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft == resource.RLIM_INFINITY or soft >= raised:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    except (OSError, ValueError) as error:
        logger.warning("the limit of open files stays at %d: %s", soft, error)
        return
    _original_limit = (soft, hard)


def limit_restorer() -> Callable[[], None] | None:
    """Return a function for a child to restore the original limit before it executes a command; None: not needed."""
    return None if _original_limit is None else partial(_set_limit, _original_limit)


def _set_limit(limit: tuple[int, int]) -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def max_commands() -> int:
    """Return how many commands can run at once with the limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_COMMANDS
    return max(1, min(MAX_COMMANDS, (soft - OWN_FILES) // FILES_PER_COMMAND))
