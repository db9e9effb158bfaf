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


def image(to: str) -> Change:
    return lambda body: body["spec"]["template"]["spec"]["containers"][0].update(image=to)


def size(to: int) -> Change:
    return lambda body: body["spec"].update(replicas=to)


def selector(**to: str) -> Change:
    return lambda body: body["spec"].update(selector=to)


def weights(*to: int) -> Change:
    def change(body: dict[str, Any]) -> None:
        for ref, weight in zip(body["spec"]["rules"][0]["backendRefs"], to, strict=True):
            ref["weight"] = weight

    return change


async def test_an_image_changed_before_is_told_and_comes_back(web: Web) -> None:
    await web.edit("deployments", image(ELSE))
    await web.roll_out(web.shape(1, CANARY))
    assert any(f"WARN: web runs {ELSE}, which Boreas did not bring" in line for line in web.lines.system)
    await web.roll_back(web.shape(1, CANARY))
    assert await web.images() == {"web": (ELSE, TOTAL)}


@pytest.mark.parametrize(
    ("name", "change", "fault", "stays"),
    [
        ("web", image(ELSE), f"changed the image of web to {ELSE}", {"web": (ELSE, TOTAL)}),
        ("web", size(5), "scaled web to 5 replicas", {"web": (OLD, 5)}),
        ("web-canary", image(ELSE), f"changed the image of web-canary to {ELSE}", BASE_OLD),
        ("web-canary", size(3), "scaled web-canary to 3 replicas", BASE_OLD),
    ],
)
async def test_a_deployment(web: Web, name: str, change: Change, fault: str, stays: dict[str, tuple[str, int]]) -> None:
    await web.roll_out(web.shape(1, CANARY))
    await web.edit("deployments", change, name)
    before = await web.images()
    outcome = await web.roll_out(web.shape(2, CANARY))
    assert outcome.ending is Ending.FAILED and f"somebody {fault} meanwhile; it is left so" in str(outcome.message)
    assert (await web.images())[name] == before[name]
    ending = Ending.LEFT if "image of web " in fault else Ending.SUCCEEDED
    assert (await web.roll_back(web.shape(2, CANARY))).ending is ending
    assert await web.images() == stays


async def test_a_size_that_is_more_than_asked_for_is_kept_to_the_end(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    await web.edit("deployments", size(5))
    done = web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True)
    for _ in range(2):
        assert (await web.roll_out(done)).ending is Ending.SUCCEEDED
        assert await web.images() == {"web": (NEW, 5)}
    assert "WARN: somebody scaled web to 5 replicas meanwhile; it is left so." in web.lines.system
    await web.edit("deployments", size(2))
    assert (await web.roll_back(done)).ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (OLD, 2)}


async def test_a_manner_of_updates_is_kept(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL))
    await web.edit("deployments", lambda body: body["spec"].update(strategy={"type": "Recreate"}))
    await web.roll_out(web.shape(TOTAL, finished=True))
    (body,) = await web.bench.objects("deployments")
    assert body["spec"]["strategy"]["type"] == "Recreate"


async def test_a_service_that_was_switched(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    await web.edit("services", selector(app="other"))
    done = web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True)
    outcome = await web.roll_out(done)
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert await web.selector() == {"app": "other"}
    assert (await web.roll_back(done)).ending is Ending.LEFT
    assert (await web.images(), await web.selector()) == (BASE_OLD, {"app": "other"})


async def test_a_service_that_is_not_switched_yet_is_followed(web: Web) -> None:
    labels = {"app": "web", "tier": "front"}
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))
    await web.edit("deployments", lambda body: body["spec"]["template"]["metadata"]["labels"].update(labels))
    await web.edit("services", selector(**labels))
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert await web.selector() == labels | {TRACK: "preview"}
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, labels)


async def test_a_service_of_which_somebody_takes_the_track_away_gets_it_again(web: Web) -> None:
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN))
    await web.edit("services", selector(**LABELS))
    assert (await web.roll_out(shape)).ending is Ending.SUCCEEDED
    assert await web.selector() == LABELS | {TRACK: "stable"}


async def test_a_service_of_which_the_new_set_can_not_be_told_apart_any_more(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))
    await web.edit("services", selector(a="b"))
    outcome = await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, {"a": "b"})


async def test_a_service_that_somebody_switched_back(web: Web) -> None:
    shape = web.shape(TOTAL, BLUE_GREEN, switched=True)
    await web.roll_out(shape)
    await web.edit("services", selector(**LABELS))
    assert SELECTS in str((await web.roll_out(shape)).message)
    assert await web.selector() == LABELS
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, LABELS)


async def test_what_a_service_was_given_by_hand_is_not_taken_from_it(web: Web) -> None:
    shape = web.shape(TOTAL, BLUE_GREEN, switched=True)
    await web.roll_out(shape)
    await web.edit("services", selector(**{"boreas.dev/track": "preview"}))
    outcome = await web.roll_back(shape)
    assert outcome.ending is Ending.LEFT and "selects the pods of web-preview, so that was not removed" in str(
        outcome.message
    )
    assert await web.images() == BASE_OLD | {"web-preview": (NEW, TOTAL)}
    (service,) = [each for each in await web.bench.objects("services") if each["metadata"]["name"] == "web"]
    assert SELECTOR not in service["metadata"].get("annotations", {})


@pytest.mark.parametrize("by_hand", [(50, 50), (3, 1), (100, 0)])
async def test_a_route(bench: Bench, by_hand: tuple[int, int]) -> None:
    web = Web(bench, route=True)
    await web.make()
    await web.roll_out(web.shape(1, CANARY, weight=0.1))
    await web.edit("httproutes", weights(*by_hand))
    for shape in (web.shape(2, CANARY, weight=0.5), web.shape(TOTAL, CANARY, weight=1.0, finished=True)):
        outcome = await web.roll_out(shape)
        told = "somebody changed the weights of HTTPRoute web meanwhile; they are left so"
        assert outcome.ending is Ending.FAILED and told in str(outcome.message)
        assert await web.weights() == dict(zip(("web", "web-canary"), by_hand, strict=True))
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert any("HTTPRoute web meanwhile; all traffic goes back to web" in line for line in web.lines.system)
    assert (await web.weights(), await web.images()) == ({"web": 1}, BASE_OLD)


async def test_a_change_at_the_very_moment_is_seen(web: Web, api_server: ClusterServer) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))

    def between(method: str, path: str) -> None:
        if method == "PUT" and path.endswith("/services/web"):
            api_server.before = lambda _method, _path: None
            api_server.change("services", "web", selector(app="other"), web.bench.connection.namespace)

    api_server.before = between
    outcome = await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert outcome.ending is Ending.FAILED and SELECTS in str(outcome.message)
    assert await web.selector() == {"app": "other"}
