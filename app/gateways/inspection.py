"""The state of a Redis or Valkey server, for `boreas doctor`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from redis.exceptions import RedisError

from app.gateways.queue import connect

ANSWER_SECONDS = 10.0


class RedisUnreachableError(Exception):
    """The server does not answer, or refuses the login; the message says why."""


class RedisState(NamedTuple):
    """What a server reports about itself."""

    name: str
    """Redis or Valkey."""
    release: str
    now: datetime


async def redis_state(url: str, ca_file: Path | None) -> RedisState:
    """Return what a server reports about itself. Raises RedisUnreachableError."""
    client = connect(url, ca_file)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            info = await client.info("server")
            seconds, microseconds = await client.time()
    except (RedisError, OSError, ValueError) as error:
        raise RedisUnreachableError(str(error) or type(error).__name__) from error
    finally:
        await client.aclose(close_connection_pool=True)
    name = "Valkey" if "valkey_version" in info else "Redis"
    release = str(info.get("valkey_version") or info["redis_version"])
    return RedisState(name, release, datetime.fromtimestamp(seconds + microseconds / 1e6, UTC))
