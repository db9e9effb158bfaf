"""Applications that are archived while deployments of them wait, have failed, or are rolled back.

In: deployments in each of these states, and an application that is archived. Out: what may still run, and the refusals.
"""

from app.core.errors import ErrorCode
from app.services import allowed_actions, applications, deployments
from app.services.allowed_actions import Caller
from tests.services.support.commands import FAILURE, node
from tests.services.support.engine import D, Engine, Site


async def archive(site: Site) -> None:
    await site.engine.call(applications.archive, site.applications["web"])


async def test_a_waiting_deployment_of_an_archived_application_is_cancelled_with_a_reason(
    engine: Engine, site: Site
) -> None:
    await site.application("web")
    first_id = await site.deploy("v1", node("hold"))
    waiting_id = await site.deploy("v2")
    await archive(site)
    await engine.cancel(first_id)
    story = await engine.until(waiting_id, D.CANCELLED)
    assert "“web” was archived while it waited" in (story.deployment.error_message or "")


async def test_starting_is_refused_until_the_application_is_unarchived(engine: Engine, site: Site) -> None:
    await site.application("web")
    id_ = await site.deploy(auto_start=False)
    await archive(site)
    problem = await engine.refusal(deployments.start, id_)
    assert (problem.code, "unarchiveApplication" in problem.message) == (ErrorCode.WRONG_STATE, True)
    deployment = (await engine.story(id_)).deployment
    assert (await allowed_actions.why_not_start([deployment]))[id_] == problem
    await engine.call(applications.unarchive, site.applications["web"])
    assert (await engine.refusal(applications.unarchive, site.applications["web"])).code is ErrorCode.WRONG_STATE
    await engine.worker()
    await engine.call(deployments.start, id_)
    await engine.until(id_, D.SUCCESS)


async def test_a_failed_deployment_of_an_archived_application_is_not_retried(engine: Engine, site: Site) -> None:
    await site.application("web")
    await engine.worker()
    id_ = await site.deploy("v1", node("a", command=FAILURE))
    await engine.until(id_, D.FAILED)
    await archive(site)
    problem = await engine.refusal(deployments.retry, id_)
    assert (problem.code, "is archived" in problem.message) == (ErrorCode.WRONG_STATE, True)
    deployment = (await engine.story(id_)).deployment
    caller = Caller(engine.runtime, engine.principal)
    assert (await allowed_actions.why_not_retry(caller, [deployment]))[id_] == problem


async def test_a_successful_deployment_of_an_archived_application_is_rolled_back(engine: Engine, site: Site) -> None:
    await site.application("web")
    await site.application("api")
    await engine.worker()
    await site.deployed("v1")
    second_story = await site.deployed("v2")
    await archive(site)
    rollback_id = await engine.roll_back(second_story.deployment.id)
    await engine.until(rollback_id, D.SUCCESS)
    assert await site.releases() == {"web": "v1", "api": "v1"}
