"""The log of a waiting rollout has the events of the cluster.

It has each event once, and the reason why pods do not serve.
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
def poll_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll events every 0.1 seconds."""
    monkeypatch.setattr(rollout_events, "POLL_SECONDS", 0.1)


async def new_workload(bench: Bench, image: str = NEW) -> Web:
    web = Web(bench, image=image)
    await web.make()
    web.lines.system.clear()
    return web


async def waiting_lines(web: Web, *texts: str) -> list[str]:
    """Roll out a canary that never becomes ready; return the log once it contains all the texts."""
    rollout = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(lambda: all(any(text in line for line in web.lines.system) for text in texts), " and ".join(texts))
    await asyncio.sleep(0.5)
    rollout.cancel()
    await asyncio.wait([rollout])
    return list(web.lines.system)


async def test_pods_that_are_not_ready_are_logged_with_the_probe_result(
    bench: Bench, api_server: ClusterServer
) -> None:
    del api_server
    web = await new_workload(bench, "shop/unready:2")
    lines = await waiting_lines(web, f"WARN: waiting: 1 of 1 pods of web-canary: not ready: {PROBED} (web-canary-")
    assert len([line for line in lines if line.startswith("WARN: waiting:")]) == 1
    assert [line for line in lines if "Unhealthy" in line and line.startswith("WARN: Pod web-canary-")]


async def test_unschedulable_pods_are_logged_with_the_reason(bench: Bench, api_server: ClusterServer) -> None:
    web = await new_workload(bench)
    port = {"containerPort": 80, "hostPort": 80}
    api_server.change(
        "deployments",
        "web",
        lambda body: body["spec"]["template"]["spec"]["containers"][0].update(ports=[port]),
        bench.connection.namespace,
    )
    bench.rollers.places = 0
    reason = "WARN: waiting: 1 of 1 pods of web-canary: no node can run it (Unschedulable): 0/3 nodes are available"
    assert len([line for line in await waiting_lines(web, reason) if line.startswith(reason)]) == 1


async def test_a_paused_deployment_is_reported_with_the_command_to_resume(
    bench: Bench, api_server: ClusterServer
) -> None:
    del api_server
    web = await new_workload(bench)
    bench.rollers.stopped = True
    await web.edit("deployments", lambda body: body["spec"].update(paused=True))
    rollout = asyncio.create_task(web.roll_out(web.shape(TOTAL)))
    reason = "WARN: waiting: Deployment web is paused, so none of its pods is replaced: kubectl rollout resume"
    reason = f"{reason} deployment/web."
    await eventually(lambda: reason in web.lines.system, reason)
    await web.edit("deployments", lambda body: body["spec"].update(paused=False))
    bench.rollers.stopped = False
    await web.edit("deployments", lambda body: body["metadata"]["annotations"].update(wake="up"))
    await rollout
    assert await web.images() == {"web": (NEW, TOTAL)}


async def test_events_of_the_workload_are_logged_once(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await new_workload(bench, "shop/unready:2")
    base = (await bench.objects("deployments"))[0]
    bench.rollers.record_event("Deployment", base, "Old", "of the time before")
    rollout = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(lambda: any("Unhealthy" in line for line in web.lines.system), "the rollout")
    other_deployment = replace_name(base, "web-admin")
    canary_pod = replace_name(base, "web-canary-5d8f9c7b6d-x2x4z")
    for kind, body in (("Deployment", base), ("Deployment", other_deployment), ("Pod", canary_pod)):
        bench.rollers.record_event(kind, body, "FailedMount", "no such volume")
    bench.rollers.record_event("Deployment", base, "ScalingReplicaSet", "Scaled up replica set web-1 to 3", "Normal")
    bench.rollers.record_event("Deployment", base, "Pulled", "an image is there", "Normal")
    expected_lines = [
        "WARN: Deployment web: FailedMount: no such volume",
        "WARN: Pod web-canary-5d8f9c7b6d-x2x4z: FailedMount: no such volume",
        "Deployment web: ScalingReplicaSet: Scaled up replica set web-1 to 3",
    ]
    await eventually(lambda: set(expected_lines) <= set(web.lines.system), str(expected_lines))
    for _ in range(3):
        bench.rollers.record_event("Deployment", base, "FailedMount", "no such volume")
    repeated_line = "WARN: Deployment web: FailedMount: no such volume (4 times by now)"
    await eventually(lambda: repeated_line in web.lines.system, repeated_line)
    rollout.cancel()
    await asyncio.wait([rollout])
    event_lines = [line for line in web.lines.system if "FailedMount" in line or "Deployment web" in line]
    assert len(event_lines) == len(set(event_lines))
    assert not any("Old" in line or "web-admin" in line or "Pulled" in line for line in web.lines.system)


def replace_name(body: dict[str, Any], name: str) -> dict[str, Any]:
    return body | {"metadata": body["metadata"] | {"name": name, "uid": f"uid-of-{name}"}}


async def test_the_next_worker_logs_events_from_between_two_rollouts(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await new_workload(bench)
    await web.roll_out(web.shape(1, CANARY))
    canary = next(
        deployment
        for deployment in await bench.objects("deployments")
        if deployment["metadata"]["name"] == "web-canary"
    )
    bench.rollers.record_event("Deployment", canary, "BackOff", "it crashed in between")
    line = "WARN: Deployment web-canary: BackOff: it crashed in between"
    assert line not in web.lines.system
    await web.roll_out(web.shape(2, CANARY))
    assert web.lines.system.count(line) == 1


async def test_a_failed_log_ends_the_rollout(bench: Bench, api_server: ClusterServer) -> None:
    del api_server
    web = await new_workload(bench, "shop/unready:2")
    rollout: asyncio.Task[Outcome] = asyncio.create_task(web.roll_out(web.shape(1, CANARY)))
    await eventually(lambda: any("Unhealthy" in line for line in web.lines.system), "the rollout")
    web.lines.failure = RuntimeError("lost")
    bench.rollers.record_event("Deployment", (await bench.objects("deployments"))[0], "FailedMount", "no such volume")
    await asyncio.sleep(0.3)
    rollout.cancel()
    await asyncio.wait([rollout])
    assert rollout.cancelled() or isinstance(rollout.exception(), RuntimeError)
