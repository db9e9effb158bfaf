"""Escape sequences of terminals in what commands print: colours and links are kept, everything else is taken out whole.

A sequence begins with ESC, or with a C1 control that says the same in one character. Time is linear in the text: where
a sequence ends is looked for once, however many begin.
"""

import re
from typing import NamedTuple

LONGEST_LINK = 2083
"""Characters of a link's address; longer ones are no links for the terminals that know them either."""
LONGEST_OPEN = 65_536
"""Characters of a sequence whose end may still come. One that is longer is none."""
KEPT = r"\u001b(\[[0-9;:]*m|\]8;[^\u0007\u001b]*\u001b\\)"
"""What is kept, as it is stored. Python and PostgreSQL read it alike."""
_KEPT = re.compile(KEPT)
_COLOUR = re.compile("\x1b\\[[0-9;:]*+m")
_BEGIN = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
_CSI = re.compile("[\x00-\x09\x0b\x0c\x0e-\x17\x19\x1c-\x1f0-?]*+[ -/]*+([@-~])?")
_SHORT = re.compile("[ -/]*+([0-~])?")
_COLOUR_BODY = re.compile(r"\A[0-9;:]*+m\Z")
_LINK_BODY = re.compile("8;[^;\x00-\x1f\x7f-\x9f]*+;(?:(?:https?|ftp|file|mailto):[^\x00-\x20\x7f-\x9f]*+)?")
_C1 = {"\x90": "P", "\x98": "X", "\x9b": "[", "\x9d": "]", "\x9e": "^", "\x9f": "_"}
_STRINGS = frozenset("P]X^_")


class Cleaned(NamedTuple):
    """A text without what is not kept, and what may be the beginning of a sequence that goes on in the next text."""

    text: str
    rest: str


def may_contain(text: str) -> bool:
    """Tell whether there may be a sequence in a text."""
    return "\x1b" in text or (not text.isascii() and _BEGIN.search(text) is not None)


def clean(text: str, *, final: bool = True) -> Cleaned:
    """Return a line with colours and links as its only escape sequences. Unless `final`, it may go on."""
    if _BEGIN.search(text) is None:
        return Cleaned(text, "")
    if _BEGIN.search(_COLOUR.sub("", text)) is None:
        return Cleaned(text, "")
    return _Scan(text, keep=True, final=final).run()


def strip(text: str) -> str:
    """Return a text without any escape sequence."""
    if _BEGIN.search(text) is None:
        return text
    usual = _KEPT.sub("", text)
    return usual if _BEGIN.search(usual) is None else _Scan(text, keep=False, final=True).run().text


def cut_position(text: str, start: int, size: int) -> int:
    """Return where to cut a text off that is clean: `size` characters behind `start`, or before what would be torn."""
    end = start + size
    begin = text.rfind("\x1b", max(start, end - LONGEST_LINK - 300), end)
    if begin > start and text.startswith("\x1b\\", begin):
        begin = text.rfind("\x1b]", max(start, begin - LONGEST_LINK - 300), begin) if begin + 2 > end else -1
    if begin <= start or end >= len(text):
        return end
    found = _KEPT.match(text, begin)
    return begin if found and found.end() > end else end


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str, *, keep: bool, final: bool) -> None:
        self._text = text
        self._keep = keep
        self._final = final
        self._ends: dict[str, int] = {}

    def run(self) -> Cleaned:
        text, out, done = self._text, [], 0
        while (found := _BEGIN.search(text, done)) is not None:
            start = found.start()
            out.append(text[done:start])
            kind, body = self._kind(start)
            end, kept = self._sequence(kind, body)
            if end is None:
                if not self._final and len(text) - start <= LONGEST_OPEN:
                    return Cleaned("".join(out), text[start:])
                end, kept = body, ""
            out.append(kept)
            done = end
        out.append(text[done:])
        return Cleaned("".join(out), "")

    def _kind(self, start: int) -> tuple[str, int]:
        """Return the letter that says what kind of sequence begins, empty where there is none, and where it goes on."""
        first = self._text[start]
        if first != "\x1b":
            return _C1[first], start + 1
        second = self._text[start + 1 : start + 2]
        return (second, start + 2) if second in _STRINGS or second == "[" else ("", start + 1)

    def _sequence(self, kind: str, body: int) -> tuple[int | None, str]:
        """Return where a sequence ends, None where its end has not come, and what is kept of it."""
        if kind == "[":
            return self._control(body)
        if kind:
            return self._string(kind, body)
        found = _SHORT.match(self._text, body)
        assert found is not None
        open_ = found[1] is None and found.end() == len(self._text)
        return (None if open_ else found.end()), ""

    def _control(self, body: int) -> tuple[int | None, str]:
        found = _CSI.match(self._text, body)
        assert found is not None
        if found[1] is None and found.end() == len(self._text) and not self._final:
            return None, ""
        colour = self._keep and _COLOUR_BODY.fullmatch(found[0])
        return found.end(), f"\x1b[{found[0]}" if colour else ""

    def _string(self, kind: str, body: int) -> tuple[int | None, str]:
        """A string ends with ST; a command (OSC) also with BEL, and any other sequence breaks it off."""
        marks = ("\x1b\\", "\x9c", "\x07", "\x1b") if kind == "]" else ("\x1b\\", "\x9c")
        ends = [(at, mark) for mark in marks if (at := self._find(mark, body)) >= 0]
        if not ends:
            return None, ""
        at, mark = min(ends, key=lambda end: (end[0], -len(end[1])))
        if mark == "\x1b":
            return (None if at + 1 == len(self._text) and not self._final else at), ""
        content = self._text[body:at]
        link = self._keep and kind == "]" and len(content) <= LONGEST_LINK and _LINK_BODY.fullmatch(content)
        return at + len(mark), f"\x1b]{content}\x1b\\" if link else ""

    def _find(self, mark: str, start: int) -> int:
        """Find a mark from `start` on. It is kept until it is passed, so that no stretch is read twice."""
        known = self._ends.get(mark)
        if known is None or 0 <= known < start:
            known = self._ends[mark] = self._text.find(mark, start)
        return known
