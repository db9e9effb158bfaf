"""Text that is safe to print: it cannot control a terminal, nor reorder its own characters."""

import json
import re
from collections.abc import Mapping
from typing import Any

import click

from app.cli.standard_streams import has_unicode
from app.core import escapes

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Return a text without escape sequences, control characters and direction marks."""
    return text if text.isprintable() else _CONTROLS.sub("", escapes.strip(text))


def printable_value(value: Any) -> Any:
    """Return a value with every text in it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): printable_value(content) for key, content in value.items()}
    return [printable_value(item) for item in value] if isinstance(value, list | tuple) else value


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON with printable texts, because programs may print them unchanged.

    Characters that the encoding of standard output may lack are escaped, so that no text is lost.
    """
    return json.dumps(printable_value(value), ensure_ascii=not has_unicode(), indent=indent)


def echo(text: str, *, err: bool = False) -> None:
    """Print a text that may contain text from other people."""
    click.echo(printable(text), err=err)
