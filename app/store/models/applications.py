"""Applications."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import id_column


class Application(Model):
    """What can be deployed."""

    id = id_column()
    name = fields.CharField(max_length=63, unique=True)
    description = fields.TextField()
    repository_url = fields.TextField(null=True)
    build: Any = fields.JSONField(null=True)
    test: Any = fields.JSONField(null=True)
    shell: Any = fields.JSONField(null=True)
    kubernetes: Any = fields.JSONField(null=True)
    health_check: Any = fields.JSONField(null=True)
    archived_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "applications"
