"""References of container images: their grammar, as registries and the nodes of clusters read them, in one place.

A reference is `[registry/]path[:tag][@digest]`. The first part of a path is a registry where it has a dot, a port or a
capital letter, or is `localhost`; everything after it is in lower case.
"""

import re
from functools import lru_cache

MAX_NAME = 255
"""Characters of a registry and a path together: what registries keep."""
MAX_TAG = 128
PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
TAG = re.compile(rf"\w[\w.-]{{0,{MAX_TAG - 1}}}", re.ASCII)
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
ADDRESS = re.compile(r"\[[0-9A-Fa-f:]*:[0-9A-Fa-f:]*\]")
DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Hexadecimal digits of a digest, by the algorithms that there are."""
BARE = re.compile(r"[0-9a-f]{64}")
SHOWN = 80
KEPT = 512
"""Verdicts that are kept: the tasks of a graph share a few images, and there may be thousands of tasks."""


@lru_cache(maxsize=KEPT)
def fault(reference: str) -> str | None:
    """Return what is wrong with a reference of an image, None where nothing is."""
    name, at, digest = reference.partition("@")
    wrong = _digest_fault(digest) if at else None
    registry, path, tag = _parts(name)
    if not name:
        return "it has no name"
    if any(char.isspace() for char in name):
        return "it has a space"
    if "://" in name:
        return f"it is no web address: leave “{name.partition('://')[0][:SHOWN]}://” out"
    if registry is not None:
        wrong = wrong or _registry_fault(registry)
    if tag is not None and not TAG.fullmatch(tag):
        shown = tag[:SHOWN]
        wrong = wrong or f"“{shown}” is no tag: 1 to {MAX_TAG} letters, digits, _, . and -, not . or - first"
    return wrong or _path_fault(path, registry)


def _parts(name: str) -> tuple[str | None, str, str | None]:
    """Return registry, path and tag of a name without its digest; None for what it has not."""
    first, slash, rest = name.partition("/")
    is_registry = bool(slash) and (first == "localhost" or first != first.lower() or "." in first or ":" in first)
    path, colon, tag = (rest if is_registry else name).partition(":")
    return first if is_registry else None, path, tag if colon else None


def _registry_fault(registry: str) -> str | None:
    host, port = registry, "0"
    if not registry.endswith("]") and ":" in registry:
        host, _, port = registry.rpartition(":")
    if not (port.isascii() and port.isdigit()):
        return f"“{port[:SHOWN]}” is no port of a registry"
    if not (HOST.fullmatch(host) or ADDRESS.fullmatch(host)):
        return f"“{host[:SHOWN]}” is no host of a registry"
    return None


def _path_fault(path: str, registry: str | None) -> str | None:
    if path != path.lower():
        return f"“{path[:SHOWN]}” has capital letters, which only a registry and a tag may have"
    for part in path.split("/"):
        if not part:
            return "a part between its slashes is empty" if "/" in path or registry else "it has no name"
        if not PART.fullmatch(part):
            return f"“{part[:SHOWN]}” is no part of a name: letters and digits, with one . or _, __ or - between them"
    if len(path) + len(registry or "") > MAX_NAME:
        return f"its name has {len(path) + len(registry or '')} characters; registries keep {MAX_NAME}"
    if registry is None and BARE.fullmatch(path):
        return "it is an id of an image, which no registry knows: give its name"
    return None


def _digest_fault(digest: str) -> str | None:
    algorithm, colon, digits = digest.partition(":")
    length = DIGITS.get(algorithm)
    if not colon or length is None:
        return f"“{digest[:SHOWN]}” is no digest: use {' or '.join(DIGITS)}, a colon, and hexadecimal digits"
    if len(digits) != length or not re.fullmatch("[0-9a-f]*", digits):
        return f"the digest has to have {length} hexadecimal digits in lower case; it has {len(digits)} characters"
    return None
