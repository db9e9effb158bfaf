"""People, programs, tokens and grants; what a mutation answered."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column, reference


class Actor(Model):
    """A person or a service account."""

    id = id_column()
    kind = fields.CharField(max_length=20)
    name = fields.CharField(max_length=100, unique=True)
    email = fields.CharField(max_length=254, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "actors"


class Grant(Model):
    """A role of an actor, on an environment, an application, both, or everything."""

    id = fields.BigIntField(primary_key=True)
    actor = foreign("Actor")
    role = fields.CharField(max_length=20)
    environment = foreign("Environment", null=True)
    application = foreign("Application", null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "grants"
        indexes = (("actor_id",),)


class ApiToken(Model):
    """A bearer token; only the SHA-256 of its secret is kept."""

    id = id_column()
    actor = foreign("Actor")
    name = fields.CharField(max_length=100)
    prefix = fields.CharField(max_length=20)
    secret_hash = fields.CharField(max_length=64, unique=True)
    scopes: Any = fields.JSONField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    made_by = foreign("ApiToken", null=True)

    class Meta:
        table = "api_tokens"
        indexes = (("actor_id",), ("made_by_id",))


class IdempotencyKey(Model):
    """What a mutation answered for a key: the ids of the objects it returned."""

    id = fields.BigIntField(primary_key=True)
    actor_id = reference()
    key = fields.CharField(max_length=200)
    mutation = fields.CharField(max_length=60)
    fingerprint = fields.CharField(max_length=64)
    result: Any = fields.JSONField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_keys"
        unique_together = (("actor_id", "key"),)
