"""Inputs about environments."""

import strawberry

from app.api.inputs.common import NEVER, given
from app.api.inputs.kubernetes import KubernetesAccessInput
from app.core import environment


@strawberry.input(description="A new environment.")
class CreateEnvironmentInput:
    name: str
    operator: environment.OperatorKind
    rank: int | None = 0
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None, description="Required where the operator is KUBERNETES, and nowhere else."
    )
    worker_pool: str | None = "default"
    build_pool: str | None = strawberry.field(
        default=None, description="The pool that runs PREPARE, BUILD and TEST tasks; null: the same as for the rest."
    )
    max_concurrent_deployments: int | None = 10
    idempotency_key: str | None = None

    def draft(self) -> environment.Environment:
        """Return it as a core value."""
        return environment.Environment(
            id="",
            name=self.name,
            rank=self.rank or 0,
            operator=self.operator,
            kubernetes=self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            worker_pool="default" if self.worker_pool is None else self.worker_pool,
            build_pool=self.build_pool,
            max_concurrent_deployments=(
                10 if self.max_concurrent_deployments is None else self.max_concurrent_deployments
            ),
            created_at=NEVER,
        )


@strawberry.input(description="Changes of an environment. What is left out stays, and so does what is null.")
class UpdateEnvironmentInput:
    id: strawberry.ID
    rank: int | None = None
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None, description="Replaces the connection as a whole."
    )
    worker_pool: str | None = None
    build_pool: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null takes it away: the worker pool runs everything then."
    )
    max_concurrent_deployments: int | None = None
    idempotency_key: str | None = None

    def changes(self) -> tuple[str, dict[str, object]]:
        """Return the id and the fields to change."""
        fields = {
            "rank": self.rank,
            "kubernetes": self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            "worker_pool": self.worker_pool,
            "max_concurrent_deployments": self.max_concurrent_deployments,
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return self.id, known | given(build_pool=self.build_pool)
