"""Checks of Job options: names, labels and quantities by the rules of Kubernetes and Boreas."""

import re
from collections.abc import Iterator, Mapping

from app.core.environment import KubernetesAccess
from app.core.errors import InvalidInput, Problem
from app.core.job_options import JobOptions, JobResources, Toleration, TolerationOperator
from app.core.texts import UNSTORABLE
from app.core.tokens import HIDDEN
from app.core.validation.command_checks import HIDDEN_VALUE
from app.core.validation.quantities import amount

Problems = Iterator[Problem]

PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
PART_LENGTH = 63
NAME_LENGTH = 253
MAX_ENTRIES = 100
MAX_LIST = 100
MAX_ANNOTATIONS = 128 * 1024
"""Characters of all annotations: half of the cluster's limit, as the cluster writes some itself."""
MAX_USER = 2**31 - 1
BYTES = frozenset({"memory", "ephemeral-storage"})
"""Resources that are counted in whole bytes."""
UNPREFIXED = frozenset({"cpu", *BYTES})
"""Resources whose names need no domain in front; huge pages need none either."""
RESERVED_DOMAINS = ("boreas.dev", "batch.kubernetes.io")
RESERVED = frozenset({"app.kubernetes.io/managed-by", "controller-uid", "job-name"})
"""Keys by which the cluster and Boreas find the objects that they made."""


def job_options(value: JobOptions | None, *path: str) -> Problems:
    """Check everything about the options of a Job."""
    if value is None:
        return
    if value.resources is not None:
        yield from resources(value.resources, *path, "resources")
    if value.service_account_name is not None:
        yield from object_name(value.service_account_name, *path, "serviceAccountName")
    yield from labels(value.node_selector, *path, "nodeSelector")
    yield from _list_size(len(value.tolerations or ()), *path, "tolerations")
    for index, item in enumerate(value.tolerations or ()):
        yield from toleration(item, *path, "tolerations", str(index))
    yield from _object_names(value.image_pull_secrets or (), *path, "imagePullSecrets")
    yield from labels(value.labels, *path, "labels")
    yield from _reserved_keys(value.labels, *path, "labels")
    yield from annotations(value.annotations, *path, "annotations")
    yield from _reserved_keys(value.annotations, *path, "annotations")
    if value.run_as_user is not None and not 0 <= value.run_as_user <= MAX_USER:
        message = f"{value.run_as_user} is not a valid user id: use 0 to {MAX_USER}."
        yield InvalidInput(message=message, path=(*path, "runAsUser"))


def access_options(value: KubernetesAccess, *path: str) -> Problems:
    """Check the Job options of an environment, and the service accounts that steps may choose there."""
    yield from job_options(value.job, *path, "job")
    yield from _object_names(value.service_accounts, *path, "serviceAccounts")


def object_name(value: str, *path: str) -> Problems:
    """Check the name of a cluster object: DNS labels with dots between them."""
    if not _is_domain(value):
        message = f"“{value[:80]}” is not a valid object name: use lower case letters, digits, hyphens and dots."
        yield InvalidInput(message=message, path=path)


def _object_names(values: tuple[str, ...], *path: str) -> Problems:
    yield from _list_size(len(values), *path)
    for name in values[:MAX_LIST]:
        yield from object_name(name, *path)
    if len(set(values)) < len(values):
        yield InvalidInput(message="Names must be unique: one is listed twice.", path=path)


def _list_size(size: int, *path: str) -> Problems:
    if size > MAX_LIST:
        yield InvalidInput(message=f"The list has {size} items; the limit is {MAX_LIST}.", path=path)


def _map_size(size: int, *path: str) -> Problems:
    if size > MAX_ENTRIES:
        yield InvalidInput(message=f"The map has {size} entries; the limit is {MAX_ENTRIES}.", path=path)


def _is_domain(value: str) -> bool:
    parts = value.split(".") if len(value) <= NAME_LENGTH else [""]
    return all(len(part) <= PART_LENGTH and DNS_LABEL.fullmatch(part) for part in parts)


def _is_key(key: str) -> bool:
    """Tell whether a text is a label key: a name, optionally after a domain and a slash."""
    domain, slash, name = key.rpartition("/")
    return len(name) <= PART_LENGTH and bool(PART.fullmatch(name)) and (not slash or _is_domain(domain))


def _keys(value: Mapping[str, object], *path: str) -> Problems:
    too_many = list(_map_size(len(value), *path))
    yield from too_many
    for key in () if too_many else value:
        yield from _key(key, *path, key[:NAME_LENGTH])


