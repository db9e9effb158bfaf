"""What protects the set that serves from evictions, as long as there are two of them."""

from app.core.kubernetes import disruption_budgets, tracks, workloads
from app.core.kubernetes.manifests import APPLICATION_LABEL, DEPLOYMENT_LABEL, Object, name_of
from app.gateways.operators.kubernetes.cluster import BUDGETS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import persistently
from app.gateways.operators.kubernetes.workload import ClusterWorkload


async def part(moving: ClusterWorkload, track: str) -> None:
    """Let the budgets of the application leave the second set out, which serves nothing yet."""
    labels = tracks.labels_of(await moving.base())
    for budget in await _all(moving):
        if (
            disruption_budgets.covers(budget, labels)
            and workloads.annotation(budget, disruption_budgets.EXCLUDED_TRACK) != track
        ):
            name = name_of(budget)
            await moving.change(BUDGETS, name, lambda seen: disruption_budgets.excluding_track(seen, track))
            await moving.say(f"PodDisruptionBudget {name} does not count {moving.name}-{track}, which does not serve.")


async def protect(moving: ClusterWorkload, track: str) -> None:
    """Give the second set, which is about to serve, the budgets that the base has."""
    labels = tracks.labels_of(await moving.base())
    there = await _all(moving)
    known = {name_of(each) for each in there}
    for budget in there:
        if not disruption_budgets.covers(budget, labels):
            continue
        made = disruption_budgets.second_budget(budget, track, moving.marks)
        await moving.make(BUDGETS, made)
        if name_of(made) not in known:
            await moving.say(f"PodDisruptionBudget {name_of(made)} protects {moving.name}-{track}, which serves now.")


async def join(moving: ClusterWorkload) -> None:
    """Remove what `protect` made, and let the budgets of the application count all pods again: there is but one set."""
    labels = tracks.labels_of(await moving.base())
    for budget in await _all(moving):
        is_track = workloads.TRACK in (budget["metadata"].get("labels") or {})
        if workloads.is_managed(budget) and is_track and _is_of(moving, budget):
            await moving.remove(BUDGETS, name_of(budget))
        elif workloads.annotation(budget, disruption_budgets.EXCLUDED_TRACK) is not None and disruption_budgets.covers(
            budget, labels
        ):
            await moving.change(BUDGETS, name_of(budget), disruption_budgets.without_exclusion)


def _is_of(moving: ClusterWorkload, budget: Object) -> bool:
    """Return whether a budget was made for this workload, by this rollout or by one before it."""
    known = budget["metadata"].get("labels") or {}
    return known.get(APPLICATION_LABEL) == moving.workload.application or (
        known.get(DEPLOYMENT_LABEL) == moving.workload.deployment_id
    )


async def _all(moving: ClusterWorkload) -> list[Object]:
    """Return the budgets of the namespace; none, and say so, where they may not be seen."""
    try:
        listing = await persistently(lambda: moving.cluster.list(BUDGETS), moving.trouble)
    except ClusterRefusedError as error:
        await moving.say(f"WARN: disruption budgets are left as they are, and count both sets: {error}")
        return []
    return list(listing.items)
