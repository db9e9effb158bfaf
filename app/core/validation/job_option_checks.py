"""What options of Jobs must look like: names, labels and quantities as a cluster takes them, and nothing of Boreas'."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from app.core.environment import KubernetesAccess
from app.core.errors import InvalidInput, Problem
from app.core.job_options import JobOptions, JobResources, Toleration, TolerationOperator
from app.core.texts import UNSTORABLE
from app.core.tokens import HIDDEN

Problems = Iterator[Problem]

PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?")
PART_LENGTH = 63
NAME_LENGTH = 253
QUANTITY_LENGTH = 50
MAX_ENTRIES = 100
MAX_LIST = 100
MAX_ANNOTATIONS = 128 * 1024
"""Characters of all annotations together: half of what a cluster takes, as it writes some itself."""
MAX_USER = 2**31 - 1
BYTES = frozenset({"memory", "ephemeral-storage"})
"""The resources that are counted in whole bytes."""
PLAIN = frozenset({"cpu", *BYTES})
"""The resources whose names have no domain in front, beside huge pages."""
RESERVED_DOMAINS = ("boreas.dev", "batch.kubernetes.io")
RESERVED = frozenset({"app.kubernetes.io/managed-by", "controller-uid", "job-name"})
"""By these the cluster, and Boreas, find what they made."""


def job_options(value: JobOptions | None, *path: str) -> Problems:
    """Everything about the options of a Job."""
    if value is None:
        return
    if value.resources is not None:
        yield from resources(value.resources, *path, "resources")
    if value.service_account_name is not None:
        yield from object_name(value.service_account_name, *path, "serviceAccountName")
    yield from labels(value.node_selector, *path, "nodeSelector")
    yield from _few(len(value.tolerations or ()), *path, "tolerations")
    for index, each in enumerate(value.tolerations or ()):
        yield from toleration(each, *path, "tolerations", str(index))
    yield from _names(value.image_pull_secrets or (), *path, "imagePullSecrets")
    yield from labels(value.labels, *path, "labels")
    yield from _not_reserved(value.labels, *path, "labels")
    yield from annotations(value.annotations, *path, "annotations")
    yield from _not_reserved(value.annotations, *path, "annotations")
    if value.run_as_user is not None and not 0 <= value.run_as_user <= MAX_USER:
        message = f"It is {value.run_as_user}; the number of a user is 0 to {MAX_USER}."
        yield InvalidInput(message=message, path=(*path, "runAsUser"))


def access_options(value: KubernetesAccess, *path: str) -> Problems:
    """What an environment says of its Jobs, and the service accounts that steps may choose there."""
    yield from job_options(value.job, *path, "job")
    yield from _names(value.service_accounts, *path, "serviceAccounts")


def object_name(value: str, *path: str) -> Problems:
    """A name of an object of a cluster: DNS labels with dots between them."""
    if not _is_domain(value):
        message = f"“{value[:80]}” is no name of an object: use lower case letters, digits, hyphens and dots."
        yield InvalidInput(message=message, path=path)


def _names(values: tuple[str, ...], *path: str) -> Problems:
    yield from _few(len(values), *path)
    for each in values[:MAX_LIST]:
        yield from object_name(each, *path)
    if len(set(values)) < len(values):
        yield InvalidInput(message="A name is there twice.", path=path)


def _few(number: int, *path: str) -> Problems:
    if number > MAX_LIST:
        yield InvalidInput(message=f"It has {number} items; at most {MAX_LIST} are taken.", path=path)


def _is_domain(value: str) -> bool:
    parts = value.split(".") if len(value) <= NAME_LENGTH else [""]
    return all(len(part) <= PART_LENGTH and DNS_LABEL.fullmatch(part) for part in parts)


def _is_key(key: str) -> bool:
    """Tell whether something is a key of labels: a name, with a domain and a slash in front or not."""
    domain, slash, last = key.rpartition("/")
    return len(last) <= PART_LENGTH and bool(PART.fullmatch(last)) and (not slash or _is_domain(domain))


def _keys(value: Mapping[str, object], *path: str) -> Problems:
    if len(value) > MAX_ENTRIES:
        yield InvalidInput(message=f"It has {len(value)} entries; at most {MAX_ENTRIES} are taken.", path=path)
        return
    for key in value:
        yield from _key(key, *path, key[:NAME_LENGTH])


def _key(key: str, *path: str) -> Problems:
    if not _is_key(key):
        message = (
            f"“{key[:80]}” is no key: use 1 to {PART_LENGTH} letters, digits, -, _ and . with a letter or digit at "
            "both ends; in front of it may stand a domain and a slash."
        )
        yield InvalidInput(message=message, path=path)


def labels(value: Mapping[str, object] | None, *path: str) -> Problems:
    """Labels: keys to short texts."""
    for key, content in (value or {}).items():
        if not isinstance(content, str):
            yield InvalidInput(
                message="The value of a label is a string: put it in quotes.", path=(*path, key[:NAME_LENGTH])
            )
        elif content and (len(content) > PART_LENGTH or not PART.fullmatch(content)):
            message = (
                f"“{content[:80]}” is no value of a label: use up to {PART_LENGTH} letters, digits, -, _ and . with a "
                "letter or digit at both ends, or nothing."
            )
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
    yield from _keys(value or {}, *path)


def annotations(value: Mapping[str, object] | None, *path: str) -> Problems:
    """Annotations: keys to any texts."""
    for key, content in (value or {}).items():
        if not isinstance(content, str) or UNSTORABLE.search(content):
            message = "The value of an annotation is a string without NUL: put it in quotes."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
        elif content == HIDDEN:
            message = f"{HIDDEN} stands for a value that you may not see; give the value."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))
    total = sum(len(key) + len(content) for key, content in (value or {}).items() if isinstance(content, str))
    if total > MAX_ANNOTATIONS:
        message = f"The annotations have {total} characters; at most {MAX_ANNOTATIONS} are taken."
        yield InvalidInput(message=message, path=path)
    yield from _keys(value or {}, *path)


def _not_reserved(value: Mapping[str, str] | None, *path: str) -> Problems:
    for key in value or ():
        domain = key.rpartition("/")[0]
        of_ours = any(domain == each or domain.endswith(f".{each}") for each in RESERVED_DOMAINS)
        if of_ours or key in RESERVED:
            message = f"“{key[:80]}” is set by Boreas or by the cluster itself: choose another key."
            yield InvalidInput(message=message, path=(*path, key[:NAME_LENGTH]))


def toleration(value: Toleration, *path: str) -> Problems:
    """A taint that is borne, as a cluster takes it."""
    if value.key is not None:
        yield from _key(value.key, *path, "key")
    elif value.operator is not TolerationOperator.EXISTS:
        yield InvalidInput(message="Without a key the operator is EXISTS: every taint is borne.", path=(*path, "key"))
    if value.value is not None and value.operator is TolerationOperator.EXISTS:
        yield InvalidInput(message="EXISTS takes no value.", path=(*path, "value"))
    elif value.value is not None:
        yield from labels({"value": value.value}, *path)
    if value.toleration_seconds is not None and value.effect not in (None, "NO_EXECUTE"):
        message = "Only with the effect NO_EXECUTE a taint is borne for a time."
        yield InvalidInput(message=message, path=(*path, "tolerationSeconds"))


def resources(value: JobResources, *path: str) -> Problems:
    """Requests and limits, each quantity for itself, and of each resource no more requested than it is limited to."""
    yield from _quantities(value.requests, *path, "requests")
    yield from _quantities(value.limits, *path, "limits")
    for each, wanted in (value.requests or {}).items():
        limit = (value.limits or {}).get(each)
        asked, most = _amount(wanted), None if limit is None else _amount(limit)
        if asked is not None and most is not None and asked > most:
            message = f"{wanted} is more than the limit, {limit}."
            yield InvalidInput(message=message, path=(*path, "requests", each))


def _quantities(value: Mapping[str, str] | None, *path: str) -> Problems:
    if len(value or ()) > MAX_ENTRIES:
        yield InvalidInput(message=f"It has {len(value or ())} entries; at most {MAX_ENTRIES} are taken.", path=path)
        return
    for each, wanted in (value or {}).items():
        place = (*path, each[:NAME_LENGTH])
        if not _is_resource(each):
            message = (
                f"“{each[:80]}” is no resource: use cpu, memory, ephemeral-storage, or one with a domain in front."
            )
            yield InvalidInput(message=message, path=place)
        amount = _amount(wanted)
        if amount is None:
            message = f"“{str(wanted)[:80]}” is no quantity: write it as a cluster does, such as 500m, 2 or 1Gi."
            yield InvalidInput(message=message, path=place)
        elif each in BYTES and amount != amount.to_integral_value():
            message = f"{wanted} is no whole number of bytes: write {wanted.rstrip('num')}Mi for mebibytes."
            yield InvalidInput(message=message, path=place)


def _is_resource(name: str) -> bool:
    return name in PLAIN or (_is_key(name) and ("/" in name or name.startswith("hugepages-")))


SUFFIXES: Mapping[str, Decimal] = {
    "": Decimal(1),
    **{
        suffix: Decimal(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def _amount(quantity: object) -> Decimal | None:
    """Return how much a quantity is, None where it is none."""
    if not isinstance(quantity, str) or len(quantity) > QUANTITY_LENGTH:
        return None
    found = QUANTITY.fullmatch(quantity)
    if found is None:
        return None
    suffix = found[2] or ""
    if suffix in SUFFIXES:
        return Decimal(found[1]) * SUFFIXES[suffix]
    return Decimal(f"{found[1]}{suffix}")
