"""Escape sequences in what commands print.

In: a text, whole or cut in two. Out: the text with colours and links only, or with none at all.
Tested: a table of sequences of all kinds; that a cut changes no result; that the rest of a text stays unchanged.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.escapes import clean, cut_position, strip
from app.core.logs import MAX_MESSAGE, stored_messages
from tests.core.support.build import property_of

LINK = "\x1b]8;;https://example.org/a?b=c\x1b\\text\x1b]8;;\x1b\\"
CASES = [
    ("plain", "plain", "plain"),
    ("\x1b[31mred\x1b[0m \x1b[1;38:2:1:2:3mx\x1b[m", "\x1b[31mred\x1b[0m \x1b[1;38:2:1:2:3mx\x1b[m", "red x"),
    ("a\x1b[2Kb\x1b[1A\x1b[10;20Hc", "abc", "abc"),
    ("\x1b[?25l|\x1b[?25h\x1b[?1049h\x1b[>4;2m\x1b[!p\x1b[4 q", "|", "|"),
    (LINK, LINK, "text"),
    ("\x1b]8;id=1;https://x\x07y\x1b]8;;\x07", "\x1b]8;id=1;https://x\x1b\\y\x1b]8;;\x1b\\", "y"),
    ("\x1b]8;;javascript:alert(1)\x07y", "y", "y"),
    (f"\x1b]8;;https://x/{'a' * 3000}\x07y", "y", "y"),
    ("\x1b]52;c;aGVsbG8=\x07a\x1b]0;title\x1b\\b\x1b]1337;File=x:\x07", "ab", "ab"),
    ("\x1bP1$r0m\x1b\\a\x1bX sos \x1b\\b\x1b^pm\x1b\\c\x1b_Gapc\x1b\\d", "abcd", "abcd"),
    ("\x9b2Ja\x9b31mb\x9d52;c;eA==\x9cc\x90q\x9cd\x98x\x9ce\x9ex\x9cf\x9fx\x9cg", "a\x1b[31mbcdefg", "abcdefg"),
    ("\x1b(Ba\x1b7b\x1b8c\x1b=d\x1bMe\x1b#8f\x1b%Gg", "abcdefg", "abcdefg"),
    ("\x1b[2\x00Ka\x1b[31", "a", "a"),
    ("a\x1b", "a", "a"),
    ("a\x1b\x1b[31mb", "a\x1b[31mb", "ab"),
    ("\x1bü\x1b[ü", "üü", "üü"),
    ("\x1b]0;t\x1b[31mred", "\x1b[31mred", "red"),
    ("\x1b]not ended", "not ended", "not ended"),
]


@pytest.mark.parametrize(("text", "cleaned", "visible"), CASES)
def test_only_colours_and_links_are_kept(text: str, cleaned: str, visible: str) -> None:
    assert (clean(text).text, strip(text), strip(cleaned)) == (cleaned, visible, visible)
    assert clean(cleaned).text == cleaned


@pytest.mark.parametrize(("text", "cleaned", "visible"), CASES)
def test_a_sequence_can_be_split_over_two_texts(text: str, cleaned: str, visible: str) -> None:
    for at in range(len(text) + 1):
        head = clean(text[:at], final=False)
        assert head.text + clean(head.rest + text[at:]).text == cleaned, at


@property_of
@given(st.text(st.sampled_from("\x1b[]m0;8?\x07\\P\x9b\x9c\x9dab ")))
def test_no_control_sequence_remains(text: str) -> None:
    cleaned = clean(text).text
    assert not set(strip(text)) & set("\x1b\x90\x98\x9b\x9d\x9e\x9f")
    assert strip(cleaned) == strip(text) and clean(cleaned).text == cleaned


@property_of
@given(st.text(st.characters(exclude_characters="\x1b\x90\x98\x9b\x9d\x9e\x9f")))
def test_text_that_is_no_sequence_stays(text: str) -> None:
    assert clean(text) == (text, "") and strip(text) == text


@pytest.mark.parametrize("length", range(MAX_MESSAGE - 80, MAX_MESSAGE + 3))
def test_a_long_line_is_not_cut_within_a_sequence(length: int) -> None:
    text = f"{'x' * length}{LINK}\x1b[31m{'y' * 100}"
    stored = stored_messages(text)
    assert "".join(stored) == text and max(map(len, stored)) <= MAX_MESSAGE
    assert "".join(map(strip, stored)) == strip(text)
    assert cut_position("x" * 10, 0, 10) == 10
