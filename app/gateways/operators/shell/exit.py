"""Waiting for the end of a process without a thread per process, where the system offers that."""

import asyncio
import os
import threading
from contextlib import suppress

from app.gateways.operators.shell.spawner_client import Process


async def wait_for_exit(process: Process) -> None:
    """Wait until `process` has ended.

    On Linux it is left unreaped, so that its number stays its own until `process.poll()`: what must be told about the
    number before another process can get it, is told in between.
    """
    over = asyncio.Event()
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        loop = asyncio.get_running_loop()
        threading.Thread(target=_reap, args=(process, loop, over), daemon=True).start()
        await over.wait()
    else:
        await _readable(descriptor, over)


async def _readable(descriptor: int, over: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, over.set)
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _reap(process: Process, loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    process.wait()
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(over.set)
