"""Freeze windows."""

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column


class FreezeWindow(Model):
    """When no deployment of an environment starts.

    `recurrence` is an RFC 5545 rule; times repeat in `timezone`.
    """

    id = id_column()
    environment = foreign("Environment")
    name = fields.CharField(max_length=100)
    reason = fields.TextField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    recurrence = fields.TextField(null=True)
    timezone = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()

    class Meta:
        table = "freeze_windows"
        indexes = (("environment_id",),)
