"""Workloads of a cluster while they change: what a Deployment, a Service or a route becomes. Pure; JSON in and out.

The Deployment that an application names, the base, stays its home. A second one beside it carries the new version while
both are there. What is needed to go back is kept in annotations of the objects themselves, and outlives everybody.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy

from app.core.kubernetes.manifests import APPLICATION_LABEL, MANAGED_BY, MANAGER, Object

OWNER = APPLICATION_LABEL
"""On the base, the Service and the route: the id of the application that they belong to, since its first rollout."""
ROLLOUT_OF = "boreas.dev/rollout-of"
"""On the base: the Boreas deployment that changes it, or changed it last."""
PREVIOUS_IMAGE = "boreas.dev/previous-image"
REPLICAS = "boreas.dev/replicas"
"""On the base: how many replicas it is to have in the end."""
SET_REPLICAS = "boreas.dev/size"
"""On the base and beside it: how many replicas Boreas found or asked for last; another number is somebody else's."""
TRAFFIC_SHARE = "boreas.dev/share"
"""On a route: how many hundredths of the traffic Boreas gave to the canary last."""
UPDATE_STRATEGY = "boreas.dev/manner"
"""On the base: its own manner of updates, while Boreas has another one in its place."""
SELECTOR = "boreas.dev/selector"
"""On a Service: whom it selects when no rollout is under way."""
RESTARTED = "boreas.dev/restarted-by"
"""On pods: the Boreas deployment that asked for new ones although the image is the same."""
ROOM_MADE = "boreas.dev/room-made"
"""On a Deployment: how often room was made for its pods, so that its controller tries again at once."""
TRACK = "boreas.dev/track"
CANARY, PREVIEW = "canary", "preview"
LONGEST_LABEL = 63
WEIGHT_UNIT = 100
"""Weights are hundredths of what a route gave to the service before."""


def annotation(body: Object, name: str) -> str | None:
    """Return an annotation."""
    value = (body["metadata"].get("annotations") or {}).get(name)
    return None if value is None else str(value)


def annotated(body: Object, notes: Mapping[str, str | None]) -> Object:
    """Return an object with annotations; None takes one away."""
    made = deepcopy(body)
    known = {**(made["metadata"].get("annotations") or {}), **notes}
    made["metadata"]["annotations"] = {name: value for name, value in known.items() if value is not None}
    return made


def image_of(deployment: Object, container: str) -> str | None:
    """Return the image of a container, an init container too; None where there is no such container."""
    for each in containers_of(deployment["spec"]["template"]["spec"]):
        if each["name"] == container:
            return str(each.get("image"))
    return None


def containers_of(pod: Object) -> list[Object]:
    """Return all containers of a pod's specification, those that run before the others too."""
    return [*pod["containers"], *(pod.get("initContainers") or ())]


def with_image(deployment: Object, container: str, image: str) -> Object:
    """Return a workload with another image of one container."""
    made = deepcopy(deployment)
    for each in containers_of(made["spec"]["template"]["spec"]):
        if each["name"] == container:
            each["image"] = image
    return made


def restarted(workload: Object, by: str) -> Object:
    """Return a workload whose pods are replaced, whatever else of it stays: once for each `by`."""
    made = deepcopy(workload)
    meta = made["spec"]["template"].setdefault("metadata", {})
    meta["annotations"] = {**(meta.get("annotations") or {}), RESTARTED: by}
    return made


def with_replicas(deployment: Object, replicas: int) -> Object:
    """Return a Deployment of another size, which it notes."""
    made = annotated(deployment, {SET_REPLICAS: str(replicas)})
    made["spec"]["replicas"] = replicas
    return made


def replicas_of(deployment: Object) -> int:
    """Return how many replicas a Deployment asks for; one where it does not say."""
    return int(deployment["spec"].get("replicas", 1))


def legacy_selector(selector: Mapping[str, str], track: str) -> dict[str, str]:
    """Return whom a release before gave traffic of a second set: a selector of which one value differs."""
    key = min(selector)
    return {**selector, key: f"{selector[key][: LONGEST_LABEL - len(track) - 1]}-{track}"}


