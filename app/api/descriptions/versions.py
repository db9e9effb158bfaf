"""Descriptions of versions."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Artifact": {"application": "The application that the artifact is of."},
    "Version": {
        "name": "Such as v1.2.5. It names one version for each of its applications.",
        "commit": "The commit that it was made from, in words of the source's own; null: nobody said.",
        "artifacts": "What it holds of each of its applications.",
        "createdAt": "When it was registered.",
        "createdBy": "Who registered it.",
    },
}
