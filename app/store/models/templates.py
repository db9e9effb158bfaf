"""Workflow templates and their versions."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column


class WorkflowTemplate(Model):
    """A named graph to make deployments from."""

    id = id_column()
    name = fields.CharField(max_length=100, unique=True)
    description = fields.TextField()
    archived_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "workflow_templates"


class TemplateVersion(Model):
    """One version of a template; it never changes."""

    id = id_column()
    template = foreign("WorkflowTemplate")
    number = fields.IntField()
    author = foreign("Actor")
    created_at = fields.DatetimeField()
    note = fields.TextField()
    parameters: Any = fields.JSONField()
    tasks: Any = fields.JSONField()

    class Meta:
        table = "template_versions"
        unique_together = (("template_id", "number"),)
