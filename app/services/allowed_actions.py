"""Whether deployments may be started, retried or rolled back, which depends on other deployments.

The answers refuse mutations and tell the console which buttons to enable. Each function answers for any number of
deployments with the same number of queries.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from app.core import admission, allowed_actions, compatibility, freeze
from app.core.access import Principal
from app.core.deployment import Deployment, DeploymentStatus
from app.core.environment import Environment, Release
from app.core.errors import Frozen, Locked, Problem, WrongState
from app.core.roles import Role
from app.core.version import Version
from app.services.drafts import DeploymentRequest
from app.services.freezes import statuses
from app.services.runtime import Runtime
from app.store import admission as admission_store
from app.store import applications as application_store
from app.store import definitions as definition_store
from app.store import deployments as store
from app.store import environments as environment_store
from app.store import versions as version_store
from app.store.definitions import PastDefinition

Deployments = Sequence[Deployment]
Answers = dict[str, Problem | None]
"""Why not, by a deployment's id; None if it is allowed."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal who asks, and the runtime.

    Messages do not name deployments that the principal may not see.
    """

    runtime: Runtime
    principal: Principal

    async def labels(self, ids: Iterable[str]) -> dict[str, str]:
        """Return how messages call deployments, by id."""
        deployments = await store.by_ids(list(ids))
        return {
            id_: f"deployment {id_}" if self.principal.allows_on(Role.VIEWER, deployment) else "another deployment"
            for id_, deployment in deployments.items()
        }


async def why_not_start(deployments: Deployments) -> Answers:
    """Return why deployments may not be started: their state, or an application that was archived since."""
    answers = _by_state(deployments, allowed_actions.why_not_start)
    return answers | await _archived(_allowed(deployments, answers))


async def why_not_retry(caller: Caller, deployments: Deployments) -> Answers:
    """Return why deployments may not be retried: their state, or what `why_not_resume` says."""
    answers = _by_state(deployments, allowed_actions.why_not_retry)
    return answers | await why_not_resume(caller, _allowed(deployments, answers))


async def why_not_resume(caller: Caller, deployments: Deployments) -> Answers:
    """Return why failed deployments may not run again.

    The reason is another deployment, a freeze, or an archived application.
    """
    if not deployments:
        return {}
    superseded = await _superseded(caller, deployments)
    environment_ids = {deployment.environment_id for deployment in deployments}
    freezes = await statuses(caller.runtime, list(environment_ids))
    archived = await _archived(deployments)
    return {
        deployment.id: superseded[deployment.id]
        or _frozen(deployment, freezes[deployment.environment_id])
        or archived[deployment.id]
        for deployment in deployments
    }


async def why_not_roll_back(caller: Caller, deployments: Deployments) -> Answers:
    """Return why deployments may not be rolled back.

    A running one may; a failed one, unless it was superseded; a successful one, if there is something to return to.
    """
    answers = _by_state(deployments, allowed_actions.why_not_roll_back)
    possible = _allowed(deployments, answers)
    failed = [deployment for deployment in possible if deployment.status is DeploymentStatus.FAILED]
    succeeded = [deployment for deployment in possible if deployment.status is DeploymentStatus.SUCCESS]
    requests = await rollback_requests(caller, succeeded)
    problems = {id_: request for id_, request in requests.items() if isinstance(request, Problem)}
    return answers | await _superseded(caller, failed) | problems


def _by_state(deployments: Deployments, why_not: Callable[[Deployment], str | None]) -> Answers:
    return {deployment.id: _wrong_state(deployment, why_not(deployment)) for deployment in deployments}


def _allowed(deployments: Deployments, answers: Answers) -> Deployments:
    return [deployment for deployment in deployments if answers[deployment.id] is None]


async def rollback_requests(caller: Caller, deployments: Deployments) -> dict[str, DeploymentRequest | Problem]:
    """Return the requests that roll successful deployments back, or why there is none, by deployment.

    The request deploys the version that ran before, with the definitions it ran with. It needs no approval if these are
    proven: copied into the last successful deployment of that version in that environment.
    """
    if not deployments:
        return {}
    environment_ids = list({deployment.environment_id for deployment in deployments})
    environments = await environment_store.by_ids(environment_ids)
    releases = {
        (release.environment_id, release.application_id): release
        for release in await environment_store.releases_in(environment_ids)
    }
    definitions = await definition_store.previous_definitions([deployment.id for deployment in deployments])
    applications = [application for deployment in deployments for application in deployment.applications]
    version_ids = {application.previous_version_id for application in applications if application.previous_version_id}
    versions = await version_store.by_ids(list(version_ids))
    labels = await caller.labels({release.deployment_id for release in releases.values()})
    return {
        deployment.id: _replaced(deployment, releases, labels)
        or _rollback_request(deployment, environments[deployment.environment_id], definitions[deployment.id], versions)
        for deployment in deployments
    }


def _replaced(
    deployment: Deployment, releases: Mapping[tuple[str, str], Release], labels: Mapping[str, str]
) -> Problem | None:
    """Return the problem that a later deployment replaced one of its applications."""
    for application_id in deployment.application_ids:
        release = releases.get((deployment.environment_id, application_id))
        if release and release.deployment_id != deployment.id:
            by = labels[release.deployment_id]
            return _wrong_state(deployment, f"This deployment no longer runs: {by} replaced it. Roll that one back.")
    return None


def _rollback_request(
    deployment: Deployment,
    environment: Environment,
    definitions: Mapping[str, PastDefinition],
    versions: Mapping[str, Version],
) -> DeploymentRequest | Problem:
    """Return the request that rolls a deployment back, or why there is none.

    `definitions` are by application.
    """
    previous = {
        application.application_id: application.previous_version_id
        for application in deployment.applications
        if application.previous_version_id
    }
    version_ids = set(previous.values())
    if not version_ids or definitions.keys() != previous.keys():
        message = "No version ran before this deployment, so there is nothing to roll back to."
        return WrongState(message=message, status=deployment.status, path=("id",))
    if len(version_ids) > 1:
        names = ", ".join(sorted(versions[id_].name for id_ in version_ids))
        message = f"Its applications ran different versions before ({names}). Deploy each of these versions instead."
        return WrongState(message=message, status=deployment.status, path=("id",))
    strategy = replace(
        deployment.strategy, steps=tuple(replace(step, require_approval=False) for step in deployment.strategy.steps)
    )
    for id_ in previous:
        problem = next(compatibility.problems(environment, definitions[id_].definition, strategy.kind), None)
        if problem is not None:
            return WrongState(message=problem.message, status=deployment.status, path=("id",))
    return DeploymentRequest(
        version_id=version_ids.pop(),
        environment_ids=(deployment.environment_id,),
        application_ids=tuple(previous),
        must_in_order=tuple(id_ for id_ in deployment.must_in_order if id_ in previous),
        strategy=strategy,
        rollback_of=deployment.id,
        definitions=tuple(definitions[id_].definition for id_ in previous),
        proven=all(definitions[id_].proven for id_ in previous),
    )


async def _archived(deployments: Deployments) -> Answers:
    """Return which deployments would deploy an archived application. Rollbacks may do so."""
    forward = [deployment for deployment in deployments if deployment.rollback_of is None]
    application_ids = {id_ for deployment in forward for id_ in deployment.application_ids}
    applications = await application_store.by_ids(list(application_ids)) if application_ids else {}
    answers: Answers = dict.fromkeys([deployment.id for deployment in deployments])
    for deployment in forward:
        of_deployment = (applications[id_] for id_ in deployment.application_ids)
        archived = next((application for application in of_deployment if application.archived_at is not None), None)
        if archived is not None:
            message = f"The application “{archived.name}” is archived. Bring it back with unarchiveApplication first."
            answers[deployment.id] = _wrong_state(deployment, message)
    return answers


async def _superseded(caller: Caller, deployments: Deployments) -> Answers:
    """Return which failed deployments may not run again because of other deployments.

    These hold or changed their applications, or use the whole capacity of the environment.
    """
    if not deployments:
        return {}
    environment_ids = list({deployment.environment_id for deployment in deployments})
    environments = await environment_store.by_ids(environment_ids)
    claims = await admission_store.claims(environment_ids)
    successors = await admission_store.changed_since(deployments)
    holders = {claim.deployment_id for id_ in environment_ids for claim in claims[id_].active}
    labels = await caller.labels(holders | set(successors.values()))
    answers: Answers = {}
    for deployment in deployments:
        active = claims[deployment.environment_id].active
        capacity = environments[deployment.environment_id].max_concurrent_deployments
        problem: Problem | None = _why_not_admit(deployment, active, capacity, labels)
        if problem is None and deployment.id in successors:
            by = _capitalized(labels[successors[deployment.id]])
            message = f"{by} has changed its applications since it failed. Create a new deployment."
            problem = _wrong_state(deployment, message)
        answers[deployment.id] = problem
    return answers


def _why_not_admit(
    deployment: Deployment, active: Sequence[admission.Claim], capacity: int, labels: Mapping[str, str]
) -> Locked | None:
    """Return why a failed deployment cannot run beside the active ones of its environment now."""
    claim = admission.Claim(deployment.id, deployment.application_ids)
    position = admission.queue_position(deployment.id, active, [claim], capacity)
    if position.waits_for:
        by = _capitalized(", ".join(dict.fromkeys(labels[hold.deployment_id] for hold in position.waits_for)))
        message = f"{by} holds an application that this one needs. Try again when it has ended."
        return Locked(message=message, path=("id",))
    if position.full:
        message = (
            f"The environment already runs its maximum of {capacity} concurrent deployments. "
            "Try again when one has ended."
        )
        return Locked(message=message, path=("id",))
    return None


def _capitalized(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _frozen(deployment: Deployment, status: freeze.FreezeStatus) -> Problem | None:
    why = freeze.freeze_message(status, overridden=deployment.freeze_override_reason is not None)
    return None if why is None else Frozen(message=why, until=status.next_end, path=("id",))


def _wrong_state(deployment: Deployment, why: str | None) -> WrongState | None:
    return None if why is None else WrongState(message=why, status=deployment.status, path=("id",))
