"""Applications that are declared."""

from app.cli.apply import queries
from app.cli.apply.files import Declared
from app.cli.apply.plans import Plan, call, changed, fault, refuse_hidden, top_fields
from app.cli.apply.specs import Application
from app.cli.client import Api


async def plan(api: Api, declared: Declared, spec: Application) -> Plan:
    """Return what brings an application in line. Raises ApiError."""
    wanted = spec.fields()
    name = wanted.pop("name")
    found = (await api.query(queries.APPLICATION, name=name))["application"]
    if found is None:
        create = call(queries.CREATE_APPLICATION, {"name": name} | wanted)
        return Plan(declared, False, changed(None, wanted), (create,))
    if found.pop("archivedAt"):
        raise fault(declared, "It is archived, and can not be changed.")
    id_ = found.pop("id")
    target = found.pop("deploy")
    kind = target.pop("__typename")
    found |= {"shell": None, "kubernetes": None} | {"shell" if kind == "ShellTarget" else "kubernetes": target}
    refuse_hidden(declared, {name: found[name] for name in ("build", "test", "shell", "healthCheck")})
    differing = changed(found, wanted)
    update = call(queries.UPDATE_APPLICATION, {"id": id_} | top_fields(differing, wanted))
    return Plan(declared, True, differing, (update,) if differing else ())
