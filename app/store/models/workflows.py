"""Revisions of workflows."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign


class WorkflowRevision(Model):
    """A revision of a deployment's workflow.

    `tasks` is null while it is the current one: the tasks themselves tell.
    """

    id = fields.BigIntField(primary_key=True)
    deployment = foreign("Deployment")
    number = fields.IntField()
    author = foreign("Actor")
    at = fields.DatetimeField()
    summary = fields.TextField()
    restores = fields.IntField(null=True)
    tasks: Any = fields.JSONField(null=True)

    class Meta:
        table = "workflow_revisions"
        unique_together = (("deployment_id", "number"),)
