"""Environments, and the releases that run in them."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column


class Environment(Model):
    """Where it is deployed to."""

    id = id_column()
    name = fields.CharField(max_length=63, unique=True)
    rank = fields.IntField()
    operator = fields.CharField(max_length=20)
    kubernetes: Any = fields.JSONField(null=True)
    worker_pool = fields.CharField(max_length=63)
    build_pool = fields.CharField(max_length=63, null=True)
    max_concurrent_deployments = fields.IntField()
    approval_policy: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "environments"


class Release(Model):
    """What runs now."""

    id = fields.BigIntField(primary_key=True)
    environment = foreign("Environment")
    application = foreign("Application")
    version = foreign("Version")
    deployment = foreign("Deployment")
    color = fields.CharField(max_length=10, null=True)
    since = fields.DatetimeField()

    class Meta:
        table = "releases"
        unique_together = (("environment_id", "application_id"),)
        indexes = (("application_id",),)
