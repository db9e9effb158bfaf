"""Descriptions of versions."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Artifact": {"application": "The application that the artifact belongs to."},
    "Version": {
        "name": "The name of the version, such as v1.2.5. It is unique for each of its applications.",
        "commit": "The source commit of the version. Null if none was given.",
        "artifacts": "One artifact for each application of the version.",
        "createdAt": "When the version was created.",
        "createdBy": "The person or service account that created the version.",
    },
}
