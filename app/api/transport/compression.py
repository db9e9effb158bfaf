"""Compression of large response bodies, in a thread so that other requests go on.

Streams are not compressed: their parts are small, and each one is sent at once.
"""

import asyncio
import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

LARGE_BYTES = 32_768
"""Bodies from this size on are compressed. Smaller ones take longer to compress than to send."""
LEVEL = 4
"""JSON shrinks to a tenth at this level, and higher levels gain little."""
_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?(gzip|\*)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?(?=,|$)", re.IGNORECASE)
_threads = ThreadPoolExecutor(2, "compression")


@lru_cache(maxsize=64)
def accepts_gzip(header: str) -> bool:
    """Return whether an Accept-Encoding header admits gzip. The quality of gzip itself beats that of `*`."""
    qualities = {name.lower(): quality for name, quality in _GZIP.findall(header)}
    quality = qualities.get("gzip", qualities.get("*"))
    return quality is not None and quality.strip("0.") != "" if quality != "" else True


async def compress(body: bytes) -> bytes:
    """Return a body in gzip."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _compress, body)


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)
