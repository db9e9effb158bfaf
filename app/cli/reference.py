"""Writes the reference of the command line from its own help: `python -m app.cli.reference > docs/reference/cli.md`."""

from collections.abc import Iterator

import click

from app.cli import main
from app.cli.topics import TOPICS

WIDTH = 100
HEAD = """# The command line

Made from the commands' own help by `python -m app.cli.reference`; do not edit it by hand.
"""


def reference() -> str:
    """Return the help of every command, and of what they have in common, as Markdown."""
    parts = [HEAD]
    parts += [f"## {name}\n\n```text\n{text}```\n" for name, text in TOPICS.items()]
    parts += [f"## {path}\n\n```text\n{text}\n```\n" for path, text in _helps(main, "boreas", None)]
    return "\n".join(parts)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    place = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH, color=False
    )
    place.help_option_names = ["-h", "--help"]
    yield place.command_path, command.get_help(place)
    if isinstance(command, click.Group):
        for verb in command.list_commands(place):
            found = command.get_command(place, verb)
            if found is not None and not found.hidden:
                yield from _helps(found, verb, place)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
