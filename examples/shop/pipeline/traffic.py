"""switch: which of several sets of instances customers reach.

Every process listens on a port of its own; that of the instance belongs to the set that serves. While it changes hands
the new process takes it before the old one leaves it, so that there is somebody at any moment.
"""

import os
import signal
import time

from pipeline import processes
from pipeline.catalog import SETS, Service, own_port
from pipeline.home import Home
from pipeline.report import ShopError, say

SWITCH_SECONDS = 5.0
IN_A_ROW = 10
"""Answers by the new process alone that tell that the old one has left."""


def switch(home: Home, service: Service, front: int, color: str) -> None:
    """Gives an instance's traffic to a set; that it has it already is no fault.

    Raises:
        ShopError: nothing of that set runs there, or the port does not change hands.
    """
    pid = processes.running(home, service, own_port(front, color))
    if pid is None:
        raise ShopError(f"{service.name} {front}: nothing of the {named(color)} set runs that could serve")
    home.write_serving(service, front, color)
    os.kill(pid, signal.SIGUSR1)
    _await(front, pid, 1)
    for other in SETS:
        old = processes.running(home, service, own_port(front, other)) if other != color else None
        if old is not None:
            os.kill(old, signal.SIGUSR2)
    _await(front, pid, IN_A_ROW)
    say(f"  {service.name} {front}: the {named(color)} set serves (process {pid})")


def holder(front: int) -> int | None:
    """The process that answers on an instance's port, if it is a service of a shop."""
    answer = processes.ask(front, "/")
    pid = answer.body.get("pid") if answer else None
    return pid if isinstance(pid, int) else None


def named(color: str) -> str:
    """A set as people call it."""
    return color or "plain"


def _await(front: int, pid: int, wanted: int) -> None:
    deadline, seen = time.monotonic() + SWITCH_SECONDS, 0
    while seen < wanted:
        if time.monotonic() > deadline:
            raise ShopError(f"process {pid} did not get port {front} for itself within {SWITCH_SECONDS:.0f} s")
        seen = seen + 1 if holder(front) == pid else 0
        if not seen:
            time.sleep(0.02)
