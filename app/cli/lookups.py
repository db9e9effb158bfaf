"""Resolves what people write to objects: a name, an id, or the unique beginning of an id."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from app.cli import queries
from app.cli.client import Api, ApiError, Data

MAX_SHOWN = 10
NEWEST = 500
"""The beginning of an id is looked up among this many of the newest deployments."""
ID_LENGTH = 30
"""The length of a whole id: its prefix and 26 characters."""


def unknown_name(noun: str, name: str, names: Iterable[str], command: str = "") -> ApiError:
    """Return the error for an unknown name, with similar and existing names. `command` lists them all."""
    existing = list(dict.fromkeys(names))
    if not existing:
        return ApiError(f"There is no {noun} “{name}”; there is no {noun} yet.")
    hint = f". See them all: {command}" if command else ""
    similar = get_close_matches(name, existing, n=3, cutoff=0.6)
    similar = similar or [candidate for candidate in existing if name and name in candidate][:3]
    shown = ", ".join(existing[:MAX_SHOWN]) + (", …" if len(existing) > MAX_SHOWN else "")
    suggestions = " or ".join(f"“{candidate}”" for candidate in similar)
    question = f" Did you mean {suggestions}?" if similar else ""
    return ApiError(f"There is no {noun} “{name}”.{question} There are: {shown}{hint}")


def resolve(noun: str, text: str, ids: Mapping[str, str], command: str = "") -> str:
    """Return the id of a name, an id or its unique beginning; `ids` are those by name. Raises ApiError."""
    if text in ids:
        return ids[text]
    if text in ids.values():
        return text
    matches = [id_ for id_ in ids.values() if id_.startswith(text)] if "_" in text else []
    if len(matches) == 1:
        return matches[0]
    raise unknown_name(noun, text, ids, command)


async def environment_ids(api: Api, names: Sequence[str]) -> list[str]:
    """Return the ids of environments. Raises ApiError."""
    if not names:
        return []
    environments = (await api.query(queries.ENVIRONMENTS))["environments"]
    ids = {environment["name"]: environment["id"] for environment in environments}
    return [resolve("environment", name, ids, "boreas environment list") for name in names]


async def environment_id(api: Api, name: str) -> str:
    """Return the id of an environment. Raises ApiError."""
    return (await environment_ids(api, [name]))[0]


async def application_ids(api: Api, names: Sequence[str]) -> list[str]:
    """Return the ids of applications, archived ones too. Raises ApiError."""
    return [await application_id(api, name) for name in names]


async def application_id(api: Api, name: str) -> str:
    """Return the id of an application. Raises ApiError."""
    return await _id_by_name(
        api, "application", name, prefix="app_", by_name=queries.APPLICATION_ID, names=queries.APPLICATION_NAMES
    )


async def template_id(api: Api, name: str) -> str:
    """Return the id of a template. Raises ApiError."""
    return await _id_by_name(api, "template", name, prefix="wft_", by_name=queries.TEMPLATE_ID, names=queries.TEMPLATES)


async def _id_by_name(api: Api, noun: str, name: str, *, prefix: str, by_name: str, names: str) -> str:
    node: Data | None = next(iter((await api.query(by_name, name=name)).values()))
    if node is not None:
        return str(node["id"])
    if name.startswith(prefix) and len(name) == ID_LENGTH:
        return name
    nodes = next(iter((await api.query(names)).values()))["nodes"]
    return resolve(noun, name, {node["name"]: node["id"] for node in nodes}, f"boreas {noun} list")


async def version(api: Api, name: str, applications: Sequence[str] = ()) -> Data:
    """Return the version of a name or id that contains the named applications. Raises ApiError.

    Several versions may have one name, and the newest may be anybody's: the error then lists their ids.
    """
    same_name, other_names = await _versions_containing(api, name)
    if not same_name and name.startswith("ver_"):
        by_id = (await api.query(queries.VERSION, id=name))["version"]
        if by_id:
            return dict(by_id)
    matches = [candidate for candidate in same_name if set(applications) <= set(_applications(candidate))] or same_name
    if len(matches) > 1:
        shown = "".join(f"\n  {match['id']}  {', '.join(_applications(match))}" for match in matches[:MAX_SHOWN])
        rest = "\n  …" if len(matches) > MAX_SHOWN else ""
        raise ApiError(f"There are {len(matches)} versions “{name}”. Choose one by its id:{shown}{rest}")
    if matches:
        return matches[0]
    if not other_names:
        other_names = [node["name"] for node in (await api.query(queries.VERSIONS))["versions"]["nodes"]]
    raise unknown_name("version", name, other_names, "boreas version list")


def _applications(version: Data) -> list[str]:
    return [artifact["application"]["name"] for artifact in version["artifacts"]]


async def _versions_containing(api: Api, name: str) -> tuple[list[Data], list[str]]:
    """Return the versions of exactly that name, the newest first, and the names that contain it."""
    after, same_name, other_names = None, list[Data](), list[str]()
    while True:
        page = (await api.query(queries.VERSIONS, contains=name, after=after))["versions"]
        same_name += [node for node in page["nodes"] if node["name"] == name]
        other_names += [node["name"] for node in page["nodes"] if node["name"] != name]
        if not page["pageInfo"]["hasNextPage"]:
            return same_name, other_names
        after = page["pageInfo"]["endCursor"]


async def deployment_id(api: Api, text: str) -> str:
    """Return the id of a deployment, from its unique beginning too. Raises ApiError."""
    if len(text) >= ID_LENGTH:
        return text
    nodes = (await api.query(queries.DEPLOYMENT_IDS, first=NEWEST))["deployments"]["nodes"]
    matches = [node["id"] for node in nodes if node["id"].startswith(text)]
    if len(matches) == 1 and text not in ("", "d", "de", "dep", "dep_"):
        return str(matches[0])
    if len(matches) > 1:
        shown = ", ".join(matches[:3]) + (", …" if len(matches) > 3 else "")
        raise ApiError(f"The ids of {len(matches)} deployments begin with “{text}”: {shown}. Write more of the id.")
    raise deployment_not_found(text)


def deployment_not_found(text: str) -> ApiError:
    """Return the error for a deployment that does not exist."""
    return ApiError(
        f"There is no deployment “{text}” that you may see. boreas deployment list shows the existing ones."
    )


async def task_id(api: Api, text: str) -> str:
    """Return the id of a task, from its id or from DEPLOYMENT/KEY. Raises ApiError."""
    deployment, slash, key = text.partition("/")
    if not slash:
        if text.startswith("dep_"):
            raise ApiError(
                f"“{text}” is a deployment. Name one of its tasks as {text}/KEY. See them: boreas task list {text}"
            )
        return text
    id_ = await deployment_id(api, deployment)
    node = (await api.query(queries.TASKS, id=id_))["deployment"]
    if node is None:
        raise deployment_not_found(deployment)
    ids = {task["key"]: task["id"] for task in node["tasks"]}
    if key in ids:
        return str(ids[key])
    raise unknown_name("task", key, ids, f"boreas task list {id_}")


async def actor_id(api: Api, text: str) -> str:
    """Return the id of a person or a service account; `me` is the owner of the token. Raises ApiError."""
    if text == "me":
        return str((await api.query(queries.VIEWER))["viewer"]["id"])
    if not text.startswith(("usr_", "sac_")):
        raise ApiError(f"“{text}” is not the id of a person (usr_…) or a service account (sac_…), and not “me”.")
    return text
