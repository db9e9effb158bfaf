"""Tables as Tortoise models, from which aerich makes migrations.

Queries live in the modules of `app.store`.
"""

from app.store.models.access import Actor, ApiToken, Grant, IdempotencyKey
from app.store.models.applications import Application
from app.store.models.approvals import Approval, ApprovalDecision
from app.store.models.audit import AuditEntry
from app.store.models.deployments import Deployment, DeploymentApplication, DeploymentEvent, Rollback
from app.store.models.environments import Environment, Release
from app.store.models.freezes import FreezeWindow
from app.store.models.logs import DeploymentLog, LogChunk, TaskLog
from app.store.models.tasks import Task, TaskAttempt
from app.store.models.templates import TemplateVersion, WorkflowTemplate
from app.store.models.versions import Artifact, Version
from app.store.models.workers import Sweep, Worker
from app.store.models.workflows import WorkflowRevision

__all__ = [
    "Actor",
    "ApiToken",
    "Application",
    "Approval",
    "ApprovalDecision",
    "Artifact",
    "AuditEntry",
    "Deployment",
    "DeploymentApplication",
    "DeploymentEvent",
    "DeploymentLog",
    "Environment",
    "FreezeWindow",
    "Grant",
    "IdempotencyKey",
    "LogChunk",
    "Release",
    "Rollback",
    "Sweep",
    "Task",
    "TaskAttempt",
    "TaskLog",
    "TemplateVersion",
    "Version",
    "Worker",
    "WorkflowRevision",
    "WorkflowTemplate",
]
