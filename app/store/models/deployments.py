"""Deployments, their rollbacks and their feed."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column, reference


class Deployment(Model):
    """A version on its way to an environment."""

    id = id_column()
    version = foreign("Version")
    environment = foreign("Environment")
    status = fields.CharField(max_length=20)
    progress = fields.IntField()
    strategy: Any = fields.JSONField()
    must_in_order: Any = fields.JSONField()
    paused = fields.BooleanField(db_default=False)
    manual_approval = fields.BooleanField(db_default=False)
    freeze_override_reason = fields.TextField(null=True)
    template_version_id = reference(null=True)
    source = fields.CharField(max_length=20, db_default="CUSTOM")
    error_message = fields.TextField(null=True)
    attempt = fields.IntField()
    revision = fields.IntField()
    last_event = fields.BigIntField()
    rollback_of = reference(null=True)
    created_by = foreign("Actor")
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()
    queued_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    resumed_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "deployments"
        indexes = (("environment_id", "status"), ("status",), ("version_id",), ("created_by_id",), ("updated_at",))


class DeploymentApplication(Model):
    """An application of a deployment, and what ran before its deploy task began."""

    id = fields.BigIntField(primary_key=True)
    deployment = foreign("Deployment")
    application = foreign("Application")
    position = fields.IntField()
    definition: Any = fields.JSONField()
    previous_version_id = reference(null=True)
    previous_deployment_id = reference(null=True)
    previous_since = fields.DatetimeField(null=True)

    class Meta:
        table = "deployment_applications"
        unique_together = (("deployment_id", "application_id"),)
        indexes = (("application_id",),)


class Rollback(Model):
    """Work that takes a deployment's applications back."""

    id = fields.BigIntField(primary_key=True)
    deployment = foreign("Deployment")
    status = fields.CharField(max_length=20)
    automatic = fields.BooleanField()
    reason = fields.TextField()
    requested_by = reference(null=True)
    started_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)
    error_message = fields.TextField(null=True)

    class Meta:
        table = "rollbacks"
        indexes = (("deployment_id",),)


class DeploymentEvent(Model):
    """One event of a deployment's feed, numbered from 1 without a gap."""

    id = fields.BigIntField(primary_key=True)
    deployment_id = reference()
    number = fields.BigIntField()
    at = fields.DatetimeField()
    actor_id = reference(null=True)
    type = fields.CharField(max_length=40)
    body: Any = fields.JSONField()

    class Meta:
        table = "deployment_events"
        unique_together = (("deployment_id", "number"),)
