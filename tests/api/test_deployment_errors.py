"""Errors of invalid deployments: all faults are reported at once, and no row is stored."""

from collections.abc import Sequence

from tests.api.support.refusals import TRUE, Refusals, code_and_path, deploy, invalid, missing, place, refusal, refused
from tests.api.support.rows import contents, database
from tests.api.support.wire import code
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import task, world


async def test_an_invalid_deployment_is_refused_with_the_path_of_the_field(shared: System) -> None:
    environment, base = await place(shared)
    users, orders, foreign = *environment.applications.values(), await (await world(shared.admin)).application("other")
    env = environment.environment_id
    table: Refusals = [
        ({"environmentIds": []}, ["environmentIds"]),
        ({"environmentIds": [env, env]}, ["environmentIds"]),
        ({"environmentIds": ["nobody", env, users]}, [missing("environmentIds"), missing("environmentIds")]),
        ({"applicationIds": []}, ["applicationIds"]),
        ({"applicationIds": [users, users]}, ["applicationIds"]),
        ({"applicationIds": [users, foreign, "nobody"]}, ["applicationIds", missing("applicationIds")]),
        ({"mustInOrder": [orders, orders]}, ["mustInOrder"]),
        ({"mustInOrder": [foreign]}, ["mustInOrder"]),
        ({"mustInOrder": ["nobody"]}, [missing("mustInOrder")]),
        ({"applicationIds": [users], "mustInOrder": [orders]}, ["mustInOrder"]),
        ({"strategy": {"kind": "ROLLING", "steps": []}}, ["strategy.steps"]),
        ({"strategy": {"kind": "ROLLING", "steps": [{"batchSize": -1}]}}, ["strategy.steps.0.batchSize"]),
        ({"strategy": {"kind": "ROLLING", "steps": [{"batchInterval": -1}]}}, ["strategy.steps.0.batchInterval"]),
        ({"tasks": []}, ["tasks"]),
        ({"tasks": [task("a", payload=[1])]}, ["tasks.0.payload"]),
        ({"tasks": [task("a", payload={"deep": [{"text": "a\0b"}]})]}, ["tasks.0.payload"]),
        ({"tasks": [task("a", payload={"a\0b": 1})]}, ["tasks.0.payload"]),
        ({"tasks": [task("a"), task(" ", name="a\nb")]}, ["tasks.1.key", "tasks.1.name"]),
        ({"tasks": [task("a", command={"command": ["a\0b"]})]}, ["tasks.0.command.command"]),
        ({"tasks": [task("a", command=TRUE | {"env": {"1A": "x"}})]}, ["tasks.0.command.env.1A"]),
        ({"tasks": [task("a", command=TRUE | {"env": 5})]}, ["tasks.0.command.env"]),
        ({"tasks": [task("a", command=TRUE | {"image": "a\0b"})]}, ["tasks.0.command.image"]),
        ({"tasks": [task("a", timeoutSeconds=0, maxAttempts=101)]}, ["tasks.0.timeoutSeconds", "tasks.0.maxAttempts"]),
        ({"environmentIds": ["nobody"], "applicationIds": ["nobody"], "mustInOrder": ["nobody", "nobody"]},
         [missing("environmentIds"), missing("applicationIds"), "mustInOrder"]),
    ]  # fmt: skip
    await refused(shared, "createDeployment", base, table)


async def test_a_deployment_of_an_unknown_version_names_it(shared: System) -> None:
    environment, base = await place(shared)
    for id_ in ("nobody", environment.environment_id, base["versionId"][:-1] + "!"):
        (error,) = await refusal(shared.admin, "createDeployment", base | {"versionId": id_})
        assert code_and_path([error]) == [("NotFound", "NOT_FOUND", "versionId")]
        assert error["objectId"] == id_


async def test_an_archived_application_cannot_be_deployed(shared: System) -> None:
    environment, base = await place(shared)
    await shared.admin.change("archiveApplication", "application { archivedAt }", id=environment.applications["users"])
    assert code_and_path(await refusal(shared.admin, "createDeployment", base)) == invalid("applicationIds")
    assert (
        await refusal(shared.admin, "createDeployment", base | {"applicationIds": [environment.applications["orders"]]})
        == []
    )


