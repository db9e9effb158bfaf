"""Rolling back a successful deployment: a new deployment of the version before, or a refusal."""

import pytest

from app.core.application import ShellTarget
from app.core.errors import ErrorCode
from app.services import applications, deployments
from app.services.deployments import ReasonedAction
from tests.services.support.commands import FAILURE, NOTHING, Notes
from tests.services.support.engine import D, Engine, Site, rolling

FACTS = "$BOREAS_APPLICATION $BOREAS_VERSION from $BOREAS_PREVIOUS_VERSION"


async def refusal(engine: Engine, id_: str) -> str:
    """Check that a rollback is refused with WRONG_STATE, and return the message."""
    problem = await engine.refusal(deployments.roll_back, ReasonedAction(id_, "worse than before"))
    assert problem.code is ErrorCode.WRONG_STATE
    return problem.message


async def test_the_previous_version_is_deployed_as_a_new_deployment(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("users", notes.take(FACTS))
    await site.application("web", notes.take(FACTS))
    first_story = await site.deployed("v1", must_in_order=("web", "users"))
    second_story = await site.deployed("v2", must_in_order=("web", "users"), strategy=rolling(1))
    rollback = await engine.until(await engine.roll_back(second_story.deployment.id), D.SUCCESS)
    assert rollback.deployment.id != second_story.deployment.id
    assert (rollback.deployment.rollback_of, rollback.deployment.version_id) == (
        second_story.deployment.id,
        first_story.deployment.version_id,
    )
    assert (rollback.deployment.strategy, rollback.deployment.must_in_order) == (
        rolling(1),
        second_story.deployment.must_in_order,
    )
    assert notes.lines[-2:] == ["web v1 from v2", "users v1 from v2"]
    assert (await engine.story(second_story.deployment.id)).status is D.SUCCESS
    assert await site.releases() == {"users": "v1", "web": "v1"}


async def test_a_rollback_can_be_rolled_back(engine: Engine, site: Site, notes: Notes) -> None:
    await engine.worker()
    await site.application("web", notes.take("$BOREAS_VERSION"))
    await site.deployed("v1")
    second_story = await site.deployed("v2")
    rollback = await engine.until(await engine.roll_back(second_story.deployment.id), D.SUCCESS)
    await engine.until(await engine.roll_back(rollback.deployment.id), D.SUCCESS)
    assert notes.lines == ["v1", "v2", "v1", "v2"]


async def test_a_first_deployment_has_nothing_to_roll_back_to(engine: Engine, site: Site) -> None:
    await engine.worker()
    story = await site.deployed("v1")
    assert "No version ran before" in await refusal(engine, story.deployment.id)


async def test_a_replaced_deployment_is_not_rolled_back(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.deployed("v1")
    second_story, third_story = await site.deployed("v2"), await site.deployed("v3")
    assert third_story.deployment.id in await refusal(engine, second_story.deployment.id)


async def test_applications_of_different_versions_are_not_rolled_back_together(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("users")
    await site.application("web")
    await site.deployed("v1", only=["users"])
    await site.deployed("v2", only=["web"])
    third_story = await site.deployed("v3")
    assert "v1, v2" in await refusal(engine, third_story.deployment.id)


async def test_applications_that_are_new_stay_deployed(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.application("users")
    await site.deployed("v1")
    await site.application("web")
    second_story = await site.deployed("v2")
    await engine.until(await engine.roll_back(second_story.deployment.id), D.SUCCESS)
    assert await site.releases() == {"users": "v1", "web": "v2"}


async def test_a_repeated_request_makes_one_rollback(engine: Engine, site: Site) -> None:
    await engine.worker()
    await site.deployed("v1")
    second_story = await site.deployed("v2")
    order = ReasonedAction(second_story.deployment.id, "worse than before")
    results = [await engine.call(deployments.roll_back, order, key="once") for _ in range(2)]
    assert results[0] == results[1]
    await engine.until(results[0][0], D.SUCCESS)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 10_001, "a\0b"])
async def test_a_rollback_needs_a_reason(engine: Engine, trial: Site, reason: str) -> None:
    id_ = await trial.deploy()
    for use_case in (deployments.roll_back, deployments.cancel):
        problem = await engine.refusal(use_case, ReasonedAction(id_, reason))
        assert (problem.code, problem.path) == (ErrorCode.INVALID, ("reason",))


async def test_a_failed_deployment_is_not_rolled_back_over_a_newer_one(engine: Engine, site: Site) -> None:
    await engine.worker()
    app = await site.application("web")
    await site.deployed("v1")
    await engine.change(applications.update, app, shell=ShellTarget(FAILURE, rollback_command=NOTHING))
    failed = await engine.until(await site.deploy("v2", strategy=rolling(auto_rollback=False)), D.FAILED)
    await engine.change(applications.update, app, shell=ShellTarget(NOTHING))
    await site.deployed("v3")
    assert await refusal(engine, failed.deployment.id)
    assert await site.releases() == {"web": "v3"}
