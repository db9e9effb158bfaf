"""Texts that can not steer a terminal, nor show their characters in another order than they stand."""

import json
import re
from collections.abc import Mapping
from typing import Any

import click

from app.cli.standard_streams import has_unicode
from app.core import escapes

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Return a text without escape sequences, control characters and marks of direction."""
    return text if text.isprintable() else _STEERING.sub("", escapes.strip(text))


def json_text(value: object, indent: int | None = None) -> str:
    """Return JSON, all texts in it printable: what reads it may print them as they are.

    Where standard output does not take every character, those that it may lack are escaped: nothing is lost.
    """
    return json.dumps(everywhere(value), ensure_ascii=not has_unicode(), indent=indent)


def echo(text: str, *, err: bool = False) -> None:
    """Print a text in which others' words may be."""
    click.echo(printable(text), err=err)


def everywhere(value: Any) -> Any:
    """Return a value with all texts in it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): everywhere(content) for key, content in value.items()}
    return [everywhere(item) for item in value] if isinstance(value, list | tuple) else value
