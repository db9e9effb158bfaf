"""Descriptions of applications."""

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
    "CommandStep": {
        "command": "The program and its arguments, run without a shell.",
        "image": "The container image that it runs in on KUBERNETES; null: that of the version's artifact.",
    },
    "HealthCheck": {
        "command": "A program and its arguments; exit status 0 means healthy. Null: health is told another way.",
        "expectStatus": "The HTTP status that httpUrl answers with when it is healthy.",
        "intervalSeconds": "Seconds from one check to the next.",
        "timeoutSeconds": "Seconds that one check may take; longer counts as a failure.",
        "metrics": "Queries whose values must all lie within their bounds; often empty.",
    },
    "KubernetesTarget": {"container": "The container of its pods whose image is changed."},
    "MetricCheck": {
        "name": "A name for people, unique within the health check.",
        "prometheusUrl": "The address of the Prometheus server that is asked.",
        "min": "The least healthy value; null: there is no lower bound.",
        "max": "The greatest healthy value; null: there is no upper bound.",
    },
    "ShellTarget": {
        "command": "The program and its arguments, run once for each instance.",
        "instances": "Names of the instances, which the command gets as BOREAS_INSTANCE, one at a time.",
    },
}