async def test_a_huge_integer_in_a_payload_is_refused_or_stored(shared: System) -> None:
    _, base = await place(shared)
    tasks = [task("a", payload={"number": 10**40})]
    errors = await refusal(shared.admin, "createDeployment", base | {"tasks": tasks})
    assert code_and_path(errors) in ([], invalid("tasks.0.payload"))


def faults(errors: Sequence[Data]) -> list[tuple[str, list[str]]]:
    assert all(error["__typename"] == "WorkflowFault" and error["code"] == "INVALID" for error in errors), errors
    return [(error["kind"], error["taskKeys"]) for error in errors]


async def test_all_faults_of_a_graph_are_reported_at_once(shared: System) -> None:
    environment, base = await place(shared, "SHELL")
    users, orders = environment.applications.values()
    of_users = {"applicationId": users, "command": TRUE}
    table: list[tuple[list[Data], list[tuple[str, list[str]]]]] = [
        ([task("a", "b", command=TRUE), task("b", "c", command=TRUE), task("c", "a", command=TRUE)],
         [("CYCLE", ["a", "b", "c", "a"])]),
        ([task("a", command=TRUE), task("b", "a", "c", command=TRUE), task("c", "b", command=TRUE)],
         [("CYCLE", ["b", "c", "b"])]),
        ([task("a", "ghost", command=TRUE)], [("UNKNOWN_BLOCKER", ["a", "ghost"])]),
        ([task("a", command=TRUE), task("a", command=TRUE)], [("DUPLICATE_KEY", ["a"])]),
        ([task("a")], [("MISSING_COMMAND", ["a"])]),
        ([task("a", type="BUILD", command=TRUE)], [("UNKNOWN_APPLICATION", ["a"])]),
        ([task("a", applicationId="nobody", command=TRUE)], [("UNKNOWN_APPLICATION", ["a"])]),
        ([task("a", command={"command": ["echo", "${{ parameters.colour }}"]})], [("MISSING_PARAMETER", ["a"])]),
        ([task("deploy", type="DEPLOY", applicationId=users), task("build", "deploy", type="BUILD", **of_users)],
         [("TYPE_ORDER", ["build", "deploy"])]),
        ([task("a", "ghost", command=TRUE), task("a", command=TRUE), task("b"), task("c", type="TEST")],
         [("DUPLICATE_KEY", ["a"]), ("UNKNOWN_BLOCKER", ["a", "ghost"]), ("MISSING_COMMAND", ["b"]),
          ("UNKNOWN_APPLICATION", ["c"]), ("MISSING_COMMAND", ["c"])]),
    ]  # fmt: skip
    contents_before = await contents(shared)
    for tasks, expected in table:
        assert faults(await refusal(shared.admin, "createDeployment", base | {"tasks": tasks})) == expected
    deploys = [task(name, type="DEPLOY", applicationId=id_) for name, id_ in environment.applications.items()]
    errors = await refusal(shared.admin, "createDeployment", base | {"tasks": deploys, "mustInOrder": [users, orders]})
    assert faults(errors) == [("MUST_IN_ORDER", ["orders", "users"])]
    assert await contents(shared) == contents_before


async def test_a_task_that_waits_for_itself_is_a_fault(shared: System) -> None:
    _, base = await place(shared)
    errors = faults(await refusal(shared.admin, "createDeployment", base | {"tasks": [task("a", "a")]}))
    assert ("SELF_BLOCK", ["a"]) in errors


async def test_two_thousand_tasks_are_stored_and_one_more_is_refused(shared: System) -> None:
    _, base = await place(shared)
    tasks = [task(f"t{number}") for number in range(2001)]
    errors = await refusal(shared.admin, "createDeployment", base | {"tasks": tasks})
    assert faults(errors) == [("TOO_LARGE", [])]
    assert await refusal(shared.admin, "createDeployment", base | {"tasks": tasks[:2000]}) == []


