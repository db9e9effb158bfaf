"""Descriptions of environments."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Environment": {
        "operator": "How deployments to this environment are carried out.",
        "maxConcurrentDeployments": "The maximum number of deployments that run here at the same time.",
    },
    "KubernetesAccess": {
        "context": "The context of the workers' kubeconfig. Null means its current context, or the service account of "
        "the worker's pod.",
        "namespace": "The namespace of the applications.",
    },
    "Release": {
        "since": "When this version started to run in the environment.",
        "application": "The application.",
        "environment": "The environment.",
        "version": "The version that runs.",
        "deployment": "The deployment that released the version.",
    },
}
