"""What is deployed, and where to."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column


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


class Version(Model):
    """What is deployed."""

    id = id_column()
    name = fields.CharField(max_length=100, db_index=True)
    commit = fields.CharField(max_length=100, null=True)
    created_by = foreign("Actor")
    created_at = fields.DatetimeField()

    class Meta:
        table = "versions"


class Artifact(Model):
    """What a version holds of one application."""

    id = fields.BigIntField(primary_key=True)
    version = foreign("Version")
    application = foreign("Application")
    position = fields.IntField()
    image = fields.TextField(null=True)

    class Meta:
        table = "artifacts"
        unique_together = (("version_id", "application_id"),)


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
