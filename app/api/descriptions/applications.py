"""Descriptions of applications."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Application": {
        "description": "A description for people. It may be empty.",
        "repositoryUrl": "The URL of the source repository. Commands get it as BOREAS_REPOSITORY. Null if none is set.",
        "archivedAt": "When the application was archived. Null if it is not archived.",
        "createdAt": "When the application was created.",
        "deploy": "How the application is deployed: by a command, or by changing a workload in a cluster.",
        "healthCheck": "How the health of the application is checked after a deploy. Null if it has no health check.",
    },
    "CommandStep": {
        "command": "The program and its arguments. No shell is involved.",
        "image": "The container image that the command runs in on KUBERNETES. Null means the image of the artifact.",
        "timeoutSeconds": "How many seconds one attempt may take.",
        "maxAttempts": "How many attempts the command gets, including the first.",
    },
    "HealthCheck": {
        "command": "The program and its arguments. Exit status 0 means healthy. Null if no command is used.",
        "expectStatus": "The HTTP status that means healthy.",
        "intervalSeconds": "The seconds between two checks.",
        "timeoutSeconds": "How many seconds one check may take. A longer check counts as a failure.",
        "metrics": "The metric checks. The value of each must be within its bounds. The list may be empty.",
    },
    "KubernetesTarget": {"container": "The container of the workload whose image is changed."},
    "MetricCheck": {
        "name": "The display name, unique within the health check.",
        "prometheusUrl": "The URL of the Prometheus server.",
        "min": "The lowest healthy value. Null if there is no lower bound.",
        "max": "The highest healthy value. Null if there is no upper bound.",
    },
    "ShellTarget": {
        "command": "The program and its arguments. It runs once for each instance.",
        "instances": "The names of the instances. The command gets one of them as BOREAS_INSTANCE.",
    },
}
