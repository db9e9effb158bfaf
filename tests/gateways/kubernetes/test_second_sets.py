"""The second set.

Its pods have all labels of the workload, and a Service of its own reaches it before it serves.
"""

import asyncio
import json
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.kubernetes import workloads
from app.core.kubernetes.workloads import PREVIEW, PREVIOUS_IMAGE, ROLLOUT_OF, SELECTOR, TRACK
from app.core.strategy.model import StrategyKind
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import APIS, Bench, eventually
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web
from tests.gateways.kubernetes.test_killed_rollouts import run_and_kill

ROLLING, CANARY, BLUE_GREEN = StrategyKind.ROLLING, StrategyKind.CANARY, StrategyKind.BLUE_GREEN
EXTRA_LABELS = {"team": "shop", "app.kubernetes.io/managed-by": "Helm"}


async def get(web: Web, plural: str, name: str = "web") -> dict[str, Any]:
    return await web.bench.request("GET", f"{APIS[plural]}:{plural}/{name}")


async def labels(web: Web, name: str) -> dict[str, str]:
    """Return the labels of the pods of a Deployment."""
    pod_labels: dict[str, str] = (await get(web, "deployments", name))["spec"]["template"]["metadata"]["labels"]
    return pod_labels


async def unmarked_workload(bench: Bench, *, route: bool = False) -> Web:
    """Return a workload before its first rollout: its pods have no track."""
    web = Web(bench, route=route)
    await web.objects()
    while (await get(web, "deployments")).get("status", {}).get("availableReplicas", 0) < TOTAL:
        await asyncio.sleep(0.02)
    return web


def watch_service(web: Web, api_server: ClusterServer) -> None:
    """Count the pods that the Service selects from now on."""

    def watch_selected_pods() -> None:
        service = api_server.seek("services", "web", web.bench.connection.namespace)
        web.bench.rollers.watched = service["spec"]["selector"] if service else None

    web.bench.rollers.fewest = TOTAL
    api_server.listeners.insert(0, watch_selected_pods)


@pytest.mark.parametrize(
    ("kind", "route", "track"),
    [(ROLLING, False, "canary"), (CANARY, False, "canary"), (CANARY, True, "canary"), (BLUE_GREEN, False, "preview")],
)
async def test_pods_of_the_second_set_have_the_labels_of_the_workload_and_a_track(
    bench: Bench, kind: StrategyKind, route: bool, track: str
) -> None:
    web = await unmarked_workload(bench, route=route)
    await web.edit("deployments", lambda body: body["spec"]["template"]["metadata"]["labels"].update(EXTRA_LABELS))
    assert (await web.roll_out(web.shape(1, kind, weight=0.3))).ending is Ending.SUCCEEDED
    assert (LABELS | EXTRA_LABELS | {TRACK: track}).items() <= (await labels(web, f"web-{track}")).items()
    assert (await get(web, "deployments", f"web-{track}"))["spec"]["selector"]["matchLabels"] == LABELS | {TRACK: track}


@pytest.mark.parametrize(
    ("kind", "route", "track"),
    [(ROLLING, False, "canary"), (CANARY, False, "canary"), (CANARY, True, "canary"), (BLUE_GREEN, False, "preview")],
)
async def test_the_second_set_has_its_own_service_until_the_end(
    bench: Bench, kind: StrategyKind, route: bool, track: str
) -> None:
    web = await unmarked_workload(bench, route=route)
    await web.roll_out(shape := web.shape(1, kind, weight=0.3))
    own_service = await get(web, "services", f"web-{track}")
    base_service = await get(web, "services")
    assert own_service["spec"]["selector"] == LABELS | {TRACK: track}
    assert [port["port"] for port in own_service["spec"]["ports"]] == [
        port["port"] for port in base_service["spec"]["ports"]
    ]
    assert own_service["metadata"]["labels"]["boreas.dev/deployment"] == "dep_02"
    assert any(line.startswith(f"Service web-{track} reaches web-{track} alone: web-") for line in web.lines.system)
    assert await bench.operator.resolve_service(web.workload, shape) == f"web-{track}"
    await web.roll_out(finished_shape := web.shape(TOTAL, kind, weight=1.0, switched=kind is BLUE_GREEN, finished=True))
    assert [service["metadata"]["name"] for service in await bench.objects("services")] == ["web"]
    assert (await web.selector(), await bench.operator.resolve_service(web.workload, finished_shape)) == (LABELS, "web")


