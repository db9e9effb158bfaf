"""Tables of what tasks print."""

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import reference


class TaskLog(Model):
    """One log line, numbered from 1 within its task."""

    id = fields.BigIntField(primary_key=True)
    task_id = reference()
    number = fields.BigIntField()
    at = fields.DatetimeField()
    level = fields.CharField(max_length=5)
    message = fields.TextField()
    attempt = fields.IntField()

    class Meta:
        table = "task_logs"
        unique_together = (("task_id", "number"),)


class LogChunk(Model):
    """Lines that a task wrote at once, ending at `position` in the order of its deployment."""

    id = fields.BigIntField(primary_key=True)
    deployment_id = reference()
    position = fields.BigIntField()
    task_id = reference()
    last_number = fields.BigIntField()
    lines = fields.IntField()

    class Meta:
        table = "log_chunks"
        unique_together = (("deployment_id", "position"),)


class DeploymentLog(Model):
    """How many lines the tasks of a deployment have printed together: the head of their order."""

    deployment_id = reference(primary_key=True)
    position = fields.BigIntField()

    class Meta:
        table = "deployment_logs"
