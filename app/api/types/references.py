"""References between object types, by name.

Types refer to each other in cycles, but modules must not import each other in cycles. A type is therefore looked up by
its name in the schema that is being executed.
"""

from typing import Any

from app.api.context import Info


def wrap(info: Info, name: str, value: Any) -> Any:
    """Return a core value as an object of the type `name`."""
    definition = info.schema.get_type_by_name(name)
    return definition.origin.of(value)  # type: ignore[union-attr]


async def find(info: Info, name: str, id_: str | None) -> Any:
    """Load the object of the type `name` with this id.

    None without an id, or if the viewer may not see it.
    """
    if id_ is None:
        return None
    value = await getattr(info.context.loaders, name.lower()).load(id_)
    return wrap(info, name, value) if value else None


async def require(info: Info, name: str, id_: str) -> Any:
    """Load an object that must exist. Raises LookupError."""
    required = await find(info, name, id_)
    if required is None:
        raise LookupError(f"{name} {id_} does not exist, but another object refers to it")
    return required
