"""Keeps the secrets of this process: removes them from its environment, and protects its memory.

Every process of the same user can read the initial environment of another in /proc, for as long as it runs: /proc shows
the original memory, whatever became of `os.environ`. So that memory is overwritten, and the process made undumpable.
"""

import ctypes
import os
import sys
from collections.abc import Mapping
from contextlib import suppress

SECRETS = ("BOREAS_DATABASE_URL", "BOREAS_REDIS_URL", "BOREAS_ADMIN_TOKEN")
TOKEN = "BOREAS_TOKEN"  # noqa: S105 - the name of a variable
SET_DUMPABLE = 4

_secrets: dict[str, str] = {}


def protect_memory() -> None:
    """Hide memory, environment and open files from other processes of the same user, where the system can.

    Programs that this process executes are not protected.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def take_secrets() -> None:
    """Move the secrets out of the environment of this process, and so of all that it starts.

    BOREAS_TOKEN stays in `os.environ`, where its option looks for it: clients start no processes.
    """
    for name in (*SECRETS, TOKEN):
        if value := os.environ.get(name):
            with suppress(OSError, AttributeError, ValueError):
                _overwrite(os.fsencode(name) + b"=")
            if name != TOKEN:
                _secrets[name] = value
                del os.environ[name]


def environ_with_secrets() -> Mapping[str, str]:
    """Return the environment together with the secrets that were moved out of it."""
    return {**_secrets, **os.environ}


def _overwrite(prefix: bytes) -> None:
    """Overwrite the value of a variable in the memory where the system keeps it."""
    variables = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    index = 0
    while variables and (address := variables[index]):
        text = ctypes.string_at(address)
        if text.startswith(prefix):
            ctypes.memset(address + len(prefix), 0, len(text) - len(prefix))
        index += 1
