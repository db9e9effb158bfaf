"""Tasks and their attempts."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column, reference


class Task(Model):
    """A task of a deployment's workflow."""

    id = id_column()
    deployment = foreign("Deployment")
    key = fields.CharField(max_length=200)
    application = foreign("Application", null=True)
    name = fields.CharField(max_length=200)
    type = fields.CharField(max_length=20)
    status = fields.CharField(max_length=20)
    order = fields.IntField()
    block_by: Any = fields.JSONField()
    command: Any = fields.JSONField(null=True)
    payload: Any = fields.JSONField()
    result: Any = fields.JSONField(null=True)
    error_message = fields.TextField(null=True)
    timeout_seconds = fields.IntField()
    max_attempts = fields.IntField()
    require_confirm = fields.BooleanField(db_default=False)
    confirmed_by = reference(null=True)
    confirmed_at = fields.DatetimeField(null=True)
    position: Any = fields.JSONField(null=True)
    attempt = fields.IntField()
    failures = fields.IntField()
    losses = fields.IntField()
    activity = fields.CharField(max_length=10, null=True)
    worker = fields.CharField(max_length=100, null=True)
    lease_until = fields.DatetimeField(null=True)
    resume_at = fields.DatetimeField(null=True)
    retry_at = fields.DatetimeField(null=True)
    touched = fields.BooleanField()
    stop = fields.BooleanField()
    rollout: Any = fields.JSONField(null=True)
    started_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)
    last_log = fields.BigIntField()
    log_bytes = fields.BigIntField(db_default=0)
    logs_truncated = fields.BooleanField(db_default=False)

    class Meta:
        table = "tasks"
        unique_together = (("deployment_id", "key"),)
        indexes = (("lease_until",),)


class TaskAttempt(Model):
    """One attempt of a task."""

    id = fields.BigIntField(primary_key=True)
    task = foreign("Task")
    number = fields.IntField()
    activity = fields.CharField(max_length=10)
    status = fields.CharField(max_length=20)
    worker = fields.CharField(max_length=100, null=True)
    started_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)
    error_message = fields.TextField(null=True)
    exit_code = fields.IntField(null=True)

    class Meta:
        table = "task_attempts"
        unique_together = (("task_id", "number"),)
