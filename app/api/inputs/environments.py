"""Inputs about environments."""

import strawberry

from app.api.inputs.common import NEVER, without_unset
from app.api.inputs.kubernetes import KubernetesAccessInput
from app.core import environment

DEFAULT_POOL = "default"
DEFAULT_MAX_CONCURRENT_DEPLOYMENTS = 10


@strawberry.input(description="A new environment.")
class CreateEnvironmentInput:
    name: str
    operator: environment.OperatorKind
    rank: int | None = 0
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None, description="The access to the cluster. Required with the operator KUBERNETES, else forbidden."
    )
    worker_pool: str | None = DEFAULT_POOL
    build_pool: str | None = strawberry.field(
        default=None, description="The pool that runs PREPARE, BUILD and TEST tasks. Default: workerPool."
    )
    max_concurrent_deployments: int | None = DEFAULT_MAX_CONCURRENT_DEPLOYMENTS
    idempotency_key: str | None = None

    def draft(self) -> environment.Environment:
        """Return it as a core value."""
        limit = self.max_concurrent_deployments
        return environment.Environment(
            id="",
            name=self.name,
            rank=self.rank or 0,
            operator=self.operator,
            kubernetes=self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            worker_pool=DEFAULT_POOL if self.worker_pool is None else self.worker_pool,
            build_pool=self.build_pool,
            max_concurrent_deployments=DEFAULT_MAX_CONCURRENT_DEPLOYMENTS if limit is None else limit,
            created_at=NEVER,
        )


@strawberry.input(
    description="Changes to an environment. Fields that are left out, and most that are null, stay as they are."
)
class UpdateEnvironmentInput:
    id: strawberry.ID
    rank: int | None = None
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None,
        description="The new access to the cluster. It replaces all fields of the old one. Null changes nothing.",
    )
    worker_pool: str | None = None
    build_pool: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The new pool that runs PREPARE, BUILD and TEST tasks. Null means the same as workerPool.",
    )
    max_concurrent_deployments: int | None = None
    idempotency_key: str | None = None

    def changes(self) -> tuple[str, dict[str, object]]:
        """Return the id of the environment, and the fields to change."""
        fields = {
            "rank": self.rank,
            "kubernetes": self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            "worker_pool": self.worker_pool,
            "max_concurrent_deployments": self.max_concurrent_deployments,
        }
        set_fields = {name: value for name, value in fields.items() if value is not None}
        return self.id, set_fields | without_unset(build_pool=self.build_pool)
