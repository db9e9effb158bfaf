"""What Ctrl-C does during a blocking call: asyncio's own handler cannot cancel one."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def _handler(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def interruptible() -> AbstractContextManager[None]:
    """Let Ctrl-C raise KeyboardInterrupt at once."""
    return _handler(signal.default_int_handler)


def ignored() -> AbstractContextManager[None]:
    """Ignore Ctrl-C while another program, such as an editor, uses the terminal."""
    return _handler(lambda number, frame: None)
