"""Inputs about versions."""

import strawberry

from app.api.inputs.common import NEVER
from app.core import version
from app.core.texts import tidy


@strawberry.input(description="What a version holds of one application.")
class ArtifactInput:
    application_id: strawberry.ID
    image: str | None = None


@strawberry.input(description="A new version.")
class CreateVersionInput:
    name: str
    artifacts: list[ArtifactInput]
    commit: str | None = None
    idempotency_key: str | None = None

    def draft(self) -> version.Version:
        """Return it as a core value."""
        artifacts = tuple(version.Artifact(application_id=a.application_id, image=a.image) for a in self.artifacts)
        return version.Version(
            id="", name=tidy(self.name), commit=self.commit, created_by="", created_at=NEVER, artifacts=artifacts
        )
