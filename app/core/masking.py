"""Secrets: the values of variables with telling names, and texts in which they are hidden."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.core.secret_names import is_secret_name

HIDDEN = "***"
SHORTEST_SECRET = 5
"""Shorter values are not masked: hiding every “1” or “true” of a log hides the log, not the secret."""
SHORTEST_LINE = 8
"""Shorter lines of a value of several lines are masked only where the whole value stands."""
MAX_SECRETS = 100
"""Variables with telling names of one command."""
MAX_LINES = 300
"""Texts to look for, all values of one command and their lines together: twice what two private keys have."""
MAX_CHARACTERS = 65_536
"""Characters of these values together."""
PLAIN_VALUES = frozenset(
    ("false", "default", "disabled", "enabled", "required", "optional", "production", "staging", "development")
)
"""Words that say how something is set, wherever they stand."""


def secret_values(env: Mapping[str, object]) -> Iterator[str]:
    """Yield the values that must not be shown, of variables with telling names."""
    for name, value in env.items():
        if isinstance(value, str) and is_secret_name(name):
            text = value.strip()
            if len(text) >= SHORTEST_SECRET and text.lower() not in PLAIN_VALUES:
                yield text


def _forms(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        lines = value.splitlines()
        yield "\n".join(lines)
        if len(lines) > 1:
            yield from (line for each in lines if len(line := each.strip()) >= SHORTEST_LINE)


def masking_limit_error(env: Mapping[str, object]) -> str | None:
    """Say why the values of telling names are too many to be masked, None where they are not."""
    values = list(secret_values(env))
    if len(values) > MAX_SECRETS:
        return f"{len(values)} of its names tell that their values are secret; at most {MAX_SECRETS} can be masked."
    size = sum(map(len, values))
    if size > MAX_CHARACTERS:
        return f"Its secret values have {size} characters together; at most {MAX_CHARACTERS} can be masked: use a file."
    count = len(set(_forms(values)))
    if count > MAX_LINES:
        return f"Its secret values have {count} lines together; at most {MAX_LINES} can be masked: use a file."
    return None


@dataclass(frozen=True)
class Masker:
    """Hides texts wherever they stand, the longest first. Where two overlap, both are hidden."""

    secrets: tuple[str, ...] = ()

    @staticmethod
    def of(*envs: Mapping[str, object]) -> "Masker":
        """Return what hides the values of variables with telling names, and each longer line of them."""
        forms = {form for env in envs for form in _forms(secret_values(env))}
        return Masker(tuple(sorted(forms, key=len, reverse=True)))

    def __bool__(self) -> bool:
        return bool(self.secrets)

    def mask(self, text: str) -> str:
        """Return the text with `***` in place of each secret."""
        return mask_secrets(text, [secret for secret in self.secrets if secret in text])

    def everywhere(self, value: Any) -> Any:
        """Return a JSON value with every text in it masked, but for the names of fields."""
        if not self.secrets:
            return value
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            return {key: self.everywhere(content) for key, content in value.items()}
        if isinstance(value, list | tuple):
            return [self.everywhere(item) for item in value]
        return value

    @cached_property
    def longest(self) -> int:
        """Characters of the longest secret."""
        return max(map(len, self.secrets), default=0)

    def open_end(self, text: str) -> int:
        """Return from where on the end of a text may be the beginning of a secret; its length where it is none."""
        return len(text) - max((_overlap(text, secret) for secret in self.secrets), default=0)


def mask_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text with `***` in place of each of these secrets. Line ends stay, also within one."""
    spans = sorted(span for secret in secrets for span in _places(text, secret))
    if not spans:
        return text
    out, done, index = [], 0, 0
    while index < len(spans):
        start, end = spans[index]
        index += 1
        while index < len(spans) and spans[index][0] < end:
            end = max(end, spans[index][1])
            index += 1
        out += [text[done:start], HIDDEN + f"\n{HIDDEN}" * text.count("\n", start, end)]
        done = end
    return "".join([*out, text[done:]])


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    at = text.find(secret) if secret else -1
    while at >= 0:
        yield at, at + len(secret)
        at = text.find(secret, at + len(secret))


def _overlap(text: str, secret: str) -> int:
    """Return how many characters at the end of a text are the beginning of a secret, and not all of it."""
    tail = text[-(len(secret) - 1) :] if len(secret) > 1 else ""
    if not tail or secret[0] not in tail:
        return 0
    borders = [0] * len(secret)
    matched = 0
    for index in range(1, len(secret)):
        while matched and secret[index] != secret[matched]:
            matched = borders[matched - 1]
        matched += secret[index] == secret[matched]
        borders[index] = matched
    matched = 0
    for letter in tail:
        while matched and letter != secret[matched]:
            matched = borders[matched - 1]
        matched += letter == secret[matched]
    return matched


def masked_views(sides: Sequence[Any]) -> tuple[Any, ...]:
    """Return JSON values of one thing, before and after, without the secrets that any `env` in them holds."""
    masker = Masker.of(*(env for side in sides for env in _envs(side)))
    return tuple(masker.everywhere(_closed(side)) for side in sides)


def _envs(value: Any) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Mapping):
        for key, content in value.items():
            if key == "env" and isinstance(content, Mapping):
                yield content
            yield from _envs(content)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _envs(item)


def _closed(value: Any, key: str = "") -> Any:
    """Return a value with every variable of a telling name hidden, however short it is."""
    if isinstance(value, Mapping):
        env = key == "env"
        return {
            name: HIDDEN
            if env and isinstance(content, str) and content and is_secret_name(name)
            else _closed(content, name)
            for name, content in value.items()
        }
    return [_closed(item) for item in value] if isinstance(value, list | tuple) else value