async def test_a_plan_reports_the_same_faults_and_stores_nothing(shared: System) -> None:
    _, base = await place(shared)
    contents_before = await contents(shared)
    document = """query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) {
      levels criticalPath gate { canProceed } tasks { key } faults { __typename code kind taskKeys } } }"""
    for tasks, expected in (([task("a", "b"), task("b", "a")], [("CYCLE", ["a", "b", "a"])]), (None, [])):
        plan = (await shared.admin.query(document, input=base | {"tasks": tasks}))["deploymentPlan"]
        assert faults(plan["faults"]) == expected
        assert bool(plan["levels"]) is bool(plan["criticalPath"]) is (not expected)
        assert not plan["gate"]["canProceed"]
    refusal_ = await shared.admin.execute(document, input=base | {"versionId": "nobody"})
    assert code(refusal_) == "NOT_FOUND"
    assert await contents(shared) == contents_before


# States


START, CANCEL, RETRY, ROLL_BACK = "startDeployment", "cancelDeployment", "retryDeployment", "rollbackDeployment"
MAY = {
    # what can be done to a deployment in each state; QUEUED is PENDING, and started
    "PENDING": {START, CANCEL},
    "QUEUED": {CANCEL},
    "RUNNING": {CANCEL, ROLL_BACK},
    "ROLLING_BACK": {CANCEL},
    "SUCCESS": set[str](),  # it rolls back where something ran before
    "FAILED": {RETRY, ROLL_BACK},
    "ROLLED_BACK": set[str](),
    "CANCELLED": set[str](),
}


async def test_an_action_that_the_state_forbids_is_wrong_state(shared: System) -> None:
    _, base = await place(shared)
    for state, may in MAY.items():
        fresh = None
        for mutation in sorted((START, CANCEL, RETRY, ROLL_BACK), key=may.__contains__):
            deployment = fresh or await in_state(shared, base, state)
            reason = {"reason": "a test"} if mutation in (CANCEL, ROLL_BACK) else {}
            answer = await shared.admin.mutate(mutation, "__typename", id=deployment, **reason)
            expected = [] if mutation in may else [("WrongState", "WRONG_STATE", "id")]
            assert code_and_path(answer["errors"]) == expected, (state, mutation)
            fresh = None if mutation in may else deployment


async def in_state(system: System, base: Data, state: str) -> str:
    """Create a deployment in an environment of its own, and put it into a state."""
    deployment = await deploy(system.admin, base | {"environmentIds": [(await world(system.admin)).environment_id]})
    await set_status(system, deployment, state)
    return deployment


async def set_status(system: System, deployment: str, state: str) -> None:
    """Put a deployment into a state by changing its rows."""
    async with database(system) as connection:
        if state != "PENDING":
            await connection.execute("UPDATE deployments SET queued_at = now() WHERE id = $1", deployment)
        if state != "QUEUED":
            await connection.execute("UPDATE deployments SET status = $2 WHERE id = $1", deployment, state)


async def test_an_empty_reason_is_refused(shared: System) -> None:
    _, base = await place(shared)
    deployment = await deploy(shared.admin, base)
    for mutation in ("cancelDeployment", "rollbackDeployment"):
        for reason in ("", "  \n", "a\0b", "a" * 10_001):
            answer = await shared.admin.mutate(mutation, "__typename", id=deployment, reason=reason)
            assert code_and_path(answer["errors"]) == invalid("reason")


async def test_a_failed_deployment_cannot_be_retried_while_another_holds_its_application(shared: System) -> None:
    _, base = await place(shared)
    failed = await deploy(shared.admin, base)
    await set_status(shared, failed, "FAILED")
    holder = await deploy(shared.admin, base | {"autoStart": True})
    for mutation, reason in (("retryDeployment", {}), ("rollbackDeployment", {"reason": "a test"})):
        answer = await shared.admin.mutate(mutation, "__typename", id=failed, **reason)
        assert [(error["code"], error["path"]) for error in answer["errors"]] == [("LOCKED", ["id"])]
        assert holder in answer["errors"][0]["message"]
