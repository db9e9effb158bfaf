"""Content negotiation: whether a response is one JSON document or a stream of results.

Clients list streams beside JSON for operations of every kind, so the choice depends on the operation. A subscription
streams where the client accepts that. Other operations stream only for clients that prefer or require it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

MAX_HEADER = 1000
"""Characters of an Accept header that are read."""
_RANGES = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARAMETERS = re.compile(r'(?:[^;"]|"[^"]*")+')


class Media(StrEnum):
    """Media types of responses."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENTS = "text/event-stream"
    PARTS = "multipart/mixed"

    @property
    def streams(self) -> bool:
        """Whether it can hold several results."""
        return self in (Media.EVENTS, Media.PARTS)


@dataclass(frozen=True, slots=True)
class _Range:
    """A media range of an Accept header. `quality` is from 0 (not acceptable) to 1."""

    type: str
    parameters: dict[str, str]
    quality: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The best document and the best stream that a request accepts, None where it accepts none."""

    document: Media | None
    stream: Media | None
    prefers_stream: bool

    def choose(self, *, subscription: bool) -> Media | None:
        """Return the media type of the response to an operation, None when no available type is accepted."""
        streams = self.stream is not None and (subscription or self.prefers_stream)
        return self.stream if streams else self.document


@lru_cache(maxsize=64)
def accepted(header: str | None) -> Accepted:
    """Return the media types that an Accept header admits. A request without the header accepts JSON."""
    ranges = [_parse_range(text) for text in _RANGES.findall(header or "*/*")]
    document, document_quality = _best_document(ranges)
    stream, stream_quality = _best_stream(ranges)
    return Accepted(document, stream, stream_quality > document_quality)


@lru_cache(maxsize=64)
def prefers_html(header: str) -> bool:
    """Return whether an Accept header prefers a page to data, as those of browsers do."""
    if "text/html" not in header.lower():
        return False
    ranges = [_parse_range(text) for text in _RANGES.findall(header[:MAX_HEADER])]
    html_quality = max((range_.quality for range_ in ranges if range_.type == "text/html"), default=0.0)
    return html_quality > max(_best_document(ranges)[1], _best_stream(ranges)[1])


def _parse_range(text: str) -> _Range:
    type_, *rest = _PARAMETERS.findall(text)
    parameters: dict[str, str] = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        parameters[name.strip().lower()] = value.strip().strip("\"'")
    return _Range(type_.strip().lower() if type_ else "", parameters, _parse_quality(parameters.pop("q", "1")))


def _parse_quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0


def _best_document(ranges: list[_Range]) -> tuple[Media | None, float]:
    best: tuple[float, int, Media] | None = None
    for media in (Media.JSON, Media.GRAPHQL):
        specificity, quality = _match(ranges, media)
        # The newer type wins only where it is named: legacy clients name JSON, or nothing.
        newer = specificity == 2 and media is Media.GRAPHQL
        if quality > 0 and (best is None or (quality, specificity + newer) > best[:2]):
            best = (quality, specificity, media)
    return (best[2], best[0]) if best else (None, 0.0)


def _match(ranges: list[_Range], media: Media) -> tuple[int, float]:
    """Return how specifically a type is named (2: by its own name, -1: not at all), and its quality."""
    names = ("*/*", f"{media.partition('/')[0]}/*", str(media))
    matches = [(names.index(range_.type), range_.quality) for range_ in ranges if range_.type in names]
    return max(matches, default=(-1, 0.0))


def _best_stream(ranges: list[_Range]) -> tuple[Media | None, float]:
    """Return the stream that is named with the highest quality. Wildcards do not name streams."""
    streams = [(range_.quality, media) for range_ in ranges if (media := _stream_of(range_)) and range_.quality > 0]
    quality, media = max(streams, key=lambda stream: stream[0], default=(0.0, None))
    return media, quality


def _stream_of(range_: _Range) -> Media | None:
    if range_.type == Media.EVENTS:
        return Media.EVENTS
    if range_.type == Media.PARTS and range_.parameters.get("subscriptionspec", "").startswith("1.0"):
        return Media.PARTS
    return None
