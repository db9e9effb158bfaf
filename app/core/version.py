"""Versions: a name and, for each application it holds, an artifact."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a version holds of one application. `image` is a container image reference, where there is one."""

    application_id: str
    image: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as it is stored; artifacts in the order they were given."""

    id: str
    name: str
    commit: str | None
    created_by: str
    created_at: datetime
    artifacts: tuple[Artifact, ...]

    def is_same(self, other: "Version") -> bool:
        """Return whether another version would deploy the same: its commit, and its artifacts in any order."""
        return self.commit == other.commit and set(self.artifacts) == set(other.artifacts)


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions a list holds: None admits all. `commit` is a commit, or the start of one."""

    contains: str | None = None
    application_id: str | None = None
    commit: str | None = None
