"""The root of the command line: help in sections, unknown commands, and exit statuses."""

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from app.cli import standard_streams

INTERRUPTED = 130
INTERNAL_ERROR = 70
"""A bug in Boreas. It is not 1, which means that a deployment has failed."""
SERVERS = frozenset({"up", "api", "worker", "migrate"})
"""Commands that run on when nothing reads their output."""
SECTIONS: dict[str, tuple[str, ...]] = {
    "Deploying": ("deploy", "watch", "logs", "approvals", "approve", "reject", "apply"),
    "By noun": (
        "deployment",
        "task",
        "workflow",
        "application",
        "environment",
        "version",
        "template",
        "approval",
        "freeze",
        "audit",
    ),
    "Access": ("whoami", "token", "grant", "service-account"),
    "Servers": ("up", "api", "worker", "migrate", "schema", "doctor"),
    "Help": ("help", "completion"),
}


class Group(click.Group):
    """A noun: a group whose subcommands are verbs."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        attributes.setdefault("subcommand_metavar", "VERB [ARGS]...")
        super().__init__(*args, **attributes)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they were added."""
        return list(self.commands)


class Root(click.Group):
    """The command `boreas`."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run the command line. In a process of its own, guard the standard streams first."""
        if args is None:
            standard_streams.guard()
        return super().main(args, *rest, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse arguments that are not valid text. Raises UsageError."""
        for argument in args:
            if any("\ud800" <= character <= "\udfff" for character in argument):
                shown = argument.encode("utf-8", "replace").decode()
                raise click.UsageError(f"“{shown}” is not text in the encoding of this terminal.", ctx)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises UsageError, which suggests similar names."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in SERVERS:
            standard_streams.end_with_reader()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn interrupts and bugs into exit statuses."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            sys.exit(INTERRUPTED)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception:
            traceback.print_exc()
            sys.exit(INTERNAL_ERROR)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in sections."""
        remaining = dict(self.commands)
        width = max(len(name) for name in remaining)
        for title, names in SECTIONS.items():
            commands = [(name.ljust(width), remaining.pop(name)) for name in names if name in remaining]
            self._section(formatter, title, commands)
        self._section(formatter, "More", [(name.ljust(width), command) for name, command in remaining.items()])

    @staticmethod
    def _section(formatter: click.HelpFormatter, title: str, commands: Sequence[tuple[str, click.Command]]) -> None:
        rows = [
            (name, command.get_short_help_str(formatter.width - len(name) - 6))
            for name, command in commands
            if not command.hidden
        ]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
