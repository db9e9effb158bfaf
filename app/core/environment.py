"""Environments: where versions are deployed to, by which operator, served by which workers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OperatorKind(StrEnum):
    """Who carries instructions out."""

    SHELL = "SHELL"
    SIMULATED = "SIMULATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment as it is stored. `rank` is the promotion order: dev 0, staging 1, production 2."""

    id: str
    name: str
    rank: int
    operator: OperatorKind
    worker_pool: str
    max_concurrent_deployments: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What runs now: one per environment and application, since the deploy task that brought it succeeded."""

    environment_id: str
    application_id: str
    version_id: str
    deployment_id: str
    since: datetime