def second_deployment(
    base: Object, track: str, marks: Mapping[str, str], selector: Mapping[str, str] | None = None
) -> Object:
    """Return the Deployment beside the base, of the same pods; it has to be given image and size.

    Its pods have all labels of the base's, and its track: whoever selects those of the base selects them too. Where it
    is to stay as a release before made it, `selector` is whom that selects instead.
    """
    template = deepcopy(base["spec"]["template"])
    known = {**marks, **(template["metadata"].get("labels") or {}), **(selector or {}), TRACK: track}
    template["metadata"]["labels"] = known
    match = {name: known[name] for name in (base["spec"]["selector"].get("matchLabels") or {}) if name in known}
    copied = ("progressDeadlineSeconds", "minReadySeconds")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{base['metadata']['name']}-{track}", "labels": {**marks, TRACK: track}},
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
    """Return whether Boreas made an object."""
    return (body["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def ownership_error(body: Object, what: str, namespace: str, application_id: str) -> str | None:
    """Return why an object is none for an application to change; `what` is its kind and name. None: it is."""
    owner = annotation(body, OWNER)
    if is_managed(body) and TRACK in (body["metadata"].get("labels") or {}):
        return f"{what} was made by Boreas, for a rollout of another workload; name the workload that it stands beside"
    if owner in (None, application_id):
        return None
    return (
        f"{what} belongs to another application, {owner}, and is left as it is. Name another one, or hand it over: "
        f"kubectl --namespace {namespace} annotate {what.lower().replace(' ', '/')} {OWNER}-"
    )


def depends_on(service: Object, second_deployment: Object, base: Object) -> bool:
    """Return whether a Service has only the second Deployment of the two to send traffic to."""
    wanted = (service["spec"].get("selector") or {}).items()
    labels = [each["spec"]["template"]["metadata"].get("labels") or {} for each in (second_deployment, base)]
    return bool(wanted) and wanted <= labels[0].items() and not wanted <= labels[1].items()


def second_service(service: Object, name: str, marks: Mapping[str, str], selector: Mapping[str, str]) -> Object:
    """Return a Service of the same ports for other pods."""
    ports = service["spec"].get("ports") or ()
    kept = [{key: value for key, value in port.items() if key != "nodePort"} for port in ports]
    headless = {"clusterIP": "None"} if service["spec"].get("clusterIP") == "None" else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": dict(marks)},
        "spec": {"selector": dict(selector), "ports": kept, **headless},
    }


def own_selector(service: Object) -> dict[str, str]:
    """Return whom a Service selects when no rollout is under way."""
    kept = annotation(service, SELECTOR)
    return dict(json.loads(kept) if kept else service["spec"].get("selector") or {})


def with_traffic_share(route: Object, service: str, beside: str, share: int) -> Object:
    """Return a route that gives `share` hundredths of a service's traffic to the one beside it; 0 removes that."""
    made = annotated(route, {TRAFFIC_SHARE: str(share) if share else None})
    for rule, mine, other in shared_rules(made, service, beside):
        whole = weight(mine) if other is None else _whole(mine, other)
        others = [ref for ref in rule["backendRefs"] if ref is not mine and ref is not other]
        if share:
            mine["weight"] = whole * (WEIGHT_UNIT - share)
            new = {**deepcopy(mine), "name": beside, "weight": whole * share}
            rule["backendRefs"] = [mine, new, *(_scaled(ref, other is None) for ref in others)]
        elif other is not None:
            mine["weight"] = whole
            rule["backendRefs"] = [mine, *({**ref, "weight": _hundredth(weight(ref))} for ref in others)]
    return made


def shared_rules(route: Object, service: str, beside: str) -> Iterator[tuple[Object, Object, Object | None]]:
    """Yield each rule of a route that sends traffic to a service, with its reference to that and to the one beside."""
    for rule in route["spec"].get("rules") or ():
        refs = rule.get("backendRefs") or []
        mine = next((ref for ref in refs if ref["name"] == service and ref.get("kind", "Service") == "Service"), None)
        if mine is not None:
            yield rule, mine, next((ref for ref in refs if ref["name"] == beside), None)


def weight(ref: Object) -> int:
    """Return the weight of a reference; one where it does not say."""
    return int(ref.get("weight", 1))


def _whole(mine: Object, other: Object) -> int:
    return _hundredth(weight(mine) + weight(other))


def _hundredth(number: int) -> int:
    """Return a hundredth, and something of what was something: people may have put other weights in place of ours."""
    return -(-number // WEIGHT_UNIT)


def _scaled(ref: Object, first: bool) -> Object:
    return {**ref, "weight": weight(ref) * WEIGHT_UNIT} if first else ref
