"""The owner of a workload.

Its first rollout marks its objects, and no rollout of another application changes them.
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


async def owners_of(bench: Bench) -> dict[str, str | None]:
    """Return the owner of each Deployment, Service and HTTPRoute."""
    owners: dict[str, str | None] = {}
    for plural in ("deployments", "services", "httproutes"):
        for document in await bench.objects(plural):
            annotations = document["metadata"].get("annotations") or {}
            owners[f"{plural}/{document['metadata']['name']}"] = annotations.get(OWNER)
    return owners


async def test_the_first_rollout_marks_its_objects_and_the_marks_stay(bench: Bench) -> None:
    web = Web(bench, route=True)
    await web.make()
    expected_owners = {"deployments/web": "app_01", "services/web": "app_01", "httproutes/web": "app_01"}
    assert await owners_of(bench) == expected_owners
    await web.roll_out(web.shape(1, CANARY, weight=0.2))
    await web.roll_back(web.shape(1, CANARY, weight=0.2))
    await web.roll_out(web.shape(TOTAL, finished=True))
    assert await owners_of(bench) == expected_owners


@pytest.mark.parametrize("kind", [StrategyKind.ROLLING, CANARY, BLUE_GREEN])
async def test_another_application_cannot_change_the_workload(bench: Bench, kind: StrategyKind) -> None:
    web = Web(bench)
    await web.make()
    documents_before = [await bench.objects(plural) for plural in ("deployments", "services")]
    other_application: dict[str, Any] = {
        "application": "mine",
        "application_id": "app_02",
        "deployment_id": "dep_99",
        "image": EVIL,
    }
    outcome = await web.roll_out(web.shape(1, kind), **other_application)
    assert outcome.ending is Ending.FAILED
    message = str(outcome.message)
    assert "Deployment web belongs to another application, app_01" in message
    assert "annotate deployment/web boreas.dev/application-" in message
    assert [await bench.objects(plural) for plural in ("deployments", "services")] == documents_before
    assert (await web.roll_out(web.shape(TOTAL))).ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (NEW, TOTAL)}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (KubernetesTarget("own", "web", "web"), "Service web belongs to another application"),
        (KubernetesTarget("own", "web", "own", "web"), "HTTPRoute web belongs to another application"),
    ],
)
async def test_traffic_of_another_application_is_not_changed(
    bench: Bench, target: KubernetesTarget, message: str
) -> None:
    web = Web(bench, route=True)
    await web.make()
    await _copy(web, "deployments", "own")
    await _copy(web, "services", "own")
    other_application: dict[str, Any] = {"application_id": "app_02", "deployment_id": "dep_99", "target": target}
    outcome = await web.roll_out(web.shape(1, CANARY, weight=0.5), **other_application)
    assert outcome.ending is Ending.FAILED and message in str(outcome.message)
    assert (await owners_of(bench))["deployments/own"] is None
    assert await web.images() == {"web": (OLD, TOTAL), "own": (OLD, TOTAL)}
    assert await web.weights() == {"web": 1}


async def _copy(web: Web, plural: str, name: str) -> None:
    """Create a copy of an object of the workload, without an owner."""
    body = await web.bench.request("GET", f"{APIS[plural]}:{plural}/web")
    spec = {key: value for key, value in body["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    await web.create(plural, {"metadata": {"name": name}, "spec": spec})


async def test_a_deployment_that_boreas_created_is_no_workload(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    await web.roll_out(web.shape(1, CANARY))
    canary_target = replace(web.workload.target, workload="web-canary", service=None)
    other_application: dict[str, Any] = {
        "application_id": "app_02",
        "deployment_id": "dep_99",
        "image": EVIL,
        "target": canary_target,
    }
    outcome = await web.roll_out(web.shape(1), **other_application)
    assert outcome.ending is Ending.FAILED and "was made by Boreas" in str(outcome.message)
    assert (await web.images())["web-canary"] == (NEW, 1)


async def test_the_owner_can_hand_a_workload_over(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    for plural in ("deployments", "services"):
        await web.edit(plural, lambda body: body["metadata"]["annotations"].pop(OWNER))
    assert (await web.roll_out(web.shape(TOTAL), application_id="app_02")).ending is Ending.SUCCEEDED
    assert await owners_of(bench) == {"deployments/web": "app_02", "services/web": "app_02"}
