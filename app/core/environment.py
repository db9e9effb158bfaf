"""Environments: the targets of deployments, with their operator and worker pools."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from app.core.approval import ApprovalPolicy
from app.core.job_options import JobOptions
from app.core.workflow import BUILD_TYPES, TaskType


class OperatorKind(StrEnum):
    """The kinds of operators, which carry out instructions."""

    SHELL = "SHELL"
    KUBERNETES = "KUBERNETES"
    SIMULATED = "SIMULATED"


@dataclass(frozen=True, slots=True)
class KubernetesAccess:
    """How workers reach a cluster: by a context of a kubeconfig, or by their own service account.

    `kubeconfig_path` is the name of a file in the folder that the workers were started with. Credentials stay with the
    workers and are never stored here. `job` has the options of all Jobs there. `service_accounts` are those that steps
    may choose, besides the one in `job`.
    """

    context: str | None = None
    kubeconfig_path: str | None = None
    namespace: str = "default"
    job: JobOptions | None = field(default=None, hash=False)
    service_accounts: tuple[str, ...] = ()

    @property
    def bare(self) -> "KubernetesAccess":
        """The same without Job options, so that equal values reach the same namespace in the same way."""
        return replace(self, job=None, service_accounts=())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The service accounts that Jobs may run as."""
        own = self.job.service_account_name if self.job else None
        return self.service_accounts if own is None else (own, *self.service_accounts)

    def refusal(self, account: str | None) -> str | None:
        """Return why a Job may not run as a service account, or None. Default account: None.

        A service account carries the rights of its intended user, so deployers may only choose listed ones.
        """
        if account is None or account in self.accounts:
            return None
        choice = f"may run as {', '.join(self.accounts)}" if self.accounts else "may choose none"
        return (
            f"the service account “{account}” is not one of the environment's: steps {choice}. "
            "An ADMIN lists them in its serviceAccounts"
        )


@dataclass(frozen=True, slots=True)
class Pools:
    """The worker pools of an environment. `build` is None where `main` runs everything."""

    main: str
    build: str | None = None

    def of(self, type_: TaskType) -> str:
        """Return the pool that runs tasks of a type."""
        return self.build if self.build is not None and type_ in BUILD_TYPES else self.main

    @property
    def all(self) -> tuple[str, ...]:
        """All distinct pools: one or two."""
        return (self.main,) if self.build in (None, self.main) else (self.main, self.build)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment as it is stored. `rank` is the promotion order: dev 0, staging 1, production 2.

    `kubernetes` is set for the operator KUBERNETES. Without an `approval_policy`, an approval needs one person.
    `build_pool` runs PREPARE, BUILD and TEST tasks; None: `worker_pool` does.
    """

    id: str
    name: str
    rank: int
    operator: OperatorKind
    worker_pool: str
    max_concurrent_deployments: int
    created_at: datetime
    kubernetes: KubernetesAccess | None = None
    approval_policy: ApprovalPolicy | None = None
    build_pool: str | None = None

    @property
    def pools(self) -> Pools:
        """The worker pools of the environment."""
        return Pools(self.worker_pool, self.build_pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The version that runs in an environment, per application, since its deploy task succeeded.

    `color` is the set that serves, where blue-green switches between two sets.
    """

    environment_id: str
    application_id: str
    version_id: str
    deployment_id: str
    since: datetime
    color: str | None = None
