"""The observation of a rollout.

It detects pods that crash, are unready for a while, or are replaced, and rollbacks by people.

`kubectl rollout undo` brings an old template back, and with it the annotations of that time.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import Shape, StrategyKind
from tests.chaos.cluster import pod_states
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import NEW, OLD, TOTAL, Web

CANARY, BLUE_GREEN, ROLLING = StrategyKind.CANARY, StrategyKind.BLUE_GREEN, StrategyKind.ROLLING
LATER = "2999-01-01T00:00:00Z"
SHAPES = {
    "share": Shape(kind=ROLLING, updated=1, total=TOTAL, weight=0.3),
    "canary": Shape(kind=CANARY, updated=1, total=TOTAL, weight=0.3),
    "at once": Shape(kind=ROLLING, updated=TOTAL, total=TOTAL, weight=1.0),
    "preview": Shape(kind=BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=0.0),
    "switched": Shape(kind=BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=1.0, switched=True),
}
EVERY_SHAPE = pytest.mark.parametrize("name", SHAPES)
Body = dict[str, Any]


@pytest.fixture
async def web(bench: Bench, api_server: ClusterServer) -> Web:
    """A workload that runs the old version."""
    del api_server
    web = Web(bench)
    await web.make()
    return web


def flap(pod: Body) -> None:
    pod["status"]["conditions"][0]["lastTransitionTime"] = LATER


def make_unready(pod: Body) -> None:
    pod["status"]["conditions"][0] |= {"status": "False", "message": "readiness probe failed"}


def restart(pod: Body) -> None:
    pod_states.set_ready(pod, ready=True, restarts=1)


def crash_loop(pod: Body) -> None:
    pod_states.set_ready(pod, ready=False, restarts=3, reason="CrashLoopBackOff")


@EVERY_SHAPE
async def test_a_rollout_whose_pods_stay_ready_succeeds(web: Web, name: str) -> None:
    await web.roll_out(SHAPES[name])
    for _ in range(2):
        assert (await web.observe(SHAPES[name])).message is None


@EVERY_SHAPE
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (restart, "was restarted 1 time"),
        (crash_loop, "keeps crashing (CrashLoopBackOff)"),
        (make_unready, "is no longer ready: readiness probe failed"),
        (flap, f"was not ready for a while, until {LATER}"),
    ],
)
async def test_a_pod_that_loses_readiness_fails_the_rollout(
    web: Web, api_server: ClusterServer, name: str, change: Callable[[Body], None], reason: str
) -> None:
    await web.roll_out(SHAPES[name])
    pod = next(candidate for candidate in api_server.of("pods") if candidate["spec"]["containers"][0]["image"] == NEW)
    api_server.change("pods", pod["metadata"]["name"], change, web.bench.connection.namespace)
    outcome = await web.observe(SHAPES[name])
    assert outcome.ending is Ending.FAILED and reason in str(outcome.message)
    assert pod["metadata"]["name"] in str(outcome.message)


async def test_old_pods_and_replacement_pods_are_not_judged(web: Web, api_server: ClusterServer) -> None:
    await web.roll_out(SHAPES["canary"])
    space = web.bench.connection.namespace
    for pod in api_server.of("pods"):
        if pod["spec"]["containers"][0]["image"] == OLD:
            api_server.change("pods", pod["metadata"]["name"], restart, space)
        else:
            api_server.remove(("pods", space, pod["metadata"]["name"]))
    assert (await web.observe(SHAPES["canary"])).message is None


@EVERY_SHAPE
@pytest.mark.parametrize("observes", [True, False], ids=["looked at", "gone on with"])
async def test_an_undo_by_hand_is_detected_and_rolled_back(
    web: Web, api_server: ClusterServer, name: str, observes: bool
) -> None:
    space = web.bench.connection.namespace
    earlier_deployment = copy.deepcopy(next(iter(api_server.of("deployments"))))
    earlier_deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.k8s.io/pause:3.8"
    await web.roll_out(SHAPES[name])
    is_on_base = name == "at once"

    def undo_rollout(body: Body) -> None:
        body["metadata"]["annotations"] = earlier_deployment["metadata"].get("annotations") or {}
        template = copy.deepcopy(earlier_deployment["spec"]["template"])
        if is_on_base:
            template["spec"]["containers"][0]["image"] = OLD
        body["spec"]["template"] = template

    api_server.change("deployments", "web", undo_rollout, space)
    outcome = await (web.observe(SHAPES[name]) if observes else web.roll_out(SHAPES[name]))
    assert outcome.ending is Ending.FAILED and "somebody changed the image of web" in str(outcome.message)
    rollback = await web.roll_back(SHAPES[name])
    assert rollback.ending is (Ending.SUCCEEDED if is_on_base else Ending.LEFT)
    assert {name: size for name, (_, size) in (await web.images()).items()} == {"web": TOTAL}


@pytest.mark.parametrize("name", ["share", "canary", "preview", "switched"])
async def test_a_deleted_second_set_is_created_again(web: Web, api_server: ClusterServer, name: str) -> None:
    await web.roll_out(SHAPES[name])
    second_set = next(candidate for candidate in await web.images() if candidate != "web")
    api_server.remove(("deployments", web.bench.connection.namespace, second_set))
    assert await web.size() == TOTAL
    assert (await web.observe(SHAPES[name])).message is None
    assert (await web.images())[second_set][0] == NEW
    assert any(f"somebody deleted {second_set} during the rollout" in line for line in web.lines.system)


async def test_a_second_set_deleted_after_its_rollout_has_no_effect(web: Web, api_server: ClusterServer) -> None:
    await web.roll_out(web.shape(2, CANARY), deployment_id="dep_01b", image="registry.k8s.io/pause:3.8")
    api_server.remove(("deployments", web.bench.connection.namespace, "web-canary"))
    assert await web.size() == TOTAL
    assert (await web.roll_out(web.shape(TOTAL, finished=True))).message is None
    assert await web.images() == {"web": (NEW, TOTAL)}
