"""switch: chooses the set of instances that customers reach.

Every process listens on a port of its own; that of the instance belongs to the serving set. During a switch the new
process listens on it before the old one leaves it, so that every call is answered.
"""

import os
import signal
import time

from pipeline import processes
from pipeline.catalog import SETS, Service, own_port
from pipeline.home import Home
from pipeline.report import ShopError, say

SWITCH_SECONDS = 5.0
ANSWERS_IN_A_ROW = 10
"""After this many answers by the new process alone, the old one has left."""


def switch(home: Home, service: Service, front: int, color: str) -> None:
    """Gives an instance's traffic to a set, which may have it already.

    Raises:
        ShopError: no process of that set runs there, or the switch fails.
    """
    pid = processes.running(home, service, own_port(front, color))
    if pid is None:
        raise ShopError(f"{service.name} {front}: no process of the {named(color)} set runs, so it cannot serve")
    home.write_serving(service, front, color)
    os.kill(pid, signal.SIGUSR1)
    _await(front, pid, 1)
    for other in SETS:
        old = processes.running(home, service, own_port(front, other)) if other != color else None
        if old is not None:
            os.kill(old, signal.SIGUSR2)
    _await(front, pid, ANSWERS_IN_A_ROW)
    say(f"  {service.name} {front}: the {named(color)} set serves (process {pid})")


def holder(front: int) -> int | None:
    """Returns the process that answers on an instance's port, if it is a service of a shop."""
    answer = processes.ask(front, "/")
    pid = answer.body.get("pid") if answer else None
    return pid if isinstance(pid, int) else None


def named(color: str) -> str:
    """Returns the name of a set, for people."""
    return color or "plain"


def _await(front: int, pid: int, answers: int) -> None:
    deadline, count = time.monotonic() + SWITCH_SECONDS, 0
    while count < answers:
        if time.monotonic() > deadline:
            raise ShopError(f"process {pid} did not get port {front} for itself within {SWITCH_SECONDS:.0f} s")
        count = count + 1 if holder(front) == pid else 0
        if not count:
            time.sleep(0.02)
