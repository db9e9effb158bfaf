"""Whether a person may steer deployments in a way that depends on more than their own state: retry, roll back, start.

The same answers refuse a mutation and tell a page which buttons to offer. Each question is answered for many
deployments at once, with the same number of queries.
"""

from collections.abc import Iterable, Mapping, Sequence
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
"""By a deployment's id: why not, or None where a person may."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and of what system: messages name no deployment that they may not see."""

    runtime: Runtime
    principal: Principal

    async def named(self, ids: Iterable[str]) -> dict[str, str]:
        """Return what to call deployments, by id."""
        known = await store.by_ids(list(ids))
        return {id_: f"deployment {id_}" if self._sees(one) else "another deployment" for id_, one in known.items()}

    def _sees(self, one: Deployment) -> bool:
        return self.principal.allows(
            Role.VIEWER, environment_id=one.environment_id, application_ids=one.application_ids
        )


async def why_not_start(deployments: Deployments) -> Answers:
    """Start: what waits, was not started yet, and has no application that was archived since."""
    found: Answers = {one.id: _wrong(one, allowed_actions.why_not_start(one)) for one in deployments}
    archived = await archived_of([one for one in deployments if found[one.id] is None])
    return found | {id_: problem for id_, problem in archived.items() if problem}


async def why_not_retry(asker: Caller, deployments: Deployments) -> Answers:
    """Retry: what failed, where nothing took its turn since, no freeze holds it, and no application was archived."""
    found: Answers = {one.id: _wrong(one, allowed_actions.why_not_retry(one)) for one in deployments}
    return found | await why_not_resume(asker, [one for one in deployments if found[one.id] is None])


async def why_not_resume(asker: Caller, deployments: Deployments) -> Answers:
    """Let failed deployments run again, as a whole or a task of them: the part that does not ask for their state."""
    if not deployments:
        return {}
    turns = await _turns(asker, deployments)
    freezes = await statuses(asker.runtime, list({one.environment_id for one in deployments}))
    archived = await archived_of(deployments)
    return {
        one.id: turns[one.id] or _frozen(one, freezes[one.environment_id]) or archived[one.id] for one in deployments
    }


async def why_not_roll_back(asker: Caller, deployments: Deployments) -> Answers:
    """Roll back: what runs; what failed, where nothing took its turn since; what succeeded, where it has a way back."""
    found: Answers = {one.id: _wrong(one, allowed_actions.why_not_roll_back(one)) for one in deployments}
    possible = [one for one in deployments if found[one.id] is None]
    failed = [one for one in possible if one.status is DeploymentStatus.FAILED]
    succeeded = [one for one in possible if one.status is DeploymentStatus.SUCCESS]
    ways = await rollback_requests(asker, succeeded)
    problems = {id_: way for id_, way in ways.items() if isinstance(way, Problem)}
    return found | await _turns(asker, failed) | problems


async def rollback_requests(asker: Caller, deployments: Deployments) -> dict[str, DeploymentRequest | Problem]:
    """Return the request for the deployment that takes each successful one back, or why there is none.

    It brings the version that ran before, by the definitions with which that had run. It asks nobody where these are
    proven: copied into the last successful deployment of that version in that environment.
    """
    if not deployments:
        return {}
    ids = list({one.environment_id for one in deployments})
    environments = await environment_store.by_ids(ids)
    running = {(r.environment_id, r.application_id): r for r in await environment_store.releases_in(ids)}
    ran = await definition_store.previous_definitions([one.id for one in deployments])
    targets = {a.previous_version_id for one in deployments for a in one.applications if a.previous_version_id}
    versions = await version_store.by_ids(list(targets))
    names = await asker.named({release.deployment_id for release in running.values()})
    return {
        one.id: _replaced(one, running, names)
        or _way_back(one, environments[one.environment_id], ran[one.id], versions)
        for one in deployments
    }


def _replaced(
    deployment: Deployment, running: Mapping[tuple[str, str], Release], names: Mapping[str, str]
) -> Problem | None:
    for application_id in deployment.application_ids:
        release = running.get((deployment.environment_id, application_id))
        if release and release.deployment_id != deployment.id:
            by = names[release.deployment_id]
            return _wrong(deployment, f"It does not run any more: {by} came after it. Roll that one back.")
    return None


