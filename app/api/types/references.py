"""References between object types. They form a graph with cycles, which modules must not: here a type is looked up by
its name in the schema that is being executed, so a module needs no import of the types it only refers to.
"""

from typing import Any

from app.api.context import Info


def wrap(info: Info, name: str, value: Any) -> Any:
    """Return a core value as the object type `name` shows it."""
    definition = info.schema.get_type_by_name(name)
    return definition.origin.of(value)  # type: ignore[union-attr]


async def find(info: Info, name: str, id_: str | None) -> Any:
    """Return the object of type `name` with that id; None without an id, or when the viewer may see none."""
    if id_ is None:
        return None
    found = await getattr(info.context.loaders, name.lower()).load(id_)
    return wrap(info, name, found) if found else None


async def require(info: Info, name: str, id_: str) -> Any:
    """Return an object that must exist. Raises LookupError."""
    found = await find(info, name, id_)
    if found is None:
        raise LookupError(f"{name} {id_} is referred to and missing")
    return found
