"""What an examination finds: how bad it is, what it is about, and what to do."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import click

from app.cli.terminal_text import json_text, printable


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    PROBLEM = "problem"
    """Something does not work, or will not."""


MARKS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.PROBLEM: ("✗", "red")}


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: Level
    subject: str
    """What it is about, in one or two words."""
    message: str
    advice: str = ""
    """What to do; empty where there is nothing to do."""


def ok(subject: str, message: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(Level.OK, subject, message)


def warning(subject: str, message: str, advice: str) -> Finding:
    """Return that something works, and is not as it should be."""
    return Finding(Level.WARNING, subject, message, advice)


def problem(subject: str, message: str, advice: str) -> Finding:
    """Return that something does not work."""
    return Finding(Level.PROBLEM, subject, message, advice)


def show(findings: Iterable[Finding]) -> None:
    """Print findings for people, each with its sign and, where something is wrong, what to do."""
    for finding in findings:
        sign, color = MARKS[finding.level]
        click.echo(f"{click.style(sign, fg=color)} {finding.subject:<14} {printable(finding.message)}")
        if finding.advice:
            click.echo(f"  {'':<14} → {printable(finding.advice)}")


def show_json(findings: Iterable[Finding]) -> None:
    """Print findings as one JSON list."""
    click.echo(json_text([finding._asdict() for finding in findings], indent=2))
