"""What happens in a cluster while a rollout waits is in its log.

Events once, and why pods do not serve.
"""

import asyncio
from typing import Any

import pytest

from app.core.attempt import Outcome
from app.core.strategy.model import StrategyKind
from app.gateways.operators.kubernetes import rollout_events
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.rollers import PROBED
from tests.gateways.kubernetes.support.operator import Bench, eventually
from tests.gateways.kubernetes.support.workload import NEW, TOTAL, Web

CANARY = StrategyKind.CANARY


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at once."""
    monkeypatch.setattr(rollout_events, "POLL_SECONDS", 0.1)


async def made(bench: Bench, image: str = NEW) -> Web:
    web = Web(bench, image=image)
    await web.make()
    web.lines.system.clear()
    return web


async def told(web: Web, *wanted: str) -> list[str]:
    """Bring one replica of a version that never gets there; return what is said until all of this was."""
    running = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(
        lambda: all(any(each in line for line in web.lines.system) for each in wanted), " and ".join(wanted)
    )
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.wait([running])
    return list(web.lines.system)


async def test_pods_that_are_not_ready_say_what_their_probe_found(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await made(bench, "shop/unready:2")
    lines = await told(web, f"WARN: waiting: 1 of 1 pods of web-canary: not ready: {PROBED} (web-canary-")
    assert len([line for line in lines if line.startswith("WARN: waiting:")]) == 1
    assert [line for line in lines if "Unhealthy" in line and line.startswith("WARN: Pod web-canary-")]


async def test_pods_that_no_node_takes_say_why(bench: Bench, api_server: ClusterServer) -> None:
    web = await made(bench)
    port = {"containerPort": 80, "hostPort": 80}
    api_server.change(
        "deployments",
        "web",
        lambda body: body["spec"]["template"]["spec"]["containers"][0].update(ports=[port]),
        bench.connection.namespace,
    )
    bench.rollers.places = 0
    why = "WARN: waiting: 1 of 1 pods of web-canary: no node can run it (Unschedulable): 0/3 nodes are available"
    assert len([line for line in await told(web, why) if line.startswith(why)]) == 1


async def test_a_deployment_that_is_paused_is_told_of_and_how_to_go_on(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await made(bench)
    bench.rollers.stopped = True
    await web.edit("deployments", lambda body: body["spec"].update(paused=True))
    running = asyncio.create_task(web.roll_out(web.shape(TOTAL)))
    why = "WARN: waiting: Deployment web is paused, so none of its pods is replaced: kubectl rollout resume"
    why = f"{why} deployment/web."
    await eventually(lambda: why in web.lines.system, why)
    await web.edit("deployments", lambda body: body["spec"].update(paused=False))
    bench.rollers.stopped = False
    await web.edit("deployments", lambda body: body["metadata"]["annotations"].update(wake="up"))
    await running
    assert await web.images() == {"web": (NEW, TOTAL)}


async def test_events_are_told_as_they_come_once_and_none_of_others(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await made(bench, "shop/unready:2")
    base = (await bench.objects("deployments"))[0]
    bench.rollers.tell("Deployment", base, "Old", "of the time before")
    running = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(lambda: any("Unhealthy" in line for line in web.lines.system), "the rollout")
    other = replace_name(base, "web-admin")
    mine = replace_name(base, "web-canary-5d8f9c7b6d-x2x4z")
    for kind, body in (("Deployment", base), ("Deployment", other), ("Pod", mine)):
        bench.rollers.tell(kind, body, "FailedMount", "no such volume")
    bench.rollers.tell("Deployment", base, "ScalingReplicaSet", "Scaled up replica set web-1 to 3", "Normal")
    bench.rollers.tell("Deployment", base, "Pulled", "an image is there", "Normal")
    wanted = [
        "WARN: Deployment web: FailedMount: no such volume",
        "WARN: Pod web-canary-5d8f9c7b6d-x2x4z: FailedMount: no such volume",
        "Deployment web: ScalingReplicaSet: Scaled up replica set web-1 to 3",
    ]
    await eventually(lambda: set(wanted) <= set(web.lines.system), str(wanted))
    for _ in range(3):
        bench.rollers.tell("Deployment", base, "FailedMount", "no such volume")
    often = "WARN: Deployment web: FailedMount: no such volume (4 times by now)"
    await eventually(lambda: often in web.lines.system, often)
    running.cancel()
    await asyncio.wait([running])
    heard = [line for line in web.lines.system if "FailedMount" in line or "Deployment web" in line]
    assert len(heard) == len(set(heard))
    assert not any("Old" in line or "web-admin" in line or "Pulled" in line for line in web.lines.system)


def replace_name(body: dict[str, Any], name: str) -> dict[str, Any]:
    return body | {"metadata": body["metadata"] | {"name": name, "uid": f"uid-of-{name}"}}


async def test_what_happened_while_nobody_moved_it_is_told_by_the_worker_that_goes_on(
    bench: Bench, api_server: ClusterServer
) -> None:
    del api_server
    web = await made(bench)
    await web.roll_out(web.shape(1, CANARY))
    canary = next(each for each in await bench.objects("deployments") if each["metadata"]["name"] == "web-canary")
    bench.rollers.tell("Deployment", canary, "BackOff", "it crashed in between")
    line = "WARN: Deployment web-canary: BackOff: it crashed in between"
    assert line not in web.lines.system
    await web.roll_out(web.shape(2, CANARY))
    assert web.lines.system.count(line) == 1


async def test_a_log_that_is_lost_ends_it(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await made(bench, "shop/unready:2")
    running: asyncio.Task[Outcome] = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(lambda: any("Unhealthy" in line for line in web.lines.system), "the rollout")
    web.lines.failure = RuntimeError("lost")
    bench.rollers.tell("Deployment", (await bench.objects("deployments"))[0], "FailedMount", "no such volume")
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled() or isinstance(running.exception(), RuntimeError)
