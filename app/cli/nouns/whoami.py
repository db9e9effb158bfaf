"""`boreas whoami`: the owner of the token, and what they may do."""

import click

from app.cli.client import Api
from app.cli.nouns import queries
from app.cli.nouns.actors import GRANTS
from app.cli.options import api_command, output_options
from app.cli.printer import Printer, name_of

KINDS = {"User": "a person", "ServiceAccount": "a service account"}


@click.command(epilog="\b\nExamples:\n  boreas whoami\n  boreas whoami -o json")
@output_options
@api_command
async def whoami(api: Api, printer: Printer) -> None:
    """Show the owner of the token, and what they may do."""
    viewer = (await api.query(queries.VIEWER))["viewer"]

    def details() -> None:
        printer.fields(
            [
                ("Name", viewer["name"]),
                ("Id", viewer["id"]),
                ("Kind", KINDS.get(viewer["__typename"])),
                ("Email", viewer.get("email")),
                ("API", api.url),
            ]
        )
        printer.section("Grants", viewer["grants"], GRANTS, "None.")

    printer.object(viewer, name_of, details)
