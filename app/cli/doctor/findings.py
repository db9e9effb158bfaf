"""Findings of a check: the level, the subject, and what to do."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import click

from app.cli.terminal_text import json_text, printable


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but should be looked at."""
    PROBLEM = "problem"
    """It does not work, or will stop working."""


SYMBOLS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.PROBLEM: ("✗", "red")}


class Finding(NamedTuple):
    """The result of one check."""

    level: Level
    subject: str
    """What was checked, in one or two words."""
    message: str
    advice: str = ""
    """What to do; empty if nothing has to be done."""


def ok(subject: str, message: str) -> Finding:
    """Return a finding without fault."""
    return Finding(Level.OK, subject, message)


def warning(subject: str, message: str, advice: str) -> Finding:
    """Return a finding that should be looked at."""
    return Finding(Level.WARNING, subject, message, advice)


def problem(subject: str, message: str, advice: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(Level.PROBLEM, subject, message, advice)


def print_findings(findings: Iterable[Finding]) -> None:
    """Print findings for people, each with its symbol and its advice."""
    for finding in findings:
        symbol, color = SYMBOLS[finding.level]
        click.echo(f"{click.style(symbol, fg=color)} {finding.subject:<14} {printable(finding.message)}")
        if finding.advice:
            click.echo(f"  {'':<14} → {printable(finding.advice)}")


def print_json(findings: Iterable[Finding]) -> None:
    """Print findings as one JSON list."""
    click.echo(json_text([finding._asdict() for finding in findings], indent=2))
