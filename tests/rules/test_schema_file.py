"""The schema that clients read in the repository is the one that is served."""

from pathlib import Path

from graphql import build_schema

from app.api.schema import schema

FILE = Path(__file__).parents[2] / "schema.graphql"


def test_the_file_is_the_schema() -> None:
    assert FILE.read_text(encoding="utf-8") == schema.as_str() + "\n", "write it again: boreas schema > schema.graphql"


def test_every_root_field_says_what_it_does() -> None:
    built = build_schema(FILE.read_text(encoding="utf-8"))
    roots = (built.query_type, built.mutation_type, built.subscription_type)
    silent = [f"{root.name}.{name}" for root in roots if root for name, of in root.fields.items() if not of.description]
    assert silent == []