def _key(key: str, *path: str) -> Problems:
    if not _is_key(key):
        message = (
            f"“{key[:80]}” is not a valid key: use 1 to {PART_LENGTH} letters, digits, -, _ and ., with a letter or "
            "digit at both ends, optionally after a domain and a slash."
        )
        yield InvalidInput(message=message, path=path)


def labels(value: Mapping[str, object] | None, *path: str) -> Problems:
    """Check labels, which map keys to short texts."""
    for key, content in (value or {}).items():
        if not isinstance(content, str):
            message = "The value of a label must be a string: put it in quotes."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
        elif content and (len(content) > PART_LENGTH or not PART.fullmatch(content)):
            message = (
                f"“{content[:80]}” is not a valid label value: use up to {PART_LENGTH} letters, digits, -, _ and ., "
                "with a letter or digit at both ends, or the empty text."
            )
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
    yield from _keys(value or {}, *path)


def annotations(value: Mapping[str, object] | None, *path: str) -> Problems:
    """Check annotations, which map keys to any texts."""
    for key, content in (value or {}).items():
        if not isinstance(content, str) or UNSTORABLE.search(content):
            message = "The value of an annotation must be a string without NUL: put it in quotes."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
        elif content == HIDDEN:
            yield InvalidInput(message=HIDDEN_VALUE, path=(*path, key[:NAME_LENGTH]))
    total = sum(len(key) + len(content) for key, content in (value or {}).items() if isinstance(content, str))
    if total > MAX_ANNOTATIONS:
        message = f"The annotations have {total} characters; the limit is {MAX_ANNOTATIONS}."
        yield InvalidInput(message=message, path=path)
    yield from _keys(value or {}, *path)


def _reserved_keys(value: Mapping[str, str] | None, *path: str) -> Problems:
    for key in value or ():
        domain = key.rpartition("/")[0]
        is_reserved = any(domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED_DOMAINS)
        if is_reserved or key in RESERVED:
            message = f"“{key[:80]}” is set by Boreas or by the cluster: choose another key."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))


def toleration(value: Toleration, *path: str) -> Problems:
    """Check a toleration by the cluster's own rules."""
    if value.key is not None:
        yield from _key(value.key, *path, "key")
    elif value.operator is not TolerationOperator.EXISTS:
        message = "A toleration without a key tolerates every taint: its operator must be EXISTS."
        yield InvalidInput(message=message, path=(*path, "key"))
    if value.value is not None and value.operator is TolerationOperator.EXISTS:
        yield InvalidInput(message="The operator EXISTS takes no value: remove it.", path=(*path, "value"))
    elif value.value is not None:
        yield from labels({"value": value.value}, *path)
    if value.toleration_seconds is not None and value.effect not in (None, "NO_EXECUTE"):
        message = "tolerationSeconds is only allowed with the effect NO_EXECUTE."
        yield InvalidInput(message=message, path=(*path, "tolerationSeconds"))


def resources(value: JobResources, *path: str) -> Problems:
    """Check the quantities of requests and limits, and that no request exceeds its limit."""
    yield from _quantities(value.requests, *path, "requests")
    yield from _quantities(value.limits, *path, "limits")
    for name, request in (value.requests or {}).items():
        limit = (value.limits or {}).get(name)
        requested, allowed = amount(request), None if limit is None else amount(limit)
        if requested is not None and allowed is not None and requested > allowed:
            message = f"The request {request} is more than the limit, {limit}."
            yield InvalidInput(message=message, path=(*path, "requests", name))


def _quantities(value: Mapping[str, str] | None, *path: str) -> Problems:
    too_many = list(_map_size(len(value or ()), *path))
    yield from too_many
    for name, quantity in () if too_many else (value or {}).items():
        place = (*path, name[:NAME_LENGTH])
        if not _is_resource(name):
            message = (
                f"“{name[:80]}” is not a resource: use cpu, memory, ephemeral-storage, or one with a domain in front."
            )
            yield InvalidInput(message=message, path=place)
        number = amount(quantity)
        if number is None:
            message = f"“{str(quantity)[:80]}” is not a quantity: write it as Kubernetes does, such as 500m, 2 or 1Gi."
            yield InvalidInput(message=message, path=place)
        elif name in BYTES and number != number.to_integral_value():
            message = f"{quantity} is not a whole number of bytes: write {quantity.rstrip('num')}Mi for mebibytes."
            yield InvalidInput(message=message, path=place)


def _is_resource(name: str) -> bool:
    return name in UNPREFIXED or (_is_key(name) and ("/" in name or name.startswith("hugepages-")))
