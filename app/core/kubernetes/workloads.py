"""Workloads during a rollout: changes to Deployments, Services and routes. Pure; JSON in and out.

The base is the Deployment that an application names; it stays. A second Deployment carries the new version while both
exist. Annotations of the objects hold what a rollback needs, so it outlives workers and database.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import APPLICATION_LABEL, MANAGED_BY, MANAGER, Object

OWNER = APPLICATION_LABEL
"""Annotation of the base, the Service and the route: the application that owns them."""
ROLLOUT_OF = "boreas.dev/rollout-of"
"""Annotation of the base: the Boreas deployment that changes it, or changed it last."""
PREVIOUS_IMAGE = "boreas.dev/previous-image"
REPLICAS = "boreas.dev/replicas"
"""Annotation of the base: the desired replicas after the rollout."""
SET_REPLICAS = "boreas.dev/size"
"""Annotation of both Deployments: the replicas that Boreas found or set last; others are drift."""
TRAFFIC_SHARE = "boreas.dev/share"
"""Annotation of a route: the percentage of traffic that Boreas gave to the canary last."""
UPDATE_STRATEGY = "boreas.dev/manner"
"""Annotation of the base: its own update strategy, while Boreas has replaced it."""
SELECTOR = "boreas.dev/selector"
"""Annotation of a Service: its own selector, outside of rollouts."""
RESTARTED = "boreas.dev/restarted-by"
"""Annotation of pods: the Boreas deployment that restarted them with the same image."""
ROOM_MADE = "boreas.dev/room-made"
"""Annotation of a Deployment: how often Boreas made room; a change makes its controller retry."""
TRACK = "boreas.dev/track"
CANARY, PREVIEW = "canary", "preview"
LONGEST_LABEL = 63
WEIGHT_UNIT = 100
"""The factor for weights of a route, so that a share is a percentage of the original weight."""


def annotation(body: Object, name: str) -> str | None:
    """Return an annotation, or None."""
    value = (body["metadata"].get("annotations") or {}).get(name)
    return None if value is None else str(value)


def annotated(body: Object, annotations: Mapping[str, str | None]) -> Object:
    """Return an object with changed annotations; None removes one."""
    changed = deepcopy(body)
    merged = {**(changed["metadata"].get("annotations") or {}), **annotations}
    changed["metadata"]["annotations"] = {name: value for name, value in merged.items() if value is not None}
    return changed


def image_of(deployment: Object, container: str) -> str | None:
    """Return the image of a container or init container; None if there is no such container."""
    for spec in containers_of(deployment["spec"]["template"]["spec"]):
        if spec["name"] == container:
            return str(spec.get("image"))
    return None


def containers_of(pod: Object) -> list[Object]:
    """Return all containers and init containers of a pod's specification."""
    return [*pod["containers"], *(pod.get("initContainers") or ())]


def with_image(deployment: Object, container: str, image: str) -> Object:
    """Return a workload with another image of one container."""
    changed = deepcopy(deployment)
    for spec in containers_of(changed["spec"]["template"]["spec"]):
        if spec["name"] == container:
            spec["image"] = image
    return changed


def restarted(workload: Object, by: str) -> Object:
    """Return a workload whose pods are replaced without another change, once for each value of `by`."""
    changed = deepcopy(workload)
    metadata = changed["spec"]["template"].setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), RESTARTED: by}
    return changed


def with_replicas(deployment: Object, replicas: int) -> Object:
    """Return a Deployment with another number of replicas, also in its annotation."""
    changed = annotated(deployment, {SET_REPLICAS: str(replicas)})
    changed["spec"]["replicas"] = replicas
    return changed


def replicas_of(deployment: Object) -> int:
    """Return the desired replicas of a Deployment; 1 by default."""
    return int(deployment["spec"].get("replicas", 1))


def legacy_selector(selector: Mapping[str, str], track: str) -> dict[str, str]:
    """Return the selector that an earlier release of Boreas gave a second Deployment."""
    key = min(selector)
    return {**selector, key: f"{selector[key][: LONGEST_LABEL - len(track) - 1]}-{track}"}


