"""What a played cluster lets be made.

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
        """Return why a Job may not be made beside those that there are."""
        name, security = body["metadata"]["name"], body["spec"]["template"]["spec"].get("securityContext", {})
        if self.denial:
            return self.denial
        if self.demands_non_root and not security.get("runAsNonRoot"):
            return 'admission webhook "policy.example.org" denied the request: set runAsNonRoot to true'
        return self._exceeded(f'jobs.batch "{name}"', COUNT, sum(1 for _ in jobs))

    def pod(self, name: str, spec: Object, pods: Iterable[Object]) -> str | None:
        """Return why a pod may not be made beside those that there are."""
        about = f'pods "{name}"'
        missing = [each for each in self.quota if each.startswith("limits.") and each[7:] not in _limits(spec)]
        if missing:
            container = spec["containers"][0]["name"]
            return f"{about} is forbidden: failed quota: small: must specify {missing[0]} for: {container}"
        if self.restricted and (faults := list(violations(spec))):
            return f"{about} is forbidden: {LATEST}{', '.join(faults)}"
        alive = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
        return self._exceeded(about, "pods", len(alive))

    def _exceeded(self, about: str, what: str, used: int) -> str | None:
        most = self.quota.get(what)
        if most is None or used < most:
            return None
        amounts = f"requested: {what}=1, used: {what}={used}, limited: {what}={most}"
        return f"{about} is forbidden: exceeded quota: small, {amounts}"


def _limits(spec: Object) -> Mapping[str, str]:
    limits: Mapping[str, str] = spec["containers"][0].get("resources", {}).get("limits", {})
    return limits


def violations(spec: Object) -> Iterable[str]:
    """Yield what of a pod the level `restricted` does not take, in the words of the cluster."""
    pod = spec["securityContext"]
    for container in spec["containers"]:
        about, own = f'container "{container["name"]}"', container.get("securityContext", {})
        both = pod | own
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"allowPrivilegeEscalation != false ({about} must set securityContext.allowPrivilegeEscalation=false)"
        if own.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f'unrestricted capabilities ({about} must set securityContext.capabilities.drop=["ALL"])'
        if both.get("runAsNonRoot") is not True:
            yield f"runAsNonRoot != true (pod or {about} must set securityContext.runAsNonRoot=true)"
        if both.get("runAsUser") == 0:
            yield f"runAsUser=0 (pod or {about} must not set runAsUser=0)"
        if both.get("seccompProfile") is None:
            yield f"seccompProfile (pod or {about} must set securityContext.seccompProfile.type)"
