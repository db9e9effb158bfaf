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
from tests.gateways.kubernetes.test_killed_rollouts import killed

ROLLING, CANARY, BLUE_GREEN = StrategyKind.ROLLING, StrategyKind.CANARY, StrategyKind.BLUE_GREEN
MORE = {"team": "shop", "app.kubernetes.io/managed-by": "Helm"}


async def get(web: Web, plural: str, name: str = "web") -> dict[str, Any]:
    return await web.bench.request("GET", f"{APIS[plural]}:{plural}/{name}")


async def labels(web: Web, name: str) -> dict[str, str]:
    """Return the labels of the pods of a Deployment."""
    found: dict[str, str] = (await get(web, "deployments", name))["spec"]["template"]["metadata"]["labels"]
    return found


async def unmarked(bench: Bench, *, route: bool = False) -> Web:
    """Return a workload that no release has rolled out: its pods have no track."""
    web = Web(bench, route=route)
    await web.objects()
    while (await get(web, "deployments")).get("status", {}).get("availableReplicas", 0) < TOTAL:
        await asyncio.sleep(0.02)
    return web


def follow(web: Web, api_server: ClusterServer) -> None:
    """Count from now on the pods that the Service reaches, whomever it selects."""

    def look() -> None:
        service = api_server.seek("services", "web", web.bench.connection.namespace)
        web.bench.rollers.watched = service["spec"]["selector"] if service else None

    web.bench.rollers.fewest = TOTAL
    api_server.listeners.insert(0, look)


@pytest.mark.parametrize(
    ("kind", "route", "track"),
    [(ROLLING, False, "canary"), (CANARY, False, "canary"), (CANARY, True, "canary"), (BLUE_GREEN, False, "preview")],
)
async def test_its_pods_have_all_labels_of_the_workload_and_a_track(
    bench: Bench, kind: StrategyKind, route: bool, track: str
) -> None:
    web = await unmarked(bench, route=route)
    await web.edit("deployments", lambda body: body["spec"]["template"]["metadata"]["labels"].update(MORE))
    assert (await web.roll_out(web.shape(1, kind, weight=0.3))).ending is Ending.SUCCEEDED
    assert (LABELS | MORE | {TRACK: track}).items() <= (await labels(web, f"web-{track}")).items()
    assert (await get(web, "deployments", f"web-{track}"))["spec"]["selector"]["matchLabels"] == LABELS | {TRACK: track}


@pytest.mark.parametrize(
    ("kind", "route", "track"),
    [(ROLLING, False, "canary"), (CANARY, False, "canary"), (CANARY, True, "canary"), (BLUE_GREEN, False, "preview")],
)
async def test_a_service_of_its_own_reaches_it_until_the_end(
    bench: Bench, kind: StrategyKind, route: bool, track: str
) -> None:
    web = await unmarked(bench, route=route)
    await web.roll_out(shape := web.shape(1, kind, weight=0.3))
    beside = await get(web, "services", f"web-{track}")
    own = await get(web, "services")
    assert beside["spec"]["selector"] == LABELS | {TRACK: track}
    assert [port["port"] for port in beside["spec"]["ports"]] == [port["port"] for port in own["spec"]["ports"]]
    assert beside["metadata"]["labels"]["boreas.dev/deployment"] == "dep_02"
    assert any(line.startswith(f"Service web-{track} reaches web-{track} alone: web-") for line in web.lines.system)
    assert await bench.operator.resolve_service(web.workload, shape) == f"web-{track}"
    await web.roll_out(done := web.shape(TOTAL, kind, weight=1.0, switched=kind is BLUE_GREEN, finished=True))
    assert [each["metadata"]["name"] for each in await bench.objects("services")] == ["web"]
    assert (await web.selector(), await bench.operator.resolve_service(web.workload, done)) == (LABELS, "web")


