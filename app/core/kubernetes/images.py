"""References of container images: their grammar, as registries and cluster nodes read it.

A reference is `[registry/]path[:tag][@digest]`. The first part of a path is a registry if it has a dot, a port or a
capital letter, or is `localhost`; everything after it is in lower case.
"""

import re
from functools import lru_cache

MAX_NAME = 255
"""Characters of a registry and a path together: the limit of registries."""
MAX_TAG = 128
PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
TAG = re.compile(rf"\w[\w.-]{{0,{MAX_TAG - 1}}}", re.ASCII)
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
ADDRESS = re.compile(r"\[[0-9A-Fa-f:]*:[0-9A-Fa-f:]*\]")
DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of a digest, by algorithm."""
BARE = re.compile(r"[0-9a-f]{64}")
SHOWN = 80
CACHED = 512
"""Cached results: thousands of tasks of a graph share a few images."""


@lru_cache(maxsize=CACHED)
def fault(reference: str) -> str | None:
    """Return what is wrong with an image reference, or None."""
    name, at, digest = reference.partition("@")
    fault = _digest_fault(digest) if at else None
    registry, path, tag = _parts(name)
    if not name:
        return "it has no name"
    if any(char.isspace() for char in name):
        return "it has a space"
    if "://" in name:
        return f"it must not be a URL: remove “{name.partition('://')[0][:SHOWN]}://”"
    if registry is not None:
        fault = fault or _registry_fault(registry)
    if tag is not None and not TAG.fullmatch(tag):
        shown = tag[:SHOWN]
        fault = (
            fault or f"“{shown}” is not a tag: use 1 to {MAX_TAG} letters, digits, _, . and -, not starting with . or -"
        )
    return fault or _path_fault(path, registry)


def _parts(name: str) -> tuple[str | None, str, str | None]:
    """Return registry, path and tag of a name without its digest; None for missing parts."""
    first, slash, rest = name.partition("/")
    is_registry = bool(slash) and (first == "localhost" or first != first.lower() or "." in first or ":" in first)
    path, colon, tag = (rest if is_registry else name).partition(":")
    return first if is_registry else None, path, tag if colon else None


def _registry_fault(registry: str) -> str | None:
    host, port = registry, "0"
    if not registry.endswith("]") and ":" in registry:
        host, _, port = registry.rpartition(":")
    if not (port.isascii() and port.isdigit()):
        return f"“{port[:SHOWN]}” is not a registry port"
    if not (HOST.fullmatch(host) or ADDRESS.fullmatch(host)):
        return f"“{host[:SHOWN]}” is not a registry host"
    return None


def _path_fault(path: str, registry: str | None) -> str | None:
    if path != path.lower():
        return f"“{path[:SHOWN]}” has capital letters, which are only allowed in a registry and a tag"
    for part in path.split("/"):
        if not part:
            return "a part between its slashes is empty" if "/" in path or registry else "it has no name"
        if not PART.fullmatch(part):
            return f"“{part[:SHOWN]}” is not a valid part of a name: use letters and digits with ., _, __ or - between"
    if len(path) + len(registry or "") > MAX_NAME:
        return f"its name has {len(path) + len(registry or '')} characters; the limit is {MAX_NAME}"
    if registry is None and BARE.fullmatch(path):
        return "it is an image id, which registries do not know: give a name"
    return None


def _digest_fault(digest: str) -> str | None:
    algorithm, colon, digits = digest.partition(":")
    length = DIGITS.get(algorithm)
    if not colon or length is None:
        return f"“{digest[:SHOWN]}” is not a digest: use {' or '.join(DIGITS)}, a colon, and hexadecimal digits"
    if len(digits) != length or not re.fullmatch("[0-9a-f]*", digits):
        return f"the digest must have {length} hexadecimal digits in lower case; it has {len(digits)} characters"
    return None