def second_deployment(
    base: Object, track: str, labels: Mapping[str, str], selector: Mapping[str, str] | None = None
) -> Object:
    """Return the second Deployment, with the same pods as the base; image and replicas are set afterwards.

    Its pods have all labels of the base's pods, so that the same selectors match, and its track. `selector` keeps a
    second Deployment as an earlier release of Boreas created it.
    """
    template = deepcopy(base["spec"]["template"])
    pod_labels = {**labels, **(template["metadata"].get("labels") or {}), **(selector or {}), TRACK: track}
    template["metadata"]["labels"] = pod_labels
    own_match = base["spec"]["selector"].get("matchLabels") or {}
    match = {name: pod_labels[name] for name in own_match if name in pod_labels}
    copied = ("progressDeadlineSeconds", "minReadySeconds")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{base['metadata']['name']}-{track}", "labels": {**labels, TRACK: track}},
        "spec": {
            **{name: base["spec"][name] for name in copied if name in base["spec"]},
            "replicas": 0,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "selector": {"matchLabels": {**match, TRACK: track}},
            "template": template,
        },
    }


def is_managed(body: Object) -> bool:
    """Return whether Boreas created an object."""
    return (body["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def ownership_error(body: Object, label: str, namespace: str, application_id: str) -> str | None:
    """Return why an application must not change an object, or None; `label` is its kind and name."""
    owner = annotation(body, OWNER)
    if is_managed(body) and TRACK in (body["metadata"].get("labels") or {}):
        return f"{label} was made by Boreas, for a rollout of another workload; name that workload instead"
    if owner in (None, application_id):
        return None
    return (
        f"{label} belongs to another application, {owner}, and is left as it is. Name another one, or hand it over: "
        f"kubectl --namespace {namespace} annotate {label.lower().replace(' ', '/')} {OWNER}-"
    )


def depends_on(service: Object, second: Object, base: Object) -> bool:
    """Return whether a Service selects only the pods of the second Deployment."""
    selector = (service["spec"].get("selector") or {}).items()
    second_labels, base_labels = (
        deployment["spec"]["template"]["metadata"].get("labels") or {} for deployment in (second, base)
    )
    return bool(selector) and selector <= second_labels.items() and not selector <= base_labels.items()


def second_service(service: Object, name: str, labels: Mapping[str, str], selector: Mapping[str, str]) -> Object:
    """Return a Service with the same ports for other pods."""
    ports = service["spec"].get("ports") or ()
    copied = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
    headless = {"clusterIP": "None"} if service["spec"].get("clusterIP") == "None" else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"selector": dict(selector), "ports": copied, **headless},
    }


def own_selector(service: Object) -> dict[str, str]:
    """Return the own selector of a Service, outside of rollouts."""
    stored = annotation(service, SELECTOR)
    return dict(json.loads(stored) if stored else service["spec"].get("selector") or {})


def with_traffic_share(route: Object, service: str, second: str, share: int) -> Object:
    """Return a route with `share` percent of a service's traffic for the second service; 0 removes it."""
    changed = annotated(route, {TRAFFIC_SHARE: str(share) if share else None})
    for rule, main, other in shared_rules(changed, service, second):
        own_weight = weight(main) if other is None else _original(weight(main) + weight(other))
        rest = [ref for ref in rule["backendRefs"] if ref is not main and ref is not other]
        if share:
            main["weight"] = own_weight * (WEIGHT_UNIT - share)
            new = {**deepcopy(main), "name": second, "weight": own_weight * share}
            rule["backendRefs"] = [main, new, *(_scaled(ref, other is None) for ref in rest)]
        elif other is not None:
            main["weight"] = own_weight
            rule["backendRefs"] = [main, *({**ref, "weight": _original(weight(ref))} for ref in rest)]
    return changed


def shared_rules(route: Object, service: str, second: str) -> Iterator[tuple[Object, Object, Object | None]]:
    """Yield each rule of a route for a service, with its references to that and to the second service."""
    for rule in route["spec"].get("rules") or ():
        refs = rule.get("backendRefs") or []
        main = next((ref for ref in refs if ref["name"] == service and ref.get("kind", "Service") == "Service"), None)
        if main is not None:
            yield rule, main, next((ref for ref in refs if ref["name"] == second), None)


def weight(ref: Object) -> int:
    """Return the weight of a reference; 1 by default."""
    return int(ref.get("weight", 1))


def _original(scaled: int) -> int:
    """Return the weight before scaling, rounded up, as people may have set other weights meanwhile."""
    return -(-scaled // WEIGHT_UNIT)


def _scaled(ref: Object, first: bool) -> Object:
    return {**ref, "weight": weight(ref) * WEIGHT_UNIT} if first else ref
