"""Plans for applications."""

from app.cli.apply import queries
from app.cli.apply.files import Document
from app.cli.apply.plans import Plan, changes, document_error, mutation, refuse_hidden, top_fields
from app.cli.apply.specs import Application
from app.cli.client import Api


async def plan(api: Api, document: Document, spec: Application) -> Plan:
    """Return the plan that creates or updates an application. Raises ApiError."""
    declared = spec.fields()
    name = declared.pop("name")
    current = (await api.query(queries.APPLICATION, name=name))["application"]
    if current is None:
        create = mutation(queries.CREATE_APPLICATION, {"name": name} | declared)
        return Plan(document, False, changes(None, declared), (create,))
    if current.pop("archivedAt"):
        raise document_error(document, "It is archived and cannot be changed.")
    id_ = current.pop("id")
    target = current.pop("deploy")
    kind = target.pop("__typename")
    current |= {"shell": None, "kubernetes": None} | {"shell" if kind == "ShellTarget" else "kubernetes": target}
    refuse_hidden(document, {name: current[name] for name in ("build", "test", "shell", "healthCheck")})
    differences = changes(current, declared)
    update = mutation(queries.UPDATE_APPLICATION, {"id": id_} | top_fields(differences, declared))
    return Plan(document, True, differences, (update,) if differences else ())
