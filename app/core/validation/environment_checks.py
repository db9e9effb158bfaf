"""Checks of environments: their pools, how their cluster is reached, and their approval policy."""

from app.core.approval import ApprovalPolicy
from app.core.environment import Environment, KubernetesAccess, OperatorKind
from app.core.errors import InvalidInput
from app.core.roles import Role
from app.core.validation.checks import FILE_NAME, Problems, display_name, dns_label, in_range, list_size
from app.core.validation.job_option_checks import NAME_LENGTH, access_options

MAX_APPROVERS = 100
MAX_WAIT_SECONDS = 366 * 86_400


def environment(value: Environment) -> Problems:
    """Check everything about an environment but its approval policy."""
    yield from dns_label(value.name, "name")
    yield from dns_label(value.worker_pool, "workerPool")
    if value.build_pool is not None:
        yield from dns_label(value.build_pool, "buildPool")
    yield from in_range(value.rank, -1000, 1000, "rank")
    yield from in_range(value.max_concurrent_deployments, 1, 1000, "maxConcurrentDeployments")
    in_cluster = value.operator is OperatorKind.KUBERNETES
    if in_cluster and value.kubernetes is None:
        message = "The operator KUBERNETES needs to know how to reach the cluster: set kubernetes."
        yield InvalidInput(message=message, path=("kubernetes",))
    elif not in_cluster and value.kubernetes is not None:
        message = f"Only the operator KUBERNETES takes kubernetes; the operator here is {value.operator}."
        yield InvalidInput(message=message, path=("kubernetes",))
    elif value.kubernetes is not None:
        yield from kubernetes_access(value.kubernetes, "kubernetes")


def kubernetes_access(value: KubernetesAccess, *path: str) -> Problems:
    """Check a namespace and a kubeconfig context; the kubeconfig is a file name in the workers' folder."""
    yield from dns_label(value.namespace, *path, "namespace")
    if value.context is not None:
        yield from display_name(value.context, NAME_LENGTH, *path, "context")
    if value.kubeconfig_path is not None and not FILE_NAME.fullmatch(value.kubeconfig_path):
        message = (
            f"“{value.kubeconfig_path[:80]}” is not a file name: name a file in the folder that the workers were "
            "started with (boreas worker --kubeconfigs DIR), without a path."
        )
        yield InvalidInput(message=message, path=(*path, "kubeconfigPath"))
    yield from access_options(value, *path)


def approval_policy(value: ApprovalPolicy) -> Problems:
    """Check how many people, of which roles, approve within which time."""
    yield from in_range(value.required_approvals, 1, MAX_APPROVERS, "requiredApprovals")
    yield from list_size(value.approver_roles, "approverRoles")
    if not value.approver_roles:
        yield InvalidInput(message="Name at least one role that may approve.", path=("approverRoles",))
    if Role.VIEWER in value.approver_roles:
        yield InvalidInput(message="VIEWER may only read: name another role.", path=("approverRoles",))
    if value.timeout_seconds is not None:
        yield from in_range(value.timeout_seconds, 1, MAX_WAIT_SECONDS, "timeoutSeconds")
