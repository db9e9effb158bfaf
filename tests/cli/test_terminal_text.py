"""Texts of other people cannot control a terminal or reorder text when client commands print them."""

import json

import pytest

from app.cli.terminal_text import json_text, printable

STEERING = "\x1b[2J\x1b]52;c;aGk=\x07\x9b2J\x9d52;c;aGk=\x9c\x90q\x9c\x00\x07\x85\u202e\u2066\u2069\u200f\u2028\ufeff"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (f"a{STEERING}b", "ab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("two\n\tlines", "two\n\tlines"),
        ("👩‍🚀 grün 数据库 שלום", "👩‍🚀 grün 数据库 שלום"),
    ],
)
def test_texts_are_made_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_texts_in_json_are_printable() -> None:
    text = json_text({f"k{STEERING}": [{"message": f"a{STEERING}b"}, 1, None, True], "n": 1.5})
    assert json.loads(text) == {"k": [{"message": "ab"}, 1, None, True], "n": 1.5}
    assert text.isprintable()
