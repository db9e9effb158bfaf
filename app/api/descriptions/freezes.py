"""Descriptions of freeze windows."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "FreezeStatus": {"frozen": "Whether deployments are kept from starting now."},
    "FreezeWindow": {"name": "A name for people."},
}