async def test_before_the_switch_the_service_selects_the_old_set_only(bench: Bench, api_server: ClusterServer) -> None:
    web = await unmarked_workload(bench)
    watch_service(web, api_server)
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    assert set(bench.rollers.serving(await web.selector())) == {OLD}
    own_service = (await get(web, "services", "web-preview"))["spec"]["selector"]
    assert set(bench.rollers.serving(own_service)) == {NEW}
    await web.roll_out(switched := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert list(bench.rollers.serving(await web.selector())) == [NEW] * TOTAL
    assert bench.rollers.fewest >= TOTAL
    assert await bench.operator.resolve_service(web.workload, shape) == "web-preview"
    assert await bench.operator.resolve_service(web.workload, switched) == "web"
    await web.roll_back(switched)
    assert (await web.selector(), (await web.images())) == (LABELS, {"web": (OLD, TOTAL)})


async def pods(web: Web) -> dict[str, str]:
    """Return the uids of the pods of the base, and the track of each."""
    pod_objects = await web.bench.objects("pods")
    tracks = {pod["metadata"]["uid"]: pod["metadata"]["labels"].get(TRACK, "none") for pod in pod_objects}
    return {uid: track for uid, track in tracks.items() if track in ("none", "stable")}


async def test_the_pods_of_the_old_set_get_their_track_without_replacement(
    bench: Bench, api_server: ClusterServer
) -> None:
    web = await unmarked_workload(bench)
    pods_before = await pods(web)
    watch_service(web, api_server)
    shape = web.shape(TOTAL, BLUE_GREEN)
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    assert await pods(web) == dict.fromkeys(pods_before, "stable") and set(pods_before.values()) == {"none"}
    assert "paused" not in (await get(web, "deployments"))["spec"]
    await web.edit("deployments", lambda body: body["spec"].update(replicas=TOTAL + 1))
    await eventually(lambda: len(list(bench.rollers.serving({TRACK: "stable"}))) == TOTAL + 1)
    assert bench.rollers.fewest >= TOTAL


async def test_a_rollback_continues_from_a_partly_marked_base(bench: Bench, api_server: ClusterServer) -> None:
    shape = Web(bench).shape(TOTAL, BLUE_GREEN)

    async def roll_out(web: Web) -> None:
        await web.roll_out(shape)

    for number in range(1, 13):
        for key in list(api_server.objects):
            api_server.remove(key)
        web = await unmarked_workload(bench)
        pods_before = await pods(web)
        assert await run_and_kill(api_server, number, roll_out(web))
        if number % 3 == 0:
            await web.roll_out(shape)
            assert await web.selector() == LABELS | {TRACK: "stable"}
        await web.roll_back(shape)
        assert "paused" not in (await get(web, "deployments"))["spec"], number
        assert set(await pods(web)) == set(pods_before), number
        assert await web.selector() == LABELS


@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("direction", ["on", "back"])
async def test_a_rollout_from_an_earlier_release_continues(
    bench: Bench, api_server: ClusterServer, switched: bool, direction: str
) -> None:
    web = await unmarked_workload(bench)
    base = workloads.annotated(
        await get(web, "deployments"), {ROLLOUT_OF: "dep_02", PREVIOUS_IMAGE: OLD, workloads.REPLICAS: "3"}
    )
    api_server.change("deployments", "web", lambda body: body.update(base), bench.connection.namespace)
    preview_labels = {"app": "web-preview"}
    marks = {"app.kubernetes.io/managed-by": "boreas", "boreas.dev/deployment": "dep_02"}
    preview_deployment = workloads.second_deployment(base, PREVIEW, marks, preview_labels)
    await web.create(
        "deployments", workloads.with_replicas(workloads.with_image(preview_deployment, "web", NEW), TOTAL)
    )

    def switch_service(body: dict[str, Any]) -> None:
        body["metadata"]["annotations"] = {SELECTOR: json.dumps(LABELS)}
        body["spec"]["selector"] = preview_labels

    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    if switched:
        await web.edit("services", switch_service)
    assert await web.selector() == (preview_labels if switched else LABELS)
    watch_service(web, api_server)
    if direction == "on":
        await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
        assert await web.selector() == preview_labels
        assert (
            await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
        ).ending is Ending.SUCCEEDED
    else:
        assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.selector(), await web.images()) == (LABELS, {"web": (NEW if direction == "on" else OLD, TOTAL)})
    assert bench.rollers.fewest >= TOTAL
    assert api_server.made["deployments", bench.connection.namespace, "web-preview"] == 1


async def test_a_foreign_service_of_the_same_name_stays(bench: Bench) -> None:
    web = await unmarked_workload(bench)
    spec = {"selector": {"app": "else"}, "ports": [{"port": 80}]}
    await web.create("services", {"metadata": {"name": "web-preview"}, "spec": spec})
    shape = web.shape(TOTAL, BLUE_GREEN)
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    warning = "WARN: there is already a Service web-preview that Boreas did not create"
    assert any(line.startswith(warning) for line in web.lines.system)
    assert await bench.operator.resolve_service(web.workload, shape) == "web"
    await web.roll_back(shape)
    assert (await get(web, "services", "web-preview"))["spec"]["selector"] == {"app": "else"}


async def test_the_log_names_the_serving_set_and_image(bench: Bench) -> None:
    web = await unmarked_workload(bench)
    for options in ({}, {"switched": True}, {"switched": True, "finished": True}):
        await web.roll_out(web.shape(TOTAL, BLUE_GREEN, **options))
    service_lines = [line for line in web.lines.system if line.startswith("Service web serves")]
    assert service_lines == [
        f"Service web serves web-preview, which runs {NEW}.",
        f"Service web serves web, which runs {NEW}.",
    ]


async def test_pods_of_a_marked_base_are_observed(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = Web(bench)
    await web.make()
    shape = web.shape(TOTAL)
    await web.roll_out(shape)
    assert (await labels(web, "web"))[TRACK] == "stable"
    bench.rollers.crash(NEW)
    outcome = await bench.operator.observe(web.workload, shape, web.lines)
    assert outcome.ending is Ending.FAILED and "was restarted" in str(outcome.message)
