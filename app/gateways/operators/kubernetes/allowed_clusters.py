"""What a worker was started to serve: which kubeconfig files, and which namespaces.

Environments name a file of one folder and a context in it. The folder is the operator's of the worker; what its files
could make the worker do (run a program, read another file) is refused unless that operator trusts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app.core.environment import KubernetesAccess

DEFAULT_FILE = "config"
"""The file of a connection that names a context only, as in the folder ~/.kube."""
MAX_BYTES = 1 << 20
RUNS = ("exec", "auth-provider")
"""What a user of a kubeconfig has that runs a program, or talks to a provider."""
FILES = {"cluster": ("certificate-authority",), "user": ("tokenFile", "client-certificate", "client-key")}
"""What names other files, by the part of a kubeconfig that has it."""
Loaded = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AllowedClusters:
    """The folder of kubeconfigs (None: none is used) and the namespaces that a worker serves (none named: all).

    `trusts_kubeconfigs` lets kubeconfigs run programs and read files outside of their folder.
    """

    kubeconfigs: Path | None = None
    namespaces: frozenset[str] = frozenset()
    trusts_kubeconfigs: bool = False

    def serves(self, namespace: str) -> bool:
        """Return whether the worker serves a namespace."""
        return not self.namespaces or namespace in self.namespaces


class UnfitError(Exception):
    """A kubeconfig can not be used; the message says why, and is for the worker's log only."""


def kubeconfig(reach: AllowedClusters, access: KubernetesAccess) -> Loaded:
    """Return the one context of a kubeconfig that an environment names, with its cluster and user. Raises UnfitError.

    Names of other files in it are absolute.
    """
    if reach.kubeconfigs is None:
        raise UnfitError("the worker was started without --kubeconfigs")
    folder = reach.kubeconfigs.resolve()
    name = access.kubeconfig_path or DEFAULT_FILE
    path = (folder / name).resolve()
    if name != Path(name).name or not path.is_relative_to(folder) or not path.is_file():
        raise UnfitError(f"{name} is no file of {folder}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UnfitError(f"{path} is larger than {MAX_BYTES} bytes")
        known = _chosen(yaml.safe_load(content), access.context)
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise UnfitError(f"{path} can not be read: {type(error).__name__}") from None
    _vet(known, folder, reach)
    return known


def _chosen(content: object, context: str | None) -> Loaded:
    """Return a kubeconfig of one context, of the first parts with the right names. Raises UnfitError."""
    whole = _mapping(content, "it")
    name = context or whole.get("current-context")
    chosen = _mapping(_part(whole, "contexts", name).get("context"), "its context")
    cluster = _part(whole, "clusters", chosen.get("cluster"))
    users = [_part(whole, "users", chosen["user"])] if chosen.get("user") else []
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": chosen}],
        "clusters": [{"name": chosen["cluster"], "cluster": dict(_mapping(cluster.get("cluster"), "its cluster"))}],
        "users": [{"name": chosen["user"], "user": dict(_mapping(each.get("user"), "its user"))} for each in users],
    }


def _part(whole: Mapping[str, Any], kind: str, name: object) -> Mapping[str, Any]:
    parts = whole.get(kind)
    for part in parts if isinstance(parts, Sequence) else ():
        if isinstance(part, Mapping) and name and part.get("name") == name:
            return part
    raise UnfitError(f"there is none of that name among its {kind}")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnfitError(f"{what} is no mapping")
    return value


def _vet(known: Loaded, folder: Path, reach: AllowedClusters) -> None:
    """Make names of files absolute. Raises UnfitError where they are outside of the folder, or a program would run."""
    for kind, names in FILES.items():
        for part in known[f"{kind}s"]:
            body = part[kind]
            runs = [key for key in RUNS if body.get(key) is not None]
            if runs and not reach.trusts_kubeconfigs:
                raise UnfitError(f"its {kind} has {runs[0]}, which is not to run (--trust-kubeconfigs lets it)")
            for name in names:
                if body.get(name) is not None:
                    body[name] = str(_inside(folder, body[name], name, trusted=reach.trusts_kubeconfigs))


def _inside(folder: Path, value: object, name: str, *, trusted: bool) -> Path:
    path = (folder / str(value)).resolve()
    if not trusted and not path.is_relative_to(folder):
        raise UnfitError(f"its {name} is outside of {folder} (--trust-kubeconfigs lets it be read)")
    return path
