"""What worker processes say of themselves."""

from tortoise import fields
from tortoise.models import Model


class Worker(Model):
    """A worker process that said it lives."""

    id = fields.CharField(max_length=100, primary_key=True)
    pool = fields.CharField(max_length=63, db_index=True)
    started_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()

    class Meta:
        table = "workers"


class Sweep(Model):
    """When the workers last swept, so that one of them does it at a time."""

    id = fields.CharField(max_length=20, primary_key=True)
    at = fields.DatetimeField()

    class Meta:
        table = "sweeps"
