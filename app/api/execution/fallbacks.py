"""Counts fall-backs of short cuts to graphql-core by kind, and logs the first one of each kind.

A fall-back costs only time: graphql-core gives the same answer. An unexpected one hints at a fault of a short cut.
"""

import logging
from collections import Counter
from traceback import walk_tb

logger = logging.getLogger(__name__)
_counts: Counter[str] = Counter()


def count(kind: str, error: BaseException | None = None, *, expected: bool = True) -> None:
    """Count a fall-back. The first of its kind is logged, with the type and the place of the error.

    The error's message is not logged: it may quote what a client sent.
    """
    _counts[kind] += 1
    if _counts[kind] == 1:
        level = logging.INFO if expected else logging.WARNING
        logger.log(level, "a short cut of the executor fell back to graphql-core: %s%s", kind, _reason(error))


def counts() -> dict[str, int]:
    """Return how many fall-backs of each kind this process has had."""
    return dict(_counts)


def reset() -> None:
    """Forget all fall-backs, so that the next of each kind is logged again."""
    _counts.clear()


def _reason(error: BaseException | None) -> str:
    if error is None:
        return ""
    frames = [(frame.f_code.co_name, line) for frame, line in walk_tb(error.__traceback__)]
    place = f" in {frames[-1][0]}, line {frames[-1][1]}" if frames else ""
    return f" ({type(error).__name__}{place})"
