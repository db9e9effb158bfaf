"""Cleans the output of commands for the log: removes escape sequences and masks secrets."""

import asyncio
from collections.abc import Callable, Sequence

from app.core import escapes
from app.core.logs import LinePart
from app.core.masking import Masker, mask_secrets
from app.core.tokens import hide_tokens, marks_in, partial_token_start

SECRETS_AT_ONCE = 8
LINES_AT_ONCE = 500
"""Secrets searched for in a chunk, and lines processed, before other tasks get a turn."""


class OutputCleaner:
    """Cleans one stream of one command.

    The start of a possible secret or escape sequence waits for the rest of its line. `prefix` is put before each text.
    Texts are returned with whether they continue the line that was returned last.
    """

    def __init__(self, masker: Masker, prefix: str = "") -> None:
        self._masker = masker
        self._prefix = prefix
        self._held_back = ""
        self._line_open = False

    async def clean(self, lines: Sequence[str]) -> list[tuple[str, bool]]:
        """Return the texts that can be shown with these lines, each with whether it continues the one before."""
        if LinePart not in map(type, lines):
            return await self._clean_chunk(lines)
        texts: list[tuple[str, bool]] = []
        start = 0
        for end, line in enumerate(lines, 1):
            if end == len(lines) or (isinstance(line, LinePart) and line.goes_on):
                texts += await self._clean_chunk(lines[start:end])
                start = end
        return texts

    async def _clean_chunk(self, lines: Sequence[str]) -> list[tuple[str, bool]]:
        """Clean lines of which only the first may continue another, and only the last may go on."""
        first, last = lines[0], lines[-1]
        joined, rest = "\n".join(lines), ""
        text = self._start_of_chunk(isinstance(first, LinePart) and first.continues) + joined
        unfinished = isinstance(last, LinePart) and last.goes_on
        if escapes.may_contain(text) and escapes.clean(text, final=False) != (text, ""):
            *complete, final = text.split("\n")
            end = escapes.clean(final, final=not unfinished)
            cleaned = await _map_lines(lambda line: escapes.clean(line).text, complete)
            text, rest = "\n".join([*cleaned, end.text]), end.rest
        if unfinished:
            text, rest = self._hold_back(text, rest)
        self._held_back = rest
        masked = await self._mask(text)
        is_untouched = masked is joined and type(first) is str is type(last)
        return self._with_continuation(list(lines) if is_untouched else masked.split("\n"), unfinished)

    def _start_of_chunk(self, continues: bool) -> str:
        """Return the text that was held back, as a line of its own where the chunk begins a new line."""
        if continues:
            return self._held_back
        if self._held_back:
            return f"{self._held_back}\n"
        self._line_open = False
        return ""

    async def finish(self) -> list[tuple[str, bool]]:
        """Return the text that is still held back at the end of the stream."""
        if not self._held_back:
            return []
        end = LinePart("", continues=True, goes_on=False)
        return [text for text in await self.clean([end]) if text[0] != self._prefix]

    def _hold_back(self, text: str, rest: str) -> tuple[str, str]:
        """Cut off the end of an unfinished line, where it may be the start of a secret or token."""
        begin = text.rfind("\n") + 1
        line = text[begin:]
        plain = escapes.strip(line)
        end = min(self._masker.partial_secret_start(plain), partial_token_start(plain))
        return (text, rest) if end == len(plain) else (text[:begin] + plain[:end], plain[end:] + rest)

    async def _mask(self, text: str) -> str:
        secrets = self._masker.secrets
        present = []
        for start in range(0, len(secrets), SECRETS_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            present += [secret for secret in secrets[start : start + SECRETS_AT_ONCE] if secret in text]
        text = mask_secrets(text, present)
        if self._masker and "\x1b" in text:
            text = "\n".join(await _map_lines(self._mask_between_colors, text.split("\n")))
        if marks := marks_in(text):
            text = "\n".join(await _map_lines(lambda line: hide_tokens(line, marks), text.split("\n")))
        return text

    def _mask_between_colors(self, line: str) -> str:
        """Return the line unchanged, or masked and without colors where these split a secret."""
        if "\x1b" not in line:
            return line
        plain = escapes.strip(line)
        masked = self._masker.mask(plain)
        return line if masked == plain else masked

    def _with_continuation(self, texts: list[str], unfinished: bool) -> list[tuple[str, bool]]:
        continues = self._line_open
        if unfinished and not texts[-1]:
            texts.pop()
            self._line_open = continues and not texts
        else:
            self._line_open = unfinished
        prefix = self._prefix
        pairs = [(prefix + text, False) for text in texts] if prefix else [(text, False) for text in texts]
        if continues and texts:
            pairs[:1] = [(prefix + texts[0], True)] if texts[0] else []
        return pairs


async def _map_lines(change: Callable[[str], str], lines: Sequence[str]) -> list[str]:
    """Return each line changed, a part of them at a time."""
    changed: list[str] = []
    for start in range(0, len(lines), LINES_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        changed += map(change, lines[start : start + LINES_AT_ONCE])
    return changed
