"""Generates docs/reference/cli.md: `python -m app.cli.reference > docs/reference/cli.md`."""

from collections.abc import Iterator

import click

from app.cli import main
from app.cli.topics import TOPICS

WIDTH = 100
HEAD = """# The command line

Generated from the help of the commands by `python -m app.cli.reference`; do not edit it by hand.
"""


def reference() -> str:
    """Return the help of every command and topic, as Markdown."""
    sections = [HEAD]
    sections += [f"## {topic}\n\n```text\n{text}```\n" for topic, text in TOPICS.items()]
    sections += [f"## {path}\n\n```text\n{text}\n```\n" for path, text in _help_texts(main, "boreas", None)]
    return "\n".join(sections)


def _help_texts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Yield the path and the help of a command and of its subcommands."""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH, color=False
    )
    context.help_option_names = ["-h", "--help"]
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for verb in command.list_commands(context):
            subcommand = command.get_command(context, verb)
            if subcommand is not None and not subcommand.hidden:
                yield from _help_texts(subcommand, verb, context)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
