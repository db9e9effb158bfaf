"""Versions: a name and an artifact for each application."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The part of a version for one application. `image` is a container image reference, if any."""

    application_id: str
    image: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as it is stored; artifacts in the order of the request."""

    id: str
    name: str
    commit: str | None
    created_by: str
    created_at: datetime
    artifacts: tuple[Artifact, ...]

    def is_same(self, other: "Version") -> bool:
        """Return whether another version has the same commit and the same artifacts, in any order."""
        return self.commit == other.commit and set(self.artifacts) == set(other.artifacts)


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions a list contains; None admits all. `commit` is a commit, or a prefix of one."""

    contains: str | None = None
    application_id: str | None = None
    commit: str | None = None
