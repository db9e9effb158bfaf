"""Masking: hides the values of variables with secret names in texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.core.secret_names import is_secret_name

HIDDEN = "***"
SHORTEST_SECRET = 5
"""Shorter values are not masked: masking every “1” or “true” would hide the log, not the secret."""
SHORTEST_LINE = 8
"""Shorter lines of a multi-line value are masked only as part of the whole value."""
MAX_SECRETS = 100
"""Variables with secret names of one command."""
MAX_LINES = 300
"""Texts to search for: secret values and their lines; twice the lines of two private keys."""
MAX_CHARACTERS = 65_536
"""Characters of all secret values of one command."""
PLAIN_VALUES = frozenset(
    ("false", "default", "disabled", "enabled", "required", "optional", "production", "staging", "development")
)
"""Common settings, which are no secrets whatever the variable is called."""


def secret_values(env: Mapping[str, object]) -> Iterator[str]:
    """Yield the secret values of variables with secret names."""
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
            yield from (text for line in lines if len(text := line.strip()) >= SHORTEST_LINE)


def masking_limit_error(env: Mapping[str, object]) -> str | None:
    """Return why the secret values exceed the limits of masking, or None."""
    values = list(secret_values(env))
    if len(values) > MAX_SECRETS:
        return f"{len(values)} variables have names of secrets; at most {MAX_SECRETS} can be masked."
    size = sum(map(len, values))
    if size > MAX_CHARACTERS:
        return f"The secret values have {size} characters together; at most {MAX_CHARACTERS} can be masked: use a file."
    count = len(set(_forms(values)))
    if count > MAX_LINES:
        return f"The secret values have {count} lines together; at most {MAX_LINES} can be masked: use a file."
    return None


@dataclass(frozen=True)
class Masker:
    """Masks secrets in texts, the longest first; overlapping secrets are masked together."""

    secrets: tuple[str, ...] = ()

    @staticmethod
    def of(*envs: Mapping[str, object]) -> "Masker":
        """Return a masker for the values of variables with secret names, and for each longer line of them."""
        forms = {form for env in envs for form in _forms(secret_values(env))}
        return Masker(tuple(sorted(forms, key=len, reverse=True)))

    def __bool__(self) -> bool:
        return bool(self.secrets)

    def mask(self, text: str) -> str:
        """Return the text with `***` in place of each secret."""
        return mask_secrets(text, [secret for secret in self.secrets if secret in text])

    def mask_json(self, value: Any) -> Any:
        """Return a JSON value with all its texts masked, except the names of fields."""
        if not self.secrets:
            return value
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            return {key: self.mask_json(content) for key, content in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask_json(item) for item in value]
        return value

    @cached_property
    def longest(self) -> int:
        """Characters of the longest secret."""
        return max(map(len, self.secrets), default=0)

    def partial_secret_start(self, text: str) -> int:
        """Return where an unfinished secret may begin at the end of a text, else the text's length."""
        return len(text) - max((_overlap(text, secret) for secret in self.secrets), default=0)


def mask_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text with `***` in place of each secret. Line ends stay, also those within a secret."""
    spans = sorted(span for secret in secrets for span in _places(text, secret))
    if not spans:
        return text
    parts, done, index = [], 0, 0
    while index < len(spans):
        start, end = spans[index]
        index += 1
        while index < len(spans) and spans[index][0] < end:
            end = max(end, spans[index][1])
            index += 1
        parts += [text[done:start], HIDDEN + f"\n{HIDDEN}" * text.count("\n", start, end)]
        done = end
    return "".join([*parts, text[done:]])


def _places(text: str, secret: str) -> Iterator[tuple[int, int]]:
    at = text.find(secret) if secret else -1
    while at >= 0:
        yield at, at + len(secret)
        at = text.find(secret, at + len(secret))


def _overlap(text: str, secret: str) -> int:
    """Return how many characters at the end of a text are a proper prefix of a secret."""
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
    """Return JSON values of an object before and after a change, with the secrets of each `env` masked."""
    masker = Masker.of(*(env for side in sides for env in _envs(side)))
    return tuple(masker.mask_json(_masked_variables(side)) for side in sides)


def _envs(value: Any) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Mapping):
        for key, content in value.items():
            if key == "env" and isinstance(content, Mapping):
                yield content
            yield from _envs(content)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _envs(item)


def _masked_variables(value: Any, key: str = "") -> Any:
    """Return a value with every variable with a secret name masked, however short its value."""
    if isinstance(value, Mapping):
        is_env = key == "env"
        return {
            name: HIDDEN
            if is_env and isinstance(content, str) and content and is_secret_name(name)
            else _masked_variables(content, name)
            for name, content in value.items()
        }
    return [_masked_variables(item) for item in value] if isinstance(value, list | tuple) else value
