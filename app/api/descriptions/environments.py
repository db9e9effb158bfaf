"""Descriptions of environments."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Environment": {
        "operator": "Who carries out what is deployed here.",
        "maxConcurrentDeployments": "How many deployments of different applications run here at the same time at most.",
    },
    "KubernetesAccess": {
        "context": "The context of the workers' kubeconfig; null: the current one, or the pod's own service account.",
        "namespace": "The namespace that the applications run in.",
    },
    "Release": {
        "since": "Since when it runs there.",
        "application": "The application.",
        "environment": "Where it runs.",
        "version": "The version that runs.",
        "deployment": "The deployment that brought it.",
    },
}
