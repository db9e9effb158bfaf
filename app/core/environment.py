"""Environments: where versions are deployed to, by which operator, served by which workers."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from app.core.approval import ApprovalPolicy
from app.core.job_options import JobOptions
from app.core.workflow import BUILD_TYPES, TaskType


class OperatorKind(StrEnum):
    """Who carries instructions out."""

    SHELL = "SHELL"
    KUBERNETES = "KUBERNETES"
    SIMULATED = "SIMULATED"


@dataclass(frozen=True, slots=True)
class KubernetesAccess:
    """How a cluster is reached: a context of a kubeconfig of the worker's, or the worker's own service account.

    `kubeconfig_path` is the name of a file in the folder that the workers were started with.
    Credentials are never part of it: they stay where the worker runs. `job` has the options of all Jobs there;
    `service_accounts` are those that steps may choose beside the one named in it.
    """

    context: str | None = None
    kubeconfig_path: str | None = None
    namespace: str = "default"
    job: JobOptions | None = field(default=None, hash=False)
    service_accounts: tuple[str, ...] = ()

    @property
    def bare(self) -> "KubernetesAccess":
        """The same without what it says of Jobs: equal for all that reach the same namespace in the same way."""
        return replace(self, job=None, service_accounts=())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The service accounts that Jobs there may run as."""
        own = self.job.service_account_name if self.job else None
        return self.service_accounts if own is None else (own, *self.service_accounts)

    def refusal(self, account: str | None) -> str | None:
        """Return why a Job may not run as a service account, None where it may. None: the namespace's default one.

        A service account brings the rights of whoever it was made for: who deploys chooses among those that are listed.
        """
        if account is None or account in self.accounts:
            return None
        known = f"may run as {', '.join(self.accounts)}" if self.accounts else "may choose none"
        return (
            f"the service account “{account}” is not one of the environment's: steps {known}. "
            "An ADMIN lists them in its serviceAccounts"
        )


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools whose workers serve an environment. `build` is None where `main` runs everything."""

    main: str
    build: str | None = None

    def of(self, type_: TaskType) -> str:
        """Return the pool that runs tasks of a type."""
        return self.build if self.build is not None and type_ in BUILD_TYPES else self.main

    @property
    def all(self) -> tuple[str, ...]:
        """Both of them, or the one."""
        return (self.main,) if self.build in (None, self.main) else (self.main, self.build)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment as it is stored. `rank` is the promotion order: dev 0, staging 1, production 2.

    `kubernetes` is set where the operator is KUBERNETES. `approval_policy` None: what asks for approval takes one.
    `build_pool` runs PREPARE, BUILD and TEST tasks; None: the workers of `worker_pool` do.
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
        """The pools whose workers serve it."""
        return Pools(self.worker_pool, self.build_pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What runs now: one per environment and application, since the deploy task that brought it succeeded.

    `color` is the set that serves, where there are two of them to switch between.
    """

    environment_id: str
    application_id: str
    version_id: str
    deployment_id: str
    since: datetime
    color: str | None = None
