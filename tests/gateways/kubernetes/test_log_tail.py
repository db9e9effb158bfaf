"""A log over connections that break anywhere: every line once, in order, whatever the timestamps are."""

from datetime import datetime, timedelta, timezone
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from app.gateways.operators.kubernetes.log_tail import Tail
from app.ports import LONG_LINE

SECONDS = ["2030-01-01T12:00:" + str(second) for second in range(10, 40)]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.text("aé—", max_size=3)), max_size=12),
    st.lists(st.integers(0, 400), max_size=5),
    st.integers(1, 7),
    st.sampled_from([-5.0, 0.0, 5.75]),
)
def test_every_line_is_read_once_over_broken_connections(
    lines: list[tuple[int, bool, str]], breaks: list[int], size: int, offset_hours: float
) -> None:
    times = accumulate(seconds for seconds, _, _ in lines)
    log_lines = [(SECONDS[max(0, time - is_late)], text) for time, (_, is_late, text) in zip(times, lines, strict=True)]
    tail, texts = Tail(), list[str]()
    for cut in [*breaks, None]:
        since = (tail.since or "")[:19]
        payload = "".join(
            f"{local_timestamp(time, offset_hours)} {text}\n" for time, text in log_lines if time >= since
        ).encode()[:cut]
        for start in range(0, len(payload), size):
            texts += tail.feed(payload[start : start + size])
        if cut is not None:
            tail.reconnect()
    assert texts + tail.finish() == [text for _, text in log_lines]


def local_timestamp(second: str, offset_hours: float) -> str:
    """Return the timestamp of a node whose clock has this offset from UTC, in hours."""
    if not offset_hours:
        return f"{second}.500000000Z"
    local_time = datetime.fromisoformat(f"{second}Z").astimezone(timezone(timedelta(hours=offset_hours))).isoformat()
    return f"{local_time[:19]}.500000000{local_time[19:]}"


def test_a_very_long_line_is_read_in_pieces_and_continues_after_a_reconnect() -> None:
    tail, line = Tail(), "x" * (LONG_LINE * 2 + 100)
    payload = f"{SECONDS[0]}.5Z {line}\n{SECONDS[0]}.6Z next\n".encode()
    texts = tail.feed(payload[: LONG_LINE + 500])
    tail.reconnect()
    texts += tail.feed(payload)
    assert "".join(texts[:-1]) == line
    assert texts[-1] == "next"
    assert max(map(len, texts)) <= LONG_LINE
