"""PodDisruptionBudgets during a blue-green rollout: the set that serves keeps its protection against evictions."""

from app.core.kubernetes import disruption_budgets, tracks, workloads
from app.core.kubernetes.manifests import APPLICATION_LABEL, DEPLOYMENT_LABEL, Object, name_of
from app.gateways.operators.kubernetes.cluster import BUDGETS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import retry_while_away
from app.gateways.operators.kubernetes.workload import ClusterWorkload


async def exclude(workload: ClusterWorkload, track: str) -> None:
    """Exclude the second set, which serves nothing yet, from the budgets of the application."""
    labels = tracks.labels_of(await workload.base())
    for budget in await _budgets(workload):
        excluded = workloads.annotation(budget, disruption_budgets.EXCLUDED_TRACK)
        if disruption_budgets.covers(budget, labels) and excluded != track:
            name = name_of(budget)
            await workload.modify(BUDGETS, name, lambda body: disruption_budgets.excluding_track(body, track))
            await workload.log(
                f"PodDisruptionBudget {name} does not count {workload.name}-{track}, which does not serve."
            )


async def protect(workload: ClusterWorkload, track: str) -> None:
    """Give the second set, which is about to serve, copies of the budgets that the base has."""
    labels = tracks.labels_of(await workload.base())
    budgets = await _budgets(workload)
    names = {name_of(budget) for budget in budgets}
    for budget in budgets:
        if not disruption_budgets.covers(budget, labels):
            continue
        copy = disruption_budgets.second_budget(budget, track, workload.labels)
        await workload.ensure(BUDGETS, copy)
        if name_of(copy) not in names:
            await workload.log(
                f"PodDisruptionBudget {name_of(copy)} protects {workload.name}-{track}, which serves now."
            )


async def restore(workload: ClusterWorkload) -> None:
    """Remove the copies that `protect` made, and let the application's budgets count all pods again."""
    labels = tracks.labels_of(await workload.base())
    for budget in await _budgets(workload):
        has_track = workloads.TRACK in (budget["metadata"].get("labels") or {})
        excludes = workloads.annotation(budget, disruption_budgets.EXCLUDED_TRACK) is not None
        if workloads.is_managed(budget) and has_track and _is_of(workload, budget):
            await workload.remove(BUDGETS, name_of(budget))
        elif excludes and disruption_budgets.covers(budget, labels):
            await workload.modify(BUDGETS, name_of(budget), disruption_budgets.without_exclusion)


def _is_of(workload: ClusterWorkload, budget: Object) -> bool:
    """Return whether Boreas created a budget for this workload, in this rollout or an earlier one."""
    labels = budget["metadata"].get("labels") or {}
    return labels.get(APPLICATION_LABEL) == workload.rollout.application or (
        labels.get(DEPLOYMENT_LABEL) == workload.rollout.deployment_id
    )


async def _budgets(workload: ClusterWorkload) -> list[Object]:
    """Return the budgets of the namespace; none, with a warning, where the worker may not list them."""
    try:
        listing = await retry_while_away(lambda: workload.cluster.list(BUDGETS), workload.report_outage)
    except ClusterRefusedError as error:
        await workload.log(f"WARN: disruption budgets are not changed, and count both sets: {error}")
        return []
    return list(listing.items)
