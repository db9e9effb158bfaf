"""Strategies over the API: accepted, refused, and the progress that a rollout reports."""

import asyncio
from typing import Any

import pytest

from tests.api.support.refusals import place, refused
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import World, world

STRATEGY = "strategy { kind steps { batchSize batchInterval canaryRatio autoRollback requireApproval } }"
STANDS = f"""query($id: ID!) {{ deployment(id: $id) {{ status grayscaleEnabled grayscaleRatio {STRATEGY}
  rollouts {{ stepIndex batch batches updated healthy total weight resumeAt task {{ id }}
    strategy {{ steps {{ manualApprovalStatus }} }} }} }} }}"""
METRIC = {"name": "errors", "prometheusUrl": "http://prometheus:9090", "query": "e", "min": None, "max": 0.01}


async def read_rollout(environment: World, id_: str) -> Data:
    deployment: Data = (await environment.client.query(STANDS, id=id_))["deployment"]
    return deployment


async def until_watched(environment: World, id_: str, step: int) -> Data:
    for _ in range(400):
        deployment = await read_rollout(environment, id_)
        if deployment["rollouts"][0]["resumeAt"] and deployment["rollouts"][0]["stepIndex"] == step:
            return deployment
        await asyncio.sleep(0.05)
    pytest.fail(f"never watched step {step}: {deployment}")


async def test_a_canary_reports_its_progress(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin)
    await environment.application("web", shell={"command": ["true"], "instances": ["a", "b", "c", "d"]})
    steps = [{"canaryRatio": 0.25, "batchInterval": 3600}, {"canaryRatio": 1}]
    id_ = await environment.deploy(strategy={"kind": "CANARY", "steps": steps})
    deployment = await until_watched(environment, id_, 0)
    (rollout,) = deployment["rollouts"]
    assert (deployment["grayscaleEnabled"], deployment["grayscaleRatio"]) == (True, 0.25)
    assert {name: rollout[name] for name in ("batch", "batches", "updated", "healthy", "total", "weight")} == {
        "batch": 1,
        "batches": 2,
        "updated": 1,
        "healthy": 0,
        "total": 4,
        "weight": 0.25,
    }
    assert rollout["strategy"]["steps"] == [{"manualApprovalStatus": None}] * 2
    await system.admin.change("promoteRollout", "deployment { id }", taskId=rollout["task"]["id"])
    await system.admin.until(id_, "SUCCESS")
    assert (await read_rollout(environment, id_))["grayscaleRatio"] == 1.0


async def test_every_step_of_a_blue_green_rollout_is_an_event(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(strategy={"kind": "BLUE_GREEN", "steps": [{"batchInterval": 1}]})
    await system.admin.until(id_, "SUCCESS")
    events = await system.admin.query(
        "query($id: ID!) { deployment(id: $id) { grayscaleEnabled grayscaleRatio"
        " rollouts { history { stepIndex batch startedAt completedAt succeeded metrics { name } } } events { nodes {"
        " ... on RolloutProgressed { rollout { batch batches weight resumeAt } } } } } }",
        id=id_,
    )
    rollouts = [node["rollout"] for node in events["deployment"]["events"]["nodes"] if node]
    assert [(progress["batch"], progress["weight"]) for progress in rollouts] == [(1, 0), (1, 0), (2, 0), *[(2, 1)] * 5]
    assert [bool(progress["resumeAt"]) for progress in rollouts].count(True) == 1
    assert (events["deployment"]["grayscaleEnabled"], events["deployment"]["grayscaleRatio"]) == (False, None)
    [rollout] = events["deployment"]["rollouts"]
    assert [(batch["batch"], batch["succeeded"], batch["metrics"]) for batch in rollout["history"]] == [
        (1, True, []),
        (2, True, []),
    ]
    assert all(batch["startedAt"] <= batch["completedAt"] for batch in rollout["history"])


async def test_a_strategy_is_stored_unchanged(shared: System) -> None:
    environment, base = await place(shared)
    steps: list[Data] = [
        {"batchSize": 2, "batchInterval": 60, "canaryRatio": 0.5, "autoRollback": False},
        {"canaryRatio": 1},
    ]
    payload = await environment.client.change(
        "createDeployment",
        f"deployments {{ {STRATEGY} }}",
        **(base | {"strategy": {"kind": "CANARY", "steps": steps}, "autoStart": False}),
    )
    plain: Data = {"batchSize": 0, "batchInterval": 0, "autoRollback": True, "requireApproval": False}
    assert payload["deployments"][0]["strategy"] == {"kind": "CANARY", "steps": [plain | step for step in steps]}


async def test_an_invalid_strategy_is_refused_with_the_path_of_the_field(shared: System) -> None:
    _, base = await place(shared)

    def strategy(kind: str, *steps: Data) -> Data:
        return {"strategy": {"kind": kind, "steps": list(steps)}}

    at = "strategy.steps"
    table: list[tuple[Data, list[str]]] = [
        (strategy("CANARY", {}), [f"{at}.0.canaryRatio"]),
        (strategy("CANARY", {"canaryRatio": 0.5}), [f"{at}.0.canaryRatio"]),
        (strategy("CANARY", {"canaryRatio": 0.5}, {"canaryRatio": 0.2}), [f"{at}.1.canaryRatio"]),
        (strategy("CANARY", {"canaryRatio": 10}, {"canaryRatio": 100}), [f"{at}.0.canaryRatio", f"{at}.1.canaryRatio"]),
        (strategy("ROLLING", {"canaryRatio": 0.5}), [f"{at}.0.canaryRatio"]),
        (strategy("BLUE_GREEN", {"batchSize": 1}), [f"{at}.0.batchSize"]),
        (strategy("BLUE_GREEN"), [at]),
    ]
    await refused(shared, "createDeployment", base, table)


@pytest.mark.parametrize("more", [{}, {"httpUrl": "http://{instance}/{color}"}, {"command": ["true"]}])
async def test_a_health_check_by_metrics_is_stored(shared: System, more: dict[str, Any]) -> None:
    environment = await world(shared.admin)
    id_ = await environment.application("web", healthCheck={"metrics": [METRIC], **more})
    data = await environment.client.query(
        "query($id: ID!) { application(id: $id) { healthCheck { command httpUrl"
        " metrics { name prometheusUrl query min max } } } }",
        id=id_,
    )
    assert data["application"]["healthCheck"] == {"command": None, "httpUrl": None, "metrics": [METRIC], **more}


async def test_an_invalid_health_check_is_refused_with_the_path_of_the_field(shared: System) -> None:
    table: list[tuple[Data, list[str]]] = [
        ({"healthCheck": {}}, ["healthCheck"]),
        ({"healthCheck": {"command": ["a"], "httpUrl": "http://a"}}, ["healthCheck"]),
        ({"healthCheck": {"metrics": [METRIC | {"max": None}]}}, ["healthCheck.metrics.0"]),
        ({"healthCheck": {"metrics": [METRIC | {"min": 1}]}}, ["healthCheck.metrics.0.max"]),
        ({"healthCheck": {"metrics": [METRIC | {"prometheusUrl": "x"}]}}, ["healthCheck.metrics.0.prometheusUrl"]),
    ]
    await refused(shared, "createApplication", {"name": "metric", "shell": {"command": ["true"]}}, table)
