"""Logging of the processes themselves: one line an event, on standard error."""

import logging
import sys

LIBRARIES = ("arq", "tortoise", "httpx", "httpcore", "uvicorn.access", "websockets", "asyncio")
"""Loggers that say little of use below WARNING."""


def configure(level: str) -> None:
    """Write records from `level` up to standard error; those of libraries only from WARNING up."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s %(message)s", force=True
    )
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
