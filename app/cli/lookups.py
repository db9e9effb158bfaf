"""Finding objects by what people write: a name, an id, or the beginning of an id that only one has."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from app.cli import queries
from app.cli.client import Api, ApiError, Data

SHOWN = 10
NEWEST = 500
"""Among how many of the newest deployments the beginning of an id is looked for."""
ID_LENGTH = 30
"""Of a whole id: its kind, and 26 characters."""


def unknown(noun: str, name: str, known: Iterable[str], see: str = "") -> ApiError:
    """Return the error that there is nothing of a name: with the nearest names, or those that there are."""
    names = list(dict.fromkeys(known))
    hint = f". See them all: {see}" if see and names else ""
    if not names:
        return ApiError(f"There is no {noun} “{name}”; there is none yet.")
    near = get_close_matches(name, names, n=3, cutoff=0.6) or [each for each in names if name and name in each][:3]
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    if near:
        meant = " or ".join(f"“{each}”" for each in near)
        return ApiError(f"There is no {noun} “{name}”. Did you mean {meant}? There are: {shown}{hint}")
    return ApiError(f"There is no {noun} “{name}”. There are: {shown}{hint}")


def pick(noun: str, name: str, known: dict[str, str], see: str = "") -> str:
    """Return what a name stands for, or the name where it is itself such a thing. Raises ApiError."""
    if name in known:
        return known[name]
    if name in known.values():
        return name
    begun = [id_ for id_ in known.values() if id_.startswith(name)] if "_" in name else []
    if len(begun) == 1:
        return begun[0]
    raise unknown(noun, name, known, see)


async def environments(api: Api, names: Sequence[str]) -> list[str]:
    """Return the ids of environments. Raises ApiError."""
    if not names:
        return []
    found = (await api.query(queries.ENVIRONMENTS))["environments"]
    known = {each["name"]: each["id"] for each in found}
    return [pick("environment", name, known, "boreas environment list") for name in names]


async def environment(api: Api, name: str) -> str:
    """Return the id of an environment. Raises ApiError."""
    return (await environments(api, [name]))[0]


async def applications(api: Api, names: Sequence[str]) -> list[str]:
    """Return the ids of applications, archived ones too. Raises ApiError."""
    return [await application(api, name) for name in names]


async def application(api: Api, name: str) -> str:
    """Return the id of an application. Raises ApiError."""
    return await _named(
        api, "application", name, prefix="app_", by_name=queries.APPLICATION_ID, names=queries.APPLICATION_NAMES
    )


async def template(api: Api, name: str) -> str:
    """Return the id of a template. Raises ApiError."""
    return await _named(api, "template", name, prefix="wft_", by_name=queries.TEMPLATE_ID, names=queries.TEMPLATES)


async def _named(api: Api, noun: str, name: str, *, prefix: str, by_name: str, names: str) -> str:
    found: Data | None = next(iter((await api.query(by_name, name=name)).values()))
    if found is not None:
        return str(found["id"])
    if name.startswith(prefix) and len(name) == ID_LENGTH:
        return name
    others = next(iter((await api.query(names)).values()))["nodes"]
    known = {each["name"]: each["id"] for each in others}
    return pick(noun, name, known, f"boreas {noun} list")


async def version(api: Api, name: str, holds: Sequence[str] = ()) -> Data:
    """Return the one version of exactly that name, or id, that holds the named applications. Raises ApiError.

    Where there are several nobody knows which one is meant, and the newest may be anybody's: they are told with ids.
    """
    found, others = await _versions_of(api, name)
    if not found and name.startswith("ver_") and (known := (await api.query(queries.VERSION, id=name))["version"]):
        return dict(known)
    wanted = [each for each in found if set(holds) <= set(_held(each))] or found
    if len(wanted) > 1:
        shown = "".join(f"\n  {each['id']}  {', '.join(_held(each))}" for each in wanted[:SHOWN])
        rest = "\n  …" if len(wanted) > SHOWN else ""
        raise ApiError(f"There are {len(wanted)} versions “{name}”. Name the one that you mean by its id:{shown}{rest}")
    if wanted:
        return wanted[0]
    if not others:
        others = [each["name"] for each in (await api.query(queries.VERSIONS))["versions"]["nodes"]]
    raise unknown("version", name, others, "boreas version list")


def _held(version: Data) -> list[str]:
    return [artifact["application"]["name"] for artifact in version["artifacts"]]


async def _versions_of(api: Api, name: str) -> tuple[list[Data], list[str]]:
    """Return the versions of exactly that name, the newest first, and the names of others that hold it."""
    after, found, others = None, list[Data](), list[str]()
    while True:
        page = (await api.query(queries.VERSIONS, contains=name, after=after))["versions"]
        found += [each for each in page["nodes"] if each["name"] == name]
        others += [each["name"] for each in page["nodes"] if each["name"] != name]
        if not page["pageInfo"]["hasNextPage"]:
            return found, others
        after = page["pageInfo"]["endCursor"]


async def deployment(api: Api, text: str) -> str:
    """Return the id of a deployment, which its beginning is enough for. Raises ApiError."""
    if len(text) >= ID_LENGTH:
        return text
    found = (await api.query(queries.DEPLOYMENT_IDS, first=NEWEST))["deployments"]["nodes"]
    begun = [each["id"] for each in found if each["id"].startswith(text)]
    if len(begun) == 1 and text not in ("", "d", "de", "dep", "dep_"):
        return str(begun[0])
    if len(begun) > 1:
        shown = ", ".join(begun[:3]) + (", …" if len(begun) > 3 else "")
        raise ApiError(f"“{text}” is the beginning of {len(begun)} deployments: {shown}. Write more of the id.")
    raise no_deployment(text)


def no_deployment(text: str) -> ApiError:
    """Return the error that there is no such deployment."""
    return ApiError(
        f"There is no deployment “{text}” that you may see. boreas deployment list shows those that there are."
    )


async def task(api: Api, text: str) -> str:
    """Return the id of a task, from its id or from DEPLOYMENT/KEY. Raises ApiError."""
    place, slash, key = text.partition("/")
    if not slash:
        if place.startswith("dep_"):
            raise ApiError(
                f"“{text}” is a deployment. Name one of its tasks: {text}/KEY. boreas task list {text} shows them."
            )
        return text
    id_ = await deployment(api, place)
    found = (await api.query(queries.TASKS, id=id_))["deployment"]
    if found is None:
        raise no_deployment(place)
    known = {each["key"]: each["id"] for each in found["tasks"]}
    if key in known:
        return str(known[key])
    raise unknown("task", key, known, f"boreas task list {id_}")


async def actor(api: Api, text: str) -> str:
    """Return the id of a person or a service account; `me` is whoever asks. Raises ApiError."""
    if text == "me":
        return str((await api.query(queries.VIEWER))["viewer"]["id"])
    if not text.startswith(("usr_", "sac_")):
        raise ApiError(f"“{text}” is no id of a person or a service account, such as usr_… or sac_…, and not “me”.")
    return text
