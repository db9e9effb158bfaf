"""Logging of the processes themselves: one line each, on standard error."""

import logging
import sys


def configure(level: str) -> None:
    """Send everything from `level` up to standard error. Library chatter stays out below WARNING."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s %(message)s", force=True
    )
    for name in ("arq", "tortoise", "httpx", "httpcore", "uvicorn.access", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
