"""Identifiers: opaque, globally unique, and typed by a prefix that names the kind of object.

The body follows the ULID layout (48 bits of milliseconds, 80 random bits, Crockford's base 32), so ids sort by their
time of creation, and pages can be keyed by them.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BODY_LENGTH = 26
NOISE_BYTES = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IdKind(StrEnum):
    """The kinds of objects with ids, by the prefix of their ids."""

    APPLICATION = "app"
    ENVIRONMENT = "env"
    VERSION = "ver"
    DEPLOYMENT = "dep"
    TASK = "tsk"
    USER = "usr"
    SERVICE_ACCOUNT = "sac"
    API_TOKEN = "tok"  # noqa: S105
    APPROVAL = "apr"
    FREEZE_WINDOW = "frz"
    WORKFLOW_TEMPLATE = "wft"
    TEMPLATE_VERSION = "tpv"
    WORKFLOW = "wfl"
    AUDIT_ENTRY = "aud"


def make(kind: IdKind, at: datetime, noise: bytes) -> str:
    """Return a new id of `kind` for the time `at`, with 10 random bytes as `noise`."""
    if len(noise) != NOISE_BYTES:
        raise ValueError(f"an id takes {NOISE_BYTES} bytes of noise, not {len(noise)}")
    number = (((at - EPOCH) // timedelta(milliseconds=1)) << 80) | int.from_bytes(noise, "big")
    body = "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (BODY_LENGTH - 1), -1, -5))
    return f"{kind}_{body}"


def workflow_of(deployment_id: str) -> str:
    """Return the id of a deployment's workflow, which follows from the deployment's id."""
    return f"{IdKind.WORKFLOW}_{deployment_id.partition('_')[2]}"


def deployment_of(workflow_id: str) -> str:
    """Return the id of the deployment that has this workflow."""
    return f"{IdKind.DEPLOYMENT}_{workflow_id.partition('_')[2]}"


def kind_of(value: str) -> IdKind | None:
    """Return the kind of an id, or None for anything else."""
    prefix, _, body = value.partition("_")
    if len(body) != BODY_LENGTH or not set(body) <= set(ALPHABET):
        return None
    try:
        return IdKind(prefix)
    except ValueError:
        return None
