"""The clusters that a worker may use: kubeconfig files in one folder, and namespaces.

An environment names a file in that folder and a context in it. A kubeconfig that would make the worker run a program or
read a file outside of the folder is refused, unless the worker was started to trust its kubeconfigs.
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
PROGRAM_KEYS = ("exec", "auth-provider")
"""Keys of a user in a kubeconfig that run a program, or call a provider."""
FILE_KEYS = {"cluster": ("certificate-authority",), "user": ("tokenFile", "client-certificate", "client-key")}
"""Keys that name other files, by the part of a kubeconfig that has them."""
Kubeconfig = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AllowedClusters:
    """The folder of kubeconfigs (None: none may be used) and the namespaces that a worker serves (empty: all).

    `trusts_kubeconfigs` allows kubeconfigs that run programs and read files outside of their folder.
    """

    kubeconfigs: Path | None = None
    namespaces: frozenset[str] = frozenset()
    trusts_kubeconfigs: bool = False

    def allows_namespace(self, namespace: str) -> bool:
        """Return whether the worker serves a namespace."""
        return not self.namespaces or namespace in self.namespaces


class KubeconfigError(Exception):
    """A kubeconfig cannot be used. The message says why, for the worker's log only."""


def load_kubeconfig(allowed: AllowedClusters, access: KubernetesAccess) -> Kubeconfig:
    """Return the one context of a kubeconfig that an environment names, with its cluster and user.

    Paths in it are absolute. Raises KubeconfigError.
    """
    if allowed.kubeconfigs is None:
        raise KubeconfigError("the worker was started without --kubeconfigs")
    folder = allowed.kubeconfigs.resolve()
    name = access.kubeconfig_path or DEFAULT_FILE
    path = (folder / name).resolve()
    if name != Path(name).name or not path.is_relative_to(folder) or not path.is_file():
        raise KubeconfigError(f"there is no file {name} in {folder}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise KubeconfigError(f"{path} is larger than {MAX_BYTES} bytes")
        loaded = _select_context(yaml.safe_load(content), access.context)
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise KubeconfigError(f"{path} cannot be read: {type(error).__name__}") from None
    _vet(loaded, folder, allowed)
    return loaded


def _select_context(content: object, context: str | None) -> Kubeconfig:
    """Return a kubeconfig with one context only, of the first parts that have the names. Raises KubeconfigError."""
    whole = _mapping(content, "the file")
    name = context or whole.get("current-context")
    selected = _mapping(_part(whole, "contexts", name).get("context"), "its context")
    cluster = _part(whole, "clusters", selected.get("cluster"))
    users = [_part(whole, "users", selected["user"])] if selected.get("user") else []
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": selected}],
        "clusters": [{"name": selected["cluster"], "cluster": dict(_mapping(cluster.get("cluster"), "its cluster"))}],
        "users": [{"name": selected["user"], "user": dict(_mapping(user.get("user"), "its user"))} for user in users],
    }


def _part(whole: Mapping[str, Any], kind: str, name: object) -> Mapping[str, Any]:
    parts = whole.get(kind)
    for part in parts if isinstance(parts, Sequence) else ():
        if isinstance(part, Mapping) and name and part.get("name") == name:
            return part
    raise KubeconfigError(f"its {kind} have no entry with the name that is needed")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise KubeconfigError(f"{what} is not a mapping")
    return value


def _vet(loaded: Kubeconfig, folder: Path, allowed: AllowedClusters) -> None:
    """Make paths absolute. Raises KubeconfigError where one is outside of the folder, or a program would run."""
    for kind, names in FILE_KEYS.items():
        for part in loaded[f"{kind}s"]:
            body = part[kind]
            programs = [key for key in PROGRAM_KEYS if body.get(key) is not None]
            if programs and not allowed.trusts_kubeconfigs:
                raise KubeconfigError(f"its {kind} has {programs[0]}; start the worker with --trust-kubeconfigs")
            for name in names:
                if body.get(name) is not None:
                    body[name] = str(_inside(folder, body[name], name, trusted=allowed.trusts_kubeconfigs))


def _inside(folder: Path, value: object, name: str, *, trusted: bool) -> Path:
    path = (folder / str(value)).resolve()
    if not trusted and not path.is_relative_to(folder):
        raise KubeconfigError(f"its {name} is outside of {folder}; start the worker with --trust-kubeconfigs")
    return path
