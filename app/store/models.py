"""Tables, as Tortoise models: what aerich makes migrations from. Queries live in the module of their noun."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


def _id() -> Any:
    return fields.CharField(max_length=30, primary_key=True)


def _ref(**options: Any) -> Any:
    """Return a column that names another row without a constraint, for tables where checking it costs most."""
    return fields.CharField(max_length=30, **options)


def _foreign(model: str, **options: Any) -> Any:
    return fields.ForeignKeyField(f"models.{model}", related_name=False, on_delete=fields.RESTRICT, **options)


class Actor(Model):
    """A person or a service account."""

    id = _id()
    kind = fields.CharField(max_length=20)
    name = fields.CharField(max_length=100, unique=True)
    email = fields.CharField(max_length=254, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "actors"


class Grant(Model):
    """A role of an actor, on an environment, an application, both, or everything."""

    id = fields.BigIntField(primary_key=True)
    actor = _foreign("Actor")
    role = fields.CharField(max_length=20)
    environment = _foreign("Environment", null=True)
    application = _foreign("Application", null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "grants"
        indexes = (("actor_id",),)


class ApiToken(Model):
    """A bearer token; only the SHA-256 of its secret is kept."""

    id = _id()
    actor = _foreign("Actor")
    name = fields.CharField(max_length=100)
    prefix = fields.CharField(max_length=20)
    secret_hash = fields.CharField(max_length=64, unique=True)
    scopes: Any = fields.JSONField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_tokens"
        indexes = (("actor_id",),)


class IdempotencyKey(Model):
    """What a mutation answered for a key: the ids of the objects it returned."""

    id = fields.BigIntField(primary_key=True)
    actor_id = _ref()
    key = fields.CharField(max_length=200)
    mutation = fields.CharField(max_length=60)
    fingerprint = fields.CharField(max_length=64)
    result: Any = fields.JSONField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_keys"
        unique_together = (("actor_id", "key"),)


class Application(Model):
    """What can be deployed."""

    id = _id()
    name = fields.CharField(max_length=63, unique=True)
    description = fields.TextField()
    repository_url = fields.TextField(null=True)
    build: Any = fields.JSONField(null=True)
    test: Any = fields.JSONField(null=True)
    deploy: Any = fields.JSONField()
    health_check: Any = fields.JSONField(null=True)
    archived_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "applications"


class Environment(Model):
    """Where it is deployed to."""

    id = _id()
    name = fields.CharField(max_length=63, unique=True)
    rank = fields.IntField()
    operator = fields.CharField(max_length=20)
    worker_pool = fields.CharField(max_length=63)
    max_concurrent_deployments = fields.IntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "environments"


class Version(Model):
    """What is deployed."""

    id = _id()
    name = fields.CharField(max_length=100, db_index=True)
    commit = fields.CharField(max_length=100, null=True)
    created_by = _foreign("Actor")
    created_at = fields.DatetimeField()

    class Meta:
        table = "versions"


class Artifact(Model):
    """What a version holds of one application."""

    id = fields.BigIntField(primary_key=True)
    version = _foreign("Version")
    application = _foreign("Application")
    position = fields.IntField()
    image = fields.TextField(null=True)

    class Meta:
        table = "artifacts"
        unique_together = (("version_id", "application_id"),)


class Deployment(Model):
    """A version on its way to an environment."""

    id = _id()
    version = _foreign("Version")
    environment = _foreign("Environment")
    status = fields.CharField(max_length=20)
    progress = fields.IntField()
    strategy: Any = fields.JSONField()
    must_in_order: Any = fields.JSONField()
    paused = fields.BooleanField(db_default=False)
    error_message = fields.TextField(null=True)
    attempt = fields.IntField()
    revision = fields.IntField()
    last_event = fields.BigIntField()
    rollback_of = _ref(null=True)
    created_by = _foreign("Actor")
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
    deployment = _foreign("Deployment")
    application = _foreign("Application")
    position = fields.IntField()
    definition: Any = fields.JSONField()
    previous_version_id = _ref(null=True)
    previous_deployment_id = _ref(null=True)
    previous_since = fields.DatetimeField(null=True)

    class Meta:
        table = "deployment_applications"
        unique_together = (("deployment_id", "application_id"),)
        indexes = (("application_id",),)


class Rollback(Model):
    """Work that takes a deployment's applications back."""

    id = fields.BigIntField(primary_key=True)
    deployment = _foreign("Deployment")
    status = fields.CharField(max_length=20)
    automatic = fields.BooleanField()
    reason = fields.TextField()
    requested_by = _ref(null=True)
    started_at = fields.DatetimeField()
    completed_at = fields.DatetimeField(null=True)
    error_message = fields.TextField(null=True)

    class Meta:
        table = "rollbacks"
        indexes = (("deployment_id",),)


class Release(Model):
    """What runs now."""

    id = fields.BigIntField(primary_key=True)
    environment = _foreign("Environment")
    application = _foreign("Application")
    version = _foreign("Version")
    deployment = _foreign("Deployment")
    since = fields.DatetimeField()

    class Meta:
        table = "releases"
        unique_together = (("environment_id", "application_id"),)
        indexes = (("application_id",),)


class Task(Model):
    """A task of a deployment's workflow."""

    id = _id()
    deployment = _foreign("Deployment")
    key = fields.CharField(max_length=200)
    application = _foreign("Application", null=True)
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

    class Meta:
        table = "tasks"
        unique_together = (("deployment_id", "key"),)
        indexes = (("lease_until",),)


class TaskAttempt(Model):
    """One attempt of a task."""

    id = fields.BigIntField(primary_key=True)
    task = _foreign("Task")
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


class DeploymentEvent(Model):
    """One event of a deployment's feed, numbered from 1 without a gap."""

    id = fields.BigIntField(primary_key=True)
    deployment_id = _ref()
    number = fields.BigIntField()
    at = fields.DatetimeField()
    actor_id = _ref(null=True)
    type = fields.CharField(max_length=40)
    body: Any = fields.JSONField()

    class Meta:
        table = "deployment_events"
        unique_together = (("deployment_id", "number"),)


class TaskLog(Model):
    """One log line, numbered from 1 within its task."""

    id = fields.BigIntField(primary_key=True)
    task_id = _ref()
    number = fields.BigIntField()
    at = fields.DatetimeField()
    level = fields.CharField(max_length=5)
    message = fields.TextField()
    attempt = fields.IntField()

    class Meta:
        table = "task_logs"
        unique_together = (("task_id", "number"),)


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
