"""Who changed what."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import id_column, reference


class AuditEntry(Model):
    """One change: who, what, when, from where, and what was before and after. Entries are only ever added.

    The database itself numbers them, in the order in which they are committed, and gives each a hash over what it
    holds and the hash of the one before.
    """

    id = id_column()
    at = fields.DatetimeField()
    actor_id = reference()
    action = fields.CharField(max_length=60)
    target_id = reference()
    before: Any = fields.JSONField(null=True)
    after: Any = fields.JSONField(null=True)
    reason = fields.TextField(null=True)
    source_ip = fields.CharField(max_length=45, null=True)
    number = fields.BigIntField(unique=True)
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "audit_entries"
        indexes = (("target_id",), ("actor_id",))