async def test_before_the_switch_the_service_reaches_the_old_set_alone_and_nobody_is_left_out(
    bench: Bench, api_server: ClusterServer
) -> None:
    web = await unmarked(bench)
    follow(web, api_server)
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    assert set(bench.rollers.serving(await web.selector())) == {OLD}
    beside = (await get(web, "services", "web-preview"))["spec"]["selector"]
    assert set(bench.rollers.serving(beside)) == {NEW}
    await web.roll_out(switched := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert list(bench.rollers.serving(await web.selector())) == [NEW] * TOTAL
    assert bench.rollers.fewest >= TOTAL
    assert await bench.operator.resolve_service(web.workload, shape) == "web-preview"
    assert await bench.operator.resolve_service(web.workload, switched) == "web"
    await web.roll_back(switched)
    assert (await web.selector(), (await web.images())) == (LABELS, {"web": (OLD, TOTAL)})


async def pods(web: Web) -> dict[str, str]:
    """Return the uids of the pods of the base, and the track of each."""
    found = await web.bench.objects("pods")
    tracks = {each["metadata"]["uid"]: each["metadata"]["labels"].get(TRACK, "none") for each in found}
    return {uid: track for uid, track in tracks.items() if track in ("none", "stable")}


async def test_no_pod_of_the_old_set_is_replaced_to_tell_it_apart(bench: Bench, api_server: ClusterServer) -> None:
    web = await unmarked(bench)
    before = await pods(web)
    follow(web, api_server)
    shape = web.shape(TOTAL, BLUE_GREEN)
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    assert await pods(web) == dict.fromkeys(before, "stable") and set(before.values()) == {"none"}
    assert "paused" not in (await get(web, "deployments"))["spec"]
    await web.edit("deployments", lambda body: body["spec"].update(replicas=TOTAL + 1))
    await eventually(lambda: len(list(bench.rollers.serving({TRACK: "stable"}))) == TOTAL + 1)
    assert bench.rollers.fewest >= TOTAL


async def test_a_base_that_a_worker_left_half_marked_goes_on(bench: Bench, api_server: ClusterServer) -> None:
    shape = Web(bench).shape(TOTAL, BLUE_GREEN)

    async def roll_out(web: Web) -> None:
        await web.roll_out(shape)

    for number in range(1, 13):
        for key in list(api_server.objects):
            api_server.remove(key)
        web = await unmarked(bench)
        before = await pods(web)
        assert await killed(api_server, number, roll_out(web))
        if number % 3 == 0:
            await web.roll_out(shape)
            assert await web.selector() == LABELS | {TRACK: "stable"}
        await web.roll_back(shape)
        assert "paused" not in (await get(web, "deployments"))["spec"], number
        assert set(await pods(web)) == set(before), number
        assert await web.selector() == LABELS


@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("way", ["on", "back"])
async def test_a_rollout_that_an_earlier_release_began_goes_on(
    bench: Bench, api_server: ClusterServer, switched: bool, way: str
) -> None:
    web = await unmarked(bench)
    base = workloads.annotated(
        await get(web, "deployments"), {ROLLOUT_OF: "dep_02", PREVIOUS_IMAGE: OLD, workloads.REPLICAS: "3"}
    )
    api_server.change("deployments", "web", lambda body: body.update(base), bench.connection.namespace)
    apart = {"app": "web-preview"}
    marks = {"app.kubernetes.io/managed-by": "boreas", "boreas.dev/deployment": "dep_02"}
    second = workloads.second_deployment(base, PREVIEW, marks, apart)
    await web.create("deployments", workloads.with_replicas(workloads.with_image(second, "web", NEW), TOTAL))

    def steered(body: dict[str, Any]) -> None:
        body["metadata"]["annotations"] = {SELECTOR: json.dumps(LABELS)}
        body["spec"]["selector"] = apart

    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    if switched:
        await web.edit("services", steered)
    assert await web.selector() == (apart if switched else LABELS)
    follow(web, api_server)
    if way == "on":
        await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
        assert await web.selector() == apart
        assert (
            await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
        ).ending is Ending.SUCCEEDED
    else:
        assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.selector(), await web.images()) == (LABELS, {"web": (NEW if way == "on" else OLD, TOTAL)})
    assert bench.rollers.fewest >= TOTAL
    assert api_server.made["deployments", bench.connection.namespace, "web-preview"] == 1


async def test_a_service_that_others_made_under_its_name_is_left(bench: Bench) -> None:
    web = await unmarked(bench)
    spec = {"selector": {"app": "else"}, "ports": [{"port": 80}]}
    await web.create("services", {"metadata": {"name": "web-preview"}, "spec": spec})
    shape = web.shape(TOTAL, BLUE_GREEN)
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    told = "WARN: there is already a Service web-preview that Boreas did not create"
    assert any(line.startswith(told) for line in web.lines.system)
    assert await bench.operator.resolve_service(web.workload, shape) == "web"
    await web.roll_back(shape)
    assert (await get(web, "services", "web-preview"))["spec"]["selector"] == {"app": "else"}


async def test_words_at_the_end_name_what_serves(bench: Bench) -> None:
    web = await unmarked(bench)
    for more in ({}, {"switched": True}, {"switched": True, "finished": True}):
        await web.roll_out(web.shape(TOTAL, BLUE_GREEN, **more))
    told = [line for line in web.lines.system if line.startswith("Service web serves")]
    assert told == [f"Service web serves web-preview, which runs {NEW}.", f"Service web serves web, which runs {NEW}."]


async def test_pods_of_a_base_that_has_its_track_are_watched(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = Web(bench)
    await web.make()
    shape = web.shape(TOTAL)
    await web.roll_out(shape)
    assert (await labels(web, "web"))[TRACK] == "stable"
    bench.rollers.crash(NEW)
    outcome = await bench.operator.observe(web.workload, shape, web.lines)
    assert outcome.ending is Ending.FAILED and "was restarted" in str(outcome.message)
