"""What Ctrl-C does while something blocks: asyncio would take it, and cancel what cannot be cancelled."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interruptible() -> AbstractContextManager[None]:
    """Let Ctrl-C raise KeyboardInterrupt at once."""
    return _handled(signal.default_int_handler)


def left_to_others() -> AbstractContextManager[None]:
    """Leave Ctrl-C to a program that has the terminal meanwhile."""
    return _handled(lambda number, frame: None)
