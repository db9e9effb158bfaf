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
def test_every_line_comes_once_over_any_broken_connections(
    lines: list[tuple[int, bool, str]], breaks: list[int], size: int, east: float
) -> None:
    passed = accumulate(seconds for seconds, _, _ in lines)
    printed = [(SECONDS[max(0, at - late)], text) for at, (_, late, text) in zip(passed, lines, strict=True)]
    tail, got = Tail(), list[str]()
    for cut in [*breaks, None]:
        since = (tail.since or "")[:19]
        sent = "".join(f"{local(at, east)} {text}\n" for at, text in printed if at >= since).encode()[:cut]
        for start in range(0, len(sent), size):
            got += tail.feed(sent[start : start + size])
        if cut is not None:
            tail.reconnect()
    assert got + tail.finish() == [text for _, text in printed]


def local(second: str, east: float) -> str:
    """Return a timestamp as a node writes it whose clock is so many hours east of UTC."""
    if not east:
        return f"{second}.500000000Z"
    there = datetime.fromisoformat(f"{second}Z").astimezone(timezone(timedelta(hours=east))).isoformat()
    return f"{there[:19]}.500000000{there[19:]}"


def test_an_endless_line_comes_in_pieces_and_goes_on_where_it_was() -> None:
    tail, line = Tail(), "x" * (LONG_LINE * 2 + 100)
    whole = f"{SECONDS[0]}.5Z {line}\n{SECONDS[0]}.6Z next\n".encode()
    got = tail.feed(whole[: LONG_LINE + 500])
    tail.reconnect()
    got += tail.feed(whole)
    assert "".join(got[:-1]) == line
    assert got[-1] == "next"
    assert max(map(len, got)) <= LONG_LINE
