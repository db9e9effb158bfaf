"""Columns that many tables have."""

from typing import Any

from tortoise import fields


def id_column() -> Any:
    """Return the column of an object's own id."""
    return fields.CharField(max_length=30, primary_key=True)


def reference(**options: Any) -> Any:
    """Return a column that references a row without a constraint, for tables where checks cost most."""
    return fields.CharField(max_length=30, **options)


def foreign(model: str, **options: Any) -> Any:
    """Return a column that names another row, which must exist."""
    return fields.ForeignKeyField(f"models.{model}", related_name=False, on_delete=fields.RESTRICT, **options)
