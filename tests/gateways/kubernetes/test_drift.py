"""Drift: changes by people during a rollout are reported and kept; a rollback undoes what it can."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.kubernetes.workloads import SELECTOR, TRACK
from app.core.strategy.model import StrategyKind
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web

CANARY, BLUE_GREEN = StrategyKind.CANARY, StrategyKind.BLUE_GREEN
BASE_OLD, BASE_NEW = {"web": (OLD, TOTAL)}, {"web": (NEW, TOTAL)}
ELSE = "registry.k8s.io/pause:3.8"
SELECTS = "somebody changed whom Service web selects meanwhile"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
async def web(bench: Bench) -> Web:
    """A workload that runs the old version."""
    web = Web(bench)
    await web.make()
    return web


def set_image(to: str) -> Change:
    return lambda body: body["spec"]["template"]["spec"]["containers"][0].update(image=to)


def set_size(to: int) -> Change:
    return lambda body: body["spec"].update(replicas=to)


def set_selector(**to: str) -> Change:
    return lambda body: body["spec"].update(selector=to)


def set_weights(*to: int) -> Change:
    def change(body: dict[str, Any]) -> None:
        for ref, weight in zip(body["spec"]["rules"][0]["backendRefs"], to, strict=True):
            ref["weight"] = weight

    return change


async def test_an_image_from_before_the_rollout_is_reported_and_restored(web: Web) -> None:
    await web.edit("deployments", set_image(ELSE))
    await web.roll_out(web.shape(1, CANARY))
    assert any(f"WARN: web runs {ELSE}, which Boreas did not bring" in line for line in web.lines.system)
    await web.roll_back(web.shape(1, CANARY))
    assert await web.images() == {"web": (ELSE, TOTAL)}


@pytest.mark.parametrize(
    ("name", "change", "fault", "final_images"),
    [
        ("web", set_image(ELSE), f"changed the image of web to {ELSE}", {"web": (ELSE, TOTAL)}),
        ("web", set_size(5), "scaled web to 5 replicas", {"web": (OLD, 5)}),
        ("web-canary", set_image(ELSE), f"changed the image of web-canary to {ELSE}", BASE_OLD),
        ("web-canary", set_size(3), "scaled web-canary to 3 replicas", BASE_OLD),
    ],
)
async def test_a_deployment_edited_during_the_rollout_fails_it(
    web: Web, name: str, change: Change, fault: str, final_images: dict[str, tuple[str, int]]
) -> None:
    await web.roll_out(web.shape(1, CANARY))
    await web.edit("deployments", change, name)
    images_before = await web.images()
    outcome = await web.roll_out(web.shape(2, CANARY))
    assert outcome.ending is Ending.FAILED and f"somebody {fault} meanwhile; it is left so" in str(outcome.message)
    assert (await web.images())[name] == images_before[name]
    ending = Ending.LEFT if "image of web " in fault else Ending.SUCCEEDED
    assert (await web.roll_back(web.shape(2, CANARY))).ending is ending
    assert await web.images() == final_images


async def test_a_larger_size_is_kept_to_the_end(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    await web.edit("deployments", set_size(5))
    finished_shape = web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True)
    for _ in range(2):
        assert (await web.roll_out(finished_shape)).ending is Ending.SUCCEEDED
        assert await web.images() == {"web": (NEW, 5)}
    assert "WARN: somebody scaled web to 5 replicas meanwhile; it is left so." in web.lines.system
    await web.edit("deployments", set_size(2))
    assert (await web.roll_back(finished_shape)).ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (OLD, 2)}


async def test_an_edited_update_strategy_is_kept(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL))
    await web.edit("deployments", lambda body: body["spec"].update(strategy={"type": "Recreate"}))
    await web.roll_out(web.shape(TOTAL, finished=True))
    (body,) = await web.bench.objects("deployments")
    assert body["spec"]["strategy"]["type"] == "Recreate"


async def test_an_edited_selector_after_the_switch_fails_the_rollout(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    await web.edit("services", set_selector(app="other"))
    finished_shape = web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True)
    outcome = await web.roll_out(finished_shape)
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert await web.selector() == {"app": "other"}
    assert (await web.roll_back(finished_shape)).ending is Ending.LEFT
    assert (await web.images(), await web.selector()) == (BASE_OLD, {"app": "other"})


async def test_an_edited_selector_before_the_switch_is_followed(web: Web) -> None:
    labels = {"app": "web", "tier": "front"}
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))
    await web.edit("deployments", lambda body: body["spec"]["template"]["metadata"]["labels"].update(labels))
    await web.edit("services", set_selector(**labels))
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert await web.selector() == labels | {TRACK: "preview"}
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, labels)


async def test_a_removed_track_is_restored_in_the_selector(web: Web) -> None:
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    await web.edit("services", set_selector(**LABELS))
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    assert await web.selector() == LABELS | {TRACK: "stable"}


async def test_a_selector_that_cannot_separate_the_new_set_fails_the_rollout(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))
    await web.edit("services", set_selector(a="b"))
    outcome = await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, {"a": "b"})


async def test_a_service_switched_back_by_hand_fails_the_rollout(web: Web) -> None:
    shape = web.shape(TOTAL, BLUE_GREEN, switched=True)
    await web.roll_out(shape)
    await web.edit("services", set_selector(**LABELS))
    assert SELECTS in str((await web.roll_out(shape)).message)
    assert await web.selector() == LABELS
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, LABELS)


async def test_a_selector_edited_by_hand_is_kept(web: Web) -> None:
    shape = web.shape(TOTAL, BLUE_GREEN, switched=True)
    await web.roll_out(shape)
    await web.edit("services", set_selector(**{"boreas.dev/track": "preview"}))
    outcome = await web.roll_back(shape)
    assert outcome.ending is Ending.LEFT and "selects the pods of web-preview, so that was not removed" in str(
        outcome.message
    )
    assert await web.images() == BASE_OLD | {"web-preview": (NEW, TOTAL)}
    (service,) = [
        candidate for candidate in await web.bench.objects("services") if candidate["metadata"]["name"] == "web"
    ]
    assert SELECTOR not in service["metadata"].get("annotations", {})


@pytest.mark.parametrize("edited_weights", [(50, 50), (3, 1), (100, 0)])
async def test_edited_weights_of_a_route_fail_the_rollout(bench: Bench, edited_weights: tuple[int, int]) -> None:
    web = Web(bench, route=True)
    await web.make()
    await web.roll_out(web.shape(1, CANARY, weight=0.1))
    await web.edit("httproutes", set_weights(*edited_weights))
    for shape in (web.shape(2, CANARY, weight=0.5), web.shape(TOTAL, CANARY, weight=1.0, finished=True)):
        outcome = await web.roll_out(shape)
        message = "somebody changed the weights of HTTPRoute web meanwhile; they are left so"
        assert outcome.ending is Ending.FAILED and message in str(outcome.message)
        assert await web.weights() == dict(zip(("web", "web-canary"), edited_weights, strict=True))
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert any("HTTPRoute web meanwhile; all traffic goes back to web" in line for line in web.lines.system)
    assert (await web.weights(), await web.images()) == ({"web": 1}, BASE_OLD)


async def test_a_concurrent_edit_is_detected(web: Web, api_server: ClusterServer) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))

    def switch_before_the_update(method: str, path: str) -> None:
        if method == "PUT" and path.endswith("/services/web"):
            api_server.before = lambda _method, _path: None
            api_server.change("services", "web", set_selector(app="other"), web.bench.connection.namespace)

    api_server.before = switch_before_the_update
    outcome = await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert await web.selector() == {"app": "other"}
