"""Changes that break clients of the released schema: `python -m tests.rules.support.released_schema`."""

from pathlib import Path

from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

DOCS = Path(__file__).parents[3] / "docs" / "clients"
RELEASED = DOCS / "released.graphql"
BREAKS = DOCS / "breaks.txt"


def released() -> GraphQLSchema:
    """Return the schema of the last release."""
    return build_schema(RELEASED.read_text(encoding="utf-8"))


def breaks(before: GraphQLSchema, after: GraphQLSchema) -> list[str]:
    """Return what clients of `before` may use and `after` does not have, or has differently."""
    return sorted(change.description for change in find_breaking_changes(before, after))


def dangers(before: GraphQLSchema, after: GraphQLSchema) -> list[str]:
    """Return dangerous changes for clients of `before`: new enum values, union types and defaults."""
    return sorted(change.description for change in find_dangerous_changes(before, after))


def meant(text: str) -> list[str]:
    """Return the breaks that were made on purpose."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return sorted(line for line in lines if line)


def main() -> None:
    """Print every change that matters to clients."""
    from app.api.schema import schema

    before, after = released(), schema._schema
    known = meant(BREAKS.read_text(encoding="utf-8"))
    for change in breaks(before, after):
        print("breaks on purpose:" if change in known else "BREAKS:", change)
    for change in dangers(before, after):
        print("new to clients:", change)


if __name__ == "__main__":
    main()