def _way_back(
    deployment: Deployment, environment: Environment, ran: Mapping[str, PastDefinition], versions: Mapping[str, Version]
) -> DeploymentRequest | Problem:
    previous = {a.application_id: a.previous_version_id for a in deployment.applications if a.previous_version_id}
    targets = set(previous.values())
    if not targets or ran.keys() != previous.keys():
        return WrongState(
            message="No version ran before it; there is nothing to go back to.", status=deployment.status, path=("id",)
        )
    if len(targets) > 1:
        names = ", ".join(sorted(versions[id_].name for id_ in targets))
        message = f"Its applications ran different versions before ({names}): deploy each of them."
        return WrongState(message=message, status=deployment.status, path=("id",))
    strategy = replace(
        deployment.strategy, steps=tuple(replace(step, require_approval=False) for step in deployment.strategy.steps)
    )
    definitions = tuple(ran[id_].definition for id_ in previous)
    for definition in definitions:
        unfit = next(compatibility.problems(environment, definition, strategy.kind), None)
        if unfit is not None:
            return WrongState(message=unfit.message, status=deployment.status, path=("id",))
    return DeploymentRequest(
        version_id=targets.pop(),
        environment_ids=(deployment.environment_id,),
        application_ids=tuple(previous),
        must_in_order=tuple(id_ for id_ in deployment.must_in_order if id_ in previous),
        strategy=strategy,
        rollback_of=deployment.id,
        definitions=definitions,
        proven=all(ran[id_].proven for id_ in previous),
    )


async def archived_of(deployments: Deployments) -> Answers:
    """Say which deployments would deploy an application that was archived. Taking something back may do so."""
    forward = [one for one in deployments if one.rollback_of is None]
    ids = {id_ for one in forward for id_ in one.application_ids}
    known = await application_store.by_ids(list(ids)) if ids else {}
    found: Answers = {one.id: None for one in deployments}
    for one in forward:
        gone = next((known[id_] for id_ in one.application_ids if known[id_].archived_at is not None), None)
        if gone is not None:
            message = f"“{gone.name}” is archived: bring it back with unarchiveApplication first."
            found[one.id] = _wrong(one, message)
    return found


async def _turns(asker: Caller, deployments: Deployments) -> Answers:
    """Say which failed deployments may not go on, as another one has its turn, or had it since."""
    if not deployments:
        return {}
    ids = list({one.environment_id for one in deployments})
    environments = await environment_store.by_ids(ids)
    claims = await admission_store.claims(ids)
    later = await admission_store.changed_since(deployments)
    holders = {claim.deployment_id for id_ in ids for claim in claims[id_].active}
    names = await asker.named(holders | set(later.values()))
    found: Answers = {}
    for one in deployments:
        claim = admission.Claim(one.id, one.application_ids)
        capacity = environments[one.environment_id].max_concurrent_deployments
        standing = admission.queue_position(one.id, claims[one.environment_id].active, [claim], capacity)
        if standing.waits_for:
            by = ", ".join(dict.fromkeys(names[hold.deployment_id] for hold in standing.waits_for))
            message = f"{by[:1].upper()}{by[1:]} holds an application that this one needs. Try again when it has ended."
            found[one.id] = Locked(message=message, path=("id",))
        elif standing.full:
            message = f"As many deployments run in the environment as may ({capacity}). Try again later."
            found[one.id] = Locked(message=message, path=("id",))
        elif one.id in later:
            by = names[later[one.id]]
            message = f"{by[:1].upper()}{by[1:]} has changed its applications since it failed. Make a new deployment."
            found[one.id] = _wrong(one, message)
        else:
            found[one.id] = None
    return found


def _frozen(deployment: Deployment, status: freeze.FreezeStatus) -> Problem | None:
    why = freeze.freeze_message(status, overridden=deployment.freeze_override_reason is not None)
    return None if why is None else Frozen(message=why, until=status.next_end, path=("id",))


def _wrong(deployment: Deployment, why: str | None) -> WrongState | None:
    return None if why is None else WrongState(message=why, status=deployment.status, path=("id",))
