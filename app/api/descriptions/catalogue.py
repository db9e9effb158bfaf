"""Descriptions of applications, environments, versions and freeze windows."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Application": {
        "description": "What it is, for people; empty when nobody said.",
        "repositoryUrl": "Where its source is kept; commands see it as BOREAS_REPOSITORY. Null: nobody said.",
        "archivedAt": "Since when it is archived and deployed no more; null: it is not archived.",
        "createdAt": "When it was registered.",
        "deploy": "How it is deployed: by a command, or by changing a Deployment object of a cluster.",
        "healthCheck": "How its health is told after a deploy. Null: it has no health check task.",
    },
    "Artifact": {"application": "The application that the artifact is of."},
    "CommandStep": {
        "command": "The program and its arguments, run without a shell.",
        "image": "The container image that it runs in on KUBERNETES; null: that of the version's artifact.",
    },
    "Environment": {
        "operator": "Who carries out what is deployed here.",
        "maxConcurrentDeployments": "How many deployments of different applications run here at the same time at most.",
    },
    "FreezeStatus": {"frozen": "Whether deployments are kept from starting now."},
    "FreezeWindow": {"name": "A name for people."},
    "HealthCheck": {
        "command": "A program and its arguments; exit status 0 means healthy. Null: health is told another way.",
        "expectStatus": "The HTTP status that httpUrl answers with when it is healthy.",
        "intervalSeconds": "Seconds from one check to the next.",
        "timeoutSeconds": "Seconds that one check may take; longer counts as a failure.",
        "metrics": "Queries whose values must all lie within their bounds; often empty.",
    },
    "KubernetesAccess": {
        "context": "The context of the workers' kubeconfig; null: the current one, or the pod's own service account.",
        "namespace": "The namespace that the applications run in.",
    },
    "KubernetesTarget": {"container": "The container of its pods whose image is changed."},
    "MetricCheck": {
        "name": "A name for people, unique within the health check.",
        "prometheusUrl": "The address of the Prometheus server that is asked.",
        "min": "The least healthy value; null: there is no lower bound.",
        "max": "The greatest healthy value; null: there is no upper bound.",
    },
    "Release": {
        "since": "Since when it runs there.",
        "application": "The application.",
        "environment": "Where it runs.",
        "version": "The version that runs.",
        "deployment": "The deployment that brought it.",
    },
    "ShellTarget": {
        "command": "The program and its arguments, run once for each instance.",
        "instances": "Names of the instances, which the command gets as BOREAS_INSTANCE, one at a time.",
    },
    "Version": {
        "name": "Such as v1.2.5. It names one version for each of its applications.",
        "commit": "The commit that it was made from, in words of the source's own; null: nobody said.",
        "artifacts": "What it holds of each of its applications.",
        "createdAt": "When it was registered.",
        "createdBy": "Who registered it.",
    },
}
