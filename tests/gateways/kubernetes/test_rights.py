"""The role in the manifests has exactly the rights that the operator uses."""

from app.core.kubernetes.workloads import TRACK
from app.core.strategy.model import StrategyKind
from app.ports import Origin
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.fake_cluster import allowed
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually
from tests.gateways.kubernetes.support.workload import LABELS, TOTAL, InPlace, Web

TAKEN = Origin(deployment_id="dep_01", task_id="tsk_01hzz", run="0", attempt=2)


async def test_the_role_of_a_worker_has_exactly_the_rights_it_uses(bench: Bench, api_server: ClusterServer) -> None:
    web = Web(bench, route=True)
    await web.make()
    await bench.run("true")
    await bench.run("true", origin=TAKEN)  # another attempt goes on with the Job of the first one
    bench.nodes.refusal = "exceeded quota: small"
    await bench.run("true", run="2", timeout_seconds=2)
    bench.nodes.refusal = None
    await bench.operator.list_runs(bench.connection)
    killed_execution = bench.start("sleep", "60", lines=Lines(), run="1")
    await eventually(lambda: any("-1-" in call and "log" in call for call in api_server.asked))
    listeners, api_server.listeners = api_server.listeners, []
    killed_execution.stop()
    await eventually(lambda: any(call.startswith("DELETE") for call in api_server.asked))
    killed_execution.kill()
    await killed_execution.wait()
    api_server.listeners = listeners
    await web.roll_out(web.shape(1, StrategyKind.CANARY))
    await web.roll_out(web.shape(TOTAL, StrategyKind.CANARY, finished=True))
    await web.edit("deployments", lambda body: body["spec"]["template"]["metadata"]["labels"].pop(TRACK))
    spec = {"minAvailable": 1, "selector": {"matchLabels": LABELS}}
    await web.create("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": spec})
    await web.roll_out(web.shape(TOTAL, StrategyKind.BLUE_GREEN, switched=True))
    await web.roll_out(web.shape(TOTAL, StrategyKind.BLUE_GREEN, switched=True, finished=True))
    for kind in ("statefulsets", "daemonsets"):
        await (workload := InPlace(bench, kind, type="OnDelete")).make()
        await workload.roll_out(workload.shape(TOTAL, finished=True))
    assert api_server.rights == allowed()
