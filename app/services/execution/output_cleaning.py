"""What a command prints, on its way to the log: escape sequences and secrets are taken out, however it was cut up."""

import asyncio
from collections.abc import Callable, Sequence

from app.core import escapes
from app.core.logs import LinePart
from app.core.masking import Masker, mask_secrets
from app.core.tokens import hide_tokens, marks_in, partial_token_start

SECRETS_AT_ONCE = 8
LINES_AT_ONCE = 500
"""Secrets that are looked for in a chunk, and lines that are looked at, before others have their turn."""


class OutputCleaner:
    """One stream of one command. What may be half a secret or half a sequence waits for the rest of its line.

    `prefix` stands before each text. A text is given on with whether it continues a line of which some was given on.
    """

    def __init__(self, masker: Masker, prefix: str = "") -> None:
        self._masker = masker
        self._prefix = prefix
        self._held = ""
        self._open = False

    async def take(self, lines: Sequence[str]) -> list[tuple[str, bool]]:
        """Return what can be shown with these lines, each with whether it goes on with the one before."""
        if LinePart not in map(type, lines):
            return await self._take(lines)
        found: list[tuple[str, bool]] = []
        start = 0
        for end, line in enumerate(lines, 1):
            if end == len(lines) or (isinstance(line, LinePart) and line.goes_on):
                found += await self._take(lines[start:end])
                start = end
        return found

    async def _take(self, lines: Sequence[str]) -> list[tuple[str, bool]]:
        """Take lines of which only the first may continue another, and only the last may go on."""
        first, last = lines[0], lines[-1]
        joined, rest = "\n".join(lines), ""
        text = self._beginning(isinstance(first, LinePart) and first.continues) + joined
        unfinished = isinstance(last, LinePart) and last.goes_on
        if escapes.may_contain(text) and escapes.clean(text, final=False) != (text, ""):
            *ended, final = text.split("\n")
            end = escapes.clean(final, final=not unfinished)
            text, rest = "\n".join([*await _each(lambda line: escapes.clean(line).text, ended), end.text]), end.rest
        if unfinished:
            text, rest = self._hold_back(text, rest)
        self._held = rest
        masked = await self._masked(text)
        is_untouched = masked is joined and type(first) is str is type(last)
        return self._given(list(lines) if is_untouched else masked.split("\n"), unfinished)

    def _beginning(self, continues: bool) -> str:
        """Return what was held back, as a line of its own where no more of it has come."""
        if continues:
            return self._held
        if self._held:
            return f"{self._held}\n"
        self._open = False
        return ""

    async def finish(self) -> list[tuple[str, bool]]:
        """Return what was held back, as nothing follows any more."""
        nothing = LinePart("", continues=True, goes_on=False)
        return [given for given in await self.take([nothing]) if given[0] != self._prefix] if self._held else []

    def _hold_back(self, text: str, rest: str) -> tuple[str, str]:
        """Cut off the end of a line that goes on, where it may be the beginning of something to hide."""
        begin = text.rfind("\n") + 1
        line = text[begin:]
        plain = escapes.strip(line)
        end = min(self._masker.partial_secret_start(plain), partial_token_start(plain))
        return (text, rest) if end == len(plain) else (text[:begin] + plain[:end], plain[end:] + rest)

    async def _masked(self, text: str) -> str:
        found = []
        for start in range(0, len(self._masker.secrets), SECRETS_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            found += [each for each in self._masker.secrets[start : start + SECRETS_AT_ONCE] if each in text]
        text = mask_secrets(text, found)
        if self._masker and "\x1b" in text:
            text = "\n".join(await _each(self._without_colours, text.split("\n")))
        if marks := marks_in(text):
            text = "\n".join(await _each(lambda line: hide_tokens(line, marks), text.split("\n")))
        return text

    def _without_colours(self, line: str) -> str:
        """Return a line as it is, or masked and plain where colours stand between the characters of a secret."""
        if "\x1b" not in line:
            return line
        plain = escapes.strip(line)
        masked = self._masker.mask(plain)
        return line if masked == plain else masked

    def _given(self, texts: list[str], unfinished: bool) -> list[tuple[str, bool]]:
        continues = self._open
        if unfinished and not texts[-1]:
            texts.pop()
            self._open = continues and not texts
        else:
            self._open = unfinished
        prefix = self._prefix
        given = [(prefix + each, False) for each in texts] if prefix else [(each, False) for each in texts]
        if continues and texts:
            given[:1] = [(prefix + texts[0], True)] if texts[0] else []
        return given


async def _each(change: Callable[[str], str], lines: Sequence[str]) -> list[str]:
    """Return lines that were changed each for itself, some at a time."""
    changed: list[str] = []
    for start in range(0, len(lines), LINES_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        changed += map(change, lines[start : start + LINES_AT_ONCE])
    return changed
