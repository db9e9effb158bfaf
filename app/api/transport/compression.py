"""Large answers compressed, for clients that accept it: in a thread, so that nobody waits for it.

Only whole answers are: feeds bring little at a time, and each part at once. What is small is as fast without.
"""

import asyncio
import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

LARGE_BYTES = 32_768
"""From this size on an answer is compressed. Below it, what is saved is sent in less time than it takes."""
LEVEL = 4
"""What repeats as much as JSON does becomes a tenth either way."""
_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?(gzip|\*)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?(?=,|$)", re.IGNORECASE)
_threads = ThreadPoolExecutor(2, "compression")


@lru_cache(maxsize=64)
def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header admits gzip. What is said of gzip itself counts more than of everything."""
    found = {name.lower(): quality for name, quality in _GZIP.findall(header)}
    quality = found.get("gzip", found.get("*"))
    return quality is not None and quality.strip("0.") != "" if quality != "" else True


async def compressed(body: bytes) -> bytes:
    """Return a body in gzip."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _compressed, body)


def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)
