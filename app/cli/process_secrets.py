"""What keeps the secrets of this process its own: none in its environment, and its memory closed.

Whatever a process was started with can be read by all processes of the same user, as long as it runs: in /proc the
memory is shown that holds it, whatever became of `os.environ`. So that memory is overwritten, and closed.
"""

import ctypes
import os
import sys
from collections.abc import Mapping
from contextlib import suppress

SECRETS = ("BOREAS_DATABASE_URL", "BOREAS_REDIS_URL", "BOREAS_ADMIN_TOKEN")
TOKEN = "BOREAS_TOKEN"  # noqa: S105 - the name of a variable
SET_DUMPABLE = 4

_taken: dict[str, str] = {}


def close_memory() -> None:
    """Close this process's memory, variables and open files to others of the same user, where the system has that.

    What it starts is open again, once it is another program.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def take_secrets() -> None:
    """Take the secrets out of the environment: of this process, and of all that it starts.

    The token of a client, which starts nothing, stays in `os.environ` alone, where its option looks for it.
    """
    for name in (*SECRETS, TOKEN):
        if value := os.environ.get(name):
            with suppress(OSError, AttributeError, ValueError):
                _overwrite(os.fsencode(name) + b"=")
            if name != TOKEN:
                _taken[name] = value
                del os.environ[name]


def environ() -> Mapping[str, str]:
    """Return the environment as it was given, with the secrets that were taken out of it."""
    return {**_taken, **os.environ}


def _overwrite(beginning: bytes) -> None:
    """Overwrite the value of a variable where the system keeps it."""
    variables = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    number = 0
    while variables and (address := variables[number]):
        text = ctypes.string_at(address)
        if text.startswith(beginning):
            ctypes.memset(address + len(beginning), 0, len(text) - len(beginning))
        number += 1
