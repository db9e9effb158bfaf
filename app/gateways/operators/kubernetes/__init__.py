"""The operator for Kubernetes: commands as Jobs, rollouts of Deployments, through the cluster's API server."""

from app.gateways.operators.kubernetes.operator import KubernetesOperator
from app.gateways.operators.kubernetes.reach import Reach

__all__ = ["KubernetesOperator", "Reach"]
