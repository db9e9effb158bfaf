"""What a request accepts as its answer: one document of JSON, or a stream of results.

Clients list streams beside JSON for operations of every kind. So what is chosen depends on the operation: a
subscription streams where it may, everything else only for those who would rather have a stream, or nothing but one.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAX_HEADER = 1000
"""Characters of an Accept header that are looked at."""
_PARTS = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARAMETERS = re.compile(r'(?:[^;"]|"[^"]*")+')


class Media(StrEnum):
    """How an answer can be encoded."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENTS = "text/event-stream"
    PARTS = "multipart/mixed"

    @property
    def streams(self) -> bool:
        """Whether it holds any number of results."""
        return self in (Media.EVENTS, Media.PARTS)


@dataclass(frozen=True, slots=True)
class _Range:
    """A part of an Accept header. `quality` is from 0 (not at all) to 1."""

    type: str
    parameters: dict[str, str]
    quality: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The best of each kind that a request accepts; None where it accepts none."""

    document: Media | None
    stream: Media | None
    prefers_stream: bool

    def choose(self, *, subscription: bool) -> Media | None:
        """Return how an operation is to be answered, None when nothing that can be had is accepted."""
        streams = self.stream is not None and (subscription or self.prefers_stream)
        return self.stream if streams else self.document


@lru_cache(maxsize=64)
def accepted(header: str | None) -> Accepted:
    """Return what an Accept header asks for. Without one JSON is meant, as from the time before there was a choice."""
    ranges = [_range(part) for part in _PARTS.findall(header or "*/*")]
    document, document_quality = _document(ranges)
    stream, stream_quality = _stream(ranges)
    return Accepted(document, stream, stream_quality > document_quality)


@lru_cache(maxsize=64)
def prefers_html(header: str) -> bool:
    """Whether an Accept header would rather have a page than data, as those of browsers that open an address do."""
    if "text/html" not in header.lower():
        return False
    ranges = [_range(part) for part in _PARTS.findall(header[:MAX_HEADER])]
    wanted = max((one.quality for one in ranges if one.type == "text/html"), default=0.0)
    return wanted > max(_document(ranges)[1], _stream(ranges)[1])


def _range(part: str) -> _Range:
    type_, *rest = _PARAMETERS.findall(part)
    parameters: dict[str, str] = {}
    for each in rest:
        name, _, value = each.partition("=")
        parameters[name.strip().lower()] = value.strip().strip("\"'")
    return _Range(type_.strip().lower() if type_ else "", parameters, _quality(parameters.pop("q", "1")))


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0


def _document(ranges: list[_Range]) -> tuple[Media | None, float]:
    best: tuple[float, int, Media] | None = None
    for media in (Media.JSON, Media.GRAPHQL):
        specificity, quality = _of_media(ranges, media)
        # The newer of the two wins only where it is named: legacy clients name nothing, or JSON.
        newer = specificity == 2 and media is Media.GRAPHQL
        if quality > 0 and (best is None or (quality, specificity + newer) > best[:2]):
            best = (quality, specificity, media)
    return (best[2], best[0]) if best else (None, 0.0)


def _of_media(ranges: list[_Range], media: Media) -> tuple[int, float]:
    """Return how closely a type is named (2: by its own name, -1: not at all), and how much it is wanted."""
    names = ("*/*", f"{media.partition('/')[0]}/*", str(media))
    named = [(names.index(one.type), one.quality) for one in ranges if one.type in names]
    return max(named, default=(-1, 0.0))


def _stream(ranges: list[_Range]) -> tuple[Media | None, float]:
    """Return the stream that is named and wanted most: nobody means one by a wildcard."""
    found = [(one.quality, media) for one in ranges if (media := _stream_of(one)) and one.quality > 0]
    quality, media = max(found, key=lambda one: one[0], default=(0.0, None))
    return media, quality


def _stream_of(one: _Range) -> Media | None:
    if one.type == Media.EVENTS:
        return Media.EVENTS
    if one.type == Media.PARTS and one.parameters.get("subscriptionspec", "").startswith("1.0"):
        return Media.PARTS
    return None
