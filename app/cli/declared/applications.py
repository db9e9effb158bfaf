"""Applications that are declared."""

from app.cli.client import Api
from app.cli.declared import documents
from app.cli.declared.files import Declared
from app.cli.declared.plans import Plan, call, changed, fault, refuse_hidden, top_fields
from app.cli.declared.specs import Application


async def plan(api: Api, declared: Declared, spec: Application) -> Plan:
    """Return what brings an application in line. Raises ApiError."""
    wanted = spec.fields()
    name = wanted.pop("name")
    found = (await api.query(documents.APPLICATION, name=name))["application"]
    if found is None:
        create = call(documents.CREATE_APPLICATION, {"name": name} | wanted)
        return Plan(declared, False, changed(None, wanted), (create,))
    if found.pop("archivedAt"):
        raise fault(declared, "It is archived, and can not be changed.")
    id_ = found.pop("id")
    target = found.pop("deploy")
    kind = target.pop("__typename")
    found |= {"shell": None, "kubernetes": None} | {"shell" if kind == "ShellTarget" else "kubernetes": target}
    refuse_hidden(declared, {name: found[name] for name in ("build", "test", "shell", "healthCheck")})
    differing = changed(found, wanted)
    update = call(documents.UPDATE_APPLICATION, {"id": id_} | top_fields(differing, wanted))
    return Plan(declared, True, differing, (update,) if differing else ())
