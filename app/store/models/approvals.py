"""Approvals, and what people decided."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.store.models.columns import foreign, id_column, reference


class Approval(Model):
    """Something that people are asked for: a deployment, a task, or a step of a rollout."""

    id = id_column()
    deployment = foreign("Deployment")
    task_id = reference(null=True)
    subject = fields.CharField(max_length=20)
    rollout_step = fields.IntField(null=True)
    revision = fields.IntField()
    status = fields.CharField(max_length=20)
    required_approvals = fields.IntField()
    approver_roles: Any = fields.JSONField()
    allow_self_approval = fields.BooleanField()
    on_timeout = fields.CharField(max_length=20)
    requested_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "approvals"
        indexes = (("deployment_id",), ("status", "expires_at"))


class ApprovalDecision(Model):
    """What one person decided, and why."""

    id = fields.BigIntField(primary_key=True)
    approval = foreign("Approval")
    actor = foreign("Actor")
    verdict = fields.CharField(max_length=10)
    comment = fields.TextField()
    counts = fields.BooleanField(db_default=True)
    at = fields.DatetimeField()

    class Meta:
        table = "approval_decisions"
        unique_together = (("approval_id", "actor_id"),)
