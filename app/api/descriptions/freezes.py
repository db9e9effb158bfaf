"""Descriptions of freeze windows."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "FreezeStatus": {"frozen": "Whether a freeze window is active now, so that no deployment starts."},
    "FreezeWindow": {"name": "The display name."},
}
