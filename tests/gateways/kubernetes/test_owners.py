"""Whose a workload is.

Its first rollout marks all that it names, and no other application's rollout touches it.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.core.application import KubernetesTarget
from app.core.attempt import Ending
from app.core.strategy.model import StrategyKind
from tests.gateways.kubernetes.support.operator import APIS, Bench
from tests.gateways.kubernetes.support.workload import NEW, OLD, TOTAL, Web

OWNER = "boreas.dev/application"
EVIL = "evil.example/payments:evil"
CANARY, BLUE_GREEN = StrategyKind.CANARY, StrategyKind.BLUE_GREEN


async def marks(bench: Bench) -> dict[str, str | None]:
    """Return whose each Deployment, Service and route is."""
    found: dict[str, str | None] = {}
    for plural in ("deployments", "services", "httproutes"):
        for each in await bench.objects(plural):
            notes = each["metadata"].get("annotations") or {}
            found[f"{plural}/{each['metadata']['name']}"] = notes.get(OWNER)
    return found


async def test_the_first_rollout_marks_all_that_it_names_and_the_end_leaves_the_marks(bench: Bench) -> None:
    web = Web(bench, route=True)
    await web.make()
    mine = {"deployments/web": "app_01", "services/web": "app_01", "httproutes/web": "app_01"}
    assert await marks(bench) == mine
    await web.roll_out(web.shape(1, CANARY, weight=0.2))
    await web.roll_back(web.shape(1, CANARY, weight=0.2))
    await web.roll_out(web.shape(TOTAL, finished=True))
    assert await marks(bench) == mine


@pytest.mark.parametrize("kind", [StrategyKind.ROLLING, CANARY, BLUE_GREEN])
async def test_another_application_does_not_change_it(bench: Bench, kind: StrategyKind) -> None:
    web = Web(bench)
    await web.make()
    before = [await bench.objects(plural) for plural in ("deployments", "services")]
    theirs: dict[str, Any] = {
        "application": "mine",
        "application_id": "app_02",
        "deployment_id": "dep_99",
        "image": EVIL,
    }
    outcome = await web.roll_out(web.shape(1, kind), **theirs)
    assert outcome.ending is Ending.FAILED
    said = str(outcome.message)
    assert "Deployment web belongs to another application, app_01" in said
    assert "annotate deployment/web boreas.dev/application-" in said
    assert [await bench.objects(plural) for plural in ("deployments", "services")] == before
    assert (await web.roll_out(web.shape(TOTAL))).ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (NEW, TOTAL)}


@pytest.mark.parametrize(
    ("target", "what"),
    [
        (KubernetesTarget("own", "web", "web"), "Service web belongs to another application"),
        (KubernetesTarget("own", "web", "own", "web"), "HTTPRoute web belongs to another application"),
    ],
)
async def test_another_applications_traffic_is_left_alone(bench: Bench, target: KubernetesTarget, what: str) -> None:
    web = Web(bench, route=True)
    await web.make()
    await _copy(web, "deployments", "own")
    await _copy(web, "services", "own")
    theirs: dict[str, Any] = {"application_id": "app_02", "deployment_id": "dep_99", "target": target}
    outcome = await web.roll_out(web.shape(1, CANARY, weight=0.5), **theirs)
    assert outcome.ending is Ending.FAILED and what in str(outcome.message)
    assert (await marks(bench))["deployments/own"] is None
    assert await web.images() == {"web": (OLD, TOTAL), "own": (OLD, TOTAL)}
    assert await web.weights() == {"web": 1}


async def _copy(web: Web, plural: str, name: str) -> None:
    """Make another object like one of the workload's, that is nobody's yet."""
    body = await web.bench.request("GET", f"{APIS[plural]}:{plural}/web")
    spec = {key: value for key, value in body["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    await web.create(plural, {"metadata": {"name": name}, "spec": spec})


async def test_what_boreas_made_for_a_rollout_is_no_workload(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    await web.roll_out(web.shape(1, CANARY))
    beside = replace(web.workload.target, workload="web-canary", service=None)
    theirs: dict[str, Any] = {"application_id": "app_02", "deployment_id": "dep_99", "image": EVIL, "target": beside}
    outcome = await web.roll_out(web.shape(1), **theirs)
    assert outcome.ending is Ending.FAILED and "was made by Boreas" in str(outcome.message)
    assert (await web.images())["web-canary"] == (NEW, 1)


async def test_who_is_asked_to_hand_it_over_can(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    for plural in ("deployments", "services"):
        await web.edit(plural, lambda body: body["metadata"]["annotations"].pop(OWNER))
    assert (await web.roll_out(web.shape(TOTAL), application_id="app_02")).ending is Ending.SUCCEEDED
    assert await marks(bench) == {"deployments/web": "app_02", "services/web": "app_02"}
