"""Inputs about versions."""

import strawberry

from app.api.inputs.common import NEVER
from app.core import version
from app.core.texts import normalized


@strawberry.input(description="The artifact of one application in a version.")
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
        artifacts = tuple(
            version.Artifact(application_id=artifact.application_id, image=artifact.image)
            for artifact in self.artifacts
        )
        return version.Version(
            id="", name=normalized(self.name), commit=self.commit, created_by="", created_at=NEVER, artifacts=artifacts
        )
