"""Admission of a fake cluster: the Jobs and pods that it accepts.

Quotas, the pod security of its namespaces, and policies of its people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
COUNT = "count/jobs.batch"
LATEST = 'violates PodSecurity "restricted:latest": '


@dataclass(slots=True)
class Admission:
    """`quota` limits resources: count/jobs.batch, pods, and container limits, which become mandatory."""

    quota: dict[str, int] = field(default_factory=dict)
    restricted: bool = False
    denial: str | None = None
    demands_non_root: bool = False

    def job(self, body: Object, jobs: Iterable[Object]) -> str | None:
        """Return why a Job may not be created, or None."""
        name, security = body["metadata"]["name"], body["spec"]["template"]["spec"].get("securityContext", {})
        if self.denial:
            return self.denial
        if self.demands_non_root and not security.get("runAsNonRoot"):
            return 'admission webhook "policy.example.org" denied the request: set runAsNonRoot to true'
        return self._exceeded(f'jobs.batch "{name}"', COUNT, sum(1 for _ in jobs))

    def pod(self, name: str, spec: Object, pods: Iterable[Object]) -> str | None:
        """Return why a pod may not be created, or None."""
        subject = f'pods "{name}"'
        missing_limits = [
            resource for resource in self.quota if resource.startswith("limits.") and resource[7:] not in _limits(spec)
        ]
        if missing_limits:
            container = spec["containers"][0]["name"]
            return f"{subject} is forbidden: failed quota: small: must specify {missing_limits[0]} for: {container}"
        if self.restricted and (faults := list(violations(spec))):
            return f"{subject} is forbidden: {LATEST}{', '.join(faults)}"
        alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
        return self._exceeded(subject, "pods", len(alive))

    def _exceeded(self, subject: str, resource: str, used: int) -> str | None:
        most = self.quota.get(resource)
        if most is None or used < most:
            return None
        amounts = f"requested: {resource}=1, used: {resource}={used}, limited: {resource}={most}"
        return f"{subject} is forbidden: exceeded quota: small, {amounts}"


def _limits(spec: Object) -> Mapping[str, str]:
    limits: Mapping[str, str] = spec["containers"][0].get("resources", {}).get("limits", {})
    return limits


def violations(spec: Object) -> Iterable[str]:
    """Yield the violations of the level `restricted` by a pod, as the cluster words them."""
    pod = spec["securityContext"]
    for container in spec["containers"]:
        part, container_security = f'container "{container["name"]}"', container.get("securityContext", {})
        effective = pod | container_security
        if container_security.get("allowPrivilegeEscalation") is not False:
            yield f"allowPrivilegeEscalation != false ({part} must set securityContext.allowPrivilegeEscalation=false)"
        if container_security.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f'unrestricted capabilities ({part} must set securityContext.capabilities.drop=["ALL"])'
        if effective.get("runAsNonRoot") is not True:
            yield f"runAsNonRoot != true (pod or {part} must set securityContext.runAsNonRoot=true)"
        if effective.get("runAsUser") == 0:
            yield f"runAsUser=0 (pod or {part} must not set runAsUser=0)"
        if effective.get("seccompProfile") is None:
            yield f"seccompProfile (pod or {part} must set securityContext.seccompProfile.type)"
