"""Waiting for the exit of a process: without a thread per process, where the system has pidfds."""

import asyncio
import os
import threading
from contextlib import suppress

from app.gateways.operators.shell.spawner_client import Process


async def wait_for_exit(process: Process) -> None:
    """Wait until `process` has ended.

    On Linux it is not reaped, so that no other process can get its number before `process.poll()`. The caller
    unregisters the number in between.
    """
    exited = asyncio.Event()
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        loop = asyncio.get_running_loop()
        threading.Thread(target=_reap, args=(process, loop, exited), daemon=True).start()
        await exited.wait()
    else:
        await _readable(descriptor, exited)


async def _readable(descriptor: int, exited: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, exited.set)
        await exited.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _reap(process: Process, loop: asyncio.AbstractEventLoop, exited: asyncio.Event) -> None:
    process.wait()
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(exited.set)
