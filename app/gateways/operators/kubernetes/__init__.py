"""The operator for Kubernetes.

Commands as Jobs, rollouts of Deployments, through the cluster's API server.
"""

from app.gateways.operators.kubernetes.allowed_clusters import AllowedClusters
from app.gateways.operators.kubernetes.operator import KubernetesOperator

__all__ = ["AllowedClusters", "KubernetesOperator"]
