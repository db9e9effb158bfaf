"""Terminal escape sequences in the output of commands: colours and links stay, all others are removed.

A sequence begins with ESC, or with the C1 control of the same meaning. Time is linear in the text: each possible end is
searched only once, however many sequences begin.
"""

import re
from typing import NamedTuple

LONGEST_LINK = 2083
"""Characters of a link's URL; terminals do not accept longer ones either."""
LONGEST_OPEN = 65_536
"""Characters of a sequence whose end may still follow. Longer ones are not sequences."""
KEPT = r"\u001b(\[[0-9;:]*m|\]8;[^\u0007\u001b]*\u001b\\)"
"""The pattern of stored sequences, valid in Python and in PostgreSQL."""
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
    """A cleaned text, and the unfinished sequence at its end that may continue in the next text."""

    text: str
    rest: str


def may_contain(text: str) -> bool:
    """Tell whether a text may contain a sequence."""
    return "\x1b" in text or (not text.isascii() and _BEGIN.search(text) is not None)


def clean(text: str, *, final: bool = True) -> Cleaned:
    """Return a line with no other sequences than colours and links. Unless `final`, the line may continue."""
    if _BEGIN.search(text) is None:
        return Cleaned(text, "")
    if _BEGIN.search(_COLOUR.sub("", text)) is None:
        return Cleaned(text, "")
    return _Scan(text, keep=True, final=final).run()


def strip(text: str) -> str:
    """Return a text without escape sequences."""
    if _BEGIN.search(text) is None:
        return text
    simple = _KEPT.sub("", text)
    return simple if _BEGIN.search(simple) is None else _Scan(text, keep=False, final=True).run().text


def cut_position(text: str, start: int, size: int) -> int:
    """Return where to cut a clean text: `size` characters after `start`, or before an escape sequence."""
    end = start + size
    begin = text.rfind("\x1b", max(start, end - LONGEST_LINK - 300), end)
    if begin > start and text.startswith("\x1b\\", begin):
        begin = text.rfind("\x1b]", max(start, begin - LONGEST_LINK - 300), begin) if begin + 2 > end else -1
    if begin <= start or end >= len(text):
        return end
    match = _KEPT.match(text, begin)
    return begin if match and match.end() > end else end


class _Scan:
    """One pass over a text that removes its sequences."""

    def __init__(self, text: str, *, keep: bool, final: bool) -> None:
        self._text = text
        self._keep = keep
        self._final = final
        self._ends: dict[str, int] = {}

    def run(self) -> Cleaned:
        text, parts, done = self._text, [], 0
        while (match := _BEGIN.search(text, done)) is not None:
            start = match.start()
            parts.append(text[done:start])
            kind, body = self._kind(start)
            end, kept = self._sequence(kind, body)
            if end is None:
                if not self._final and len(text) - start <= LONGEST_OPEN:
                    return Cleaned("".join(parts), text[start:])
                end, kept = body, ""
            parts.append(kept)
            done = end
        parts.append(text[done:])
        return Cleaned("".join(parts), "")

    def _kind(self, start: int) -> tuple[str, int]:
        """Return the letter of the kind of sequence that begins (empty: none), and the index of its body."""
        first = self._text[start]
        if first != "\x1b":
            return _C1[first], start + 1
        second = self._text[start + 1 : start + 2]
        return (second, start + 2) if second in _STRINGS or second == "[" else ("", start + 1)

    def _sequence(self, kind: str, body: int) -> tuple[int | None, str]:
        """Return where a sequence ends (None: not in this text), and the part of it that stays."""
        if kind == "[":
            return self._control(body)
        if kind:
            return self._string(kind, body)
        match = _SHORT.match(self._text, body)
        assert match is not None
        is_open = match[1] is None and match.end() == len(self._text)
        return (None if is_open else match.end()), ""

    def _control(self, body: int) -> tuple[int | None, str]:
        match = _CSI.match(self._text, body)
        assert match is not None
        if match[1] is None and match.end() == len(self._text) and not self._final:
            return None, ""
        is_colour = self._keep and _COLOUR_BODY.fullmatch(match[0])
        return match.end(), f"\x1b[{match[0]}" if is_colour else ""

    def _string(self, kind: str, body: int) -> tuple[int | None, str]:
        """Scan a string sequence: it ends with ST; an OSC also with BEL, or at the next sequence."""
        marks = ("\x1b\\", "\x9c", "\x07", "\x1b") if kind == "]" else ("\x1b\\", "\x9c")
        ends = [(at, mark) for mark in marks if (at := self._find(mark, body)) >= 0]
        if not ends:
            return None, ""
        at, mark = min(ends, key=lambda end: (end[0], -len(end[1])))
        if mark == "\x1b":
            return (None if at + 1 == len(self._text) and not self._final else at), ""
        content = self._text[body:at]
        is_link = self._keep and kind == "]" and len(content) <= LONGEST_LINK and _LINK_BODY.fullmatch(content)
        return at + len(mark), f"\x1b]{content}\x1b\\" if is_link else ""

    def _find(self, mark: str, start: int) -> int:
        """Find a mark from `start` on. Positions are cached, so that no part of the text is searched twice."""
        position = self._ends.get(mark)
        if position is None or 0 <= position < start:
            position = self._ends[mark] = self._text.find(mark, start)
        return position
