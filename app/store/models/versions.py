"""Versions and their artifacts."""

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column


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
