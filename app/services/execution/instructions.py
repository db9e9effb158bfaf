"""Instructions for operators: commands with the variables that they see."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.core.expressions import unescape
from app.core.kubernetes import job_runs
from app.core.task import Task
from app.core.version import Version
from app.ports import Instruction, Origin
from app.services.execution.instruction_context import InstructionContext

NO_APPLICATION = "_deployment"
"""The workspace of tasks without an application: no application can have this name."""


class Action(StrEnum):
    """What a command does to an instance: update it, switch its traffic to a set, or retire it."""

    BRING = "bring"
    SWITCH = "switch"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class RolloutPosition:
    """The part of a rollout that an instruction acts on.

    `batch` counts from 1; `ratio` is the share on the new version by then. `color` is the set, None where there are no
    sets. `action` is None where the command changes nothing. `service` is the cluster's Service that reaches the
    instance, None where there is none.
    """

    instance: str
    batch: int
    ratio: float
    color: str | None = None
    action: Action | None = None
    service: str | None = None


def instruct(
    context: InstructionContext,
    task: Task,
    command: tuple[str, ...] | None,
    position: RolloutPosition | None = None,
    back_to: Version | None = None,
) -> Instruction:
    """Return the instruction to run `command` for a task, at a position of its rollout where it has one.

    `back_to` is the version to bring when an application is rolled back with its deploy command.
    """
    step = task.command
    env = dict(_variables(context, task, position, back_to)) | (literal_env(step.env) if step else {})
    definition = context.definition(task)
    return Instruction(
        command=None if command is None else tuple(map(unescape, command)),
        env=env,
        workspace=f"{task.deployment_id}/{definition.name if definition else NO_APPLICATION}",
        timeout_seconds=task.timeout_seconds,
        image=(step.image if step else None) or env["BOREAS_IMAGE"] or None,
        payload=task.payload,
        connection=context.environment.kubernetes,
        job=step.job if step else None,
        origin=Origin(
            deployment_id=task.deployment_id,
            task_id=task.id,
            run=_run_name(context, position),
            attempt=task.attempt,
            application=definition.name if definition else None,
            retain=position is None,
            environment_id=context.environment.id,
        ),
    )


def literal_env(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with their escapes resolved, as a command sees them."""
    return {name: unescape(content) for name, content in variables.items()}


def _run_name(context: InstructionContext, position: RolloutPosition | None) -> str:
    """Return the name of the run: commands at several positions of a rollout are separate runs."""
    if position is None:
        return job_runs.name(context.run)
    digest = hashlib.sha256(f"{position.instance}\0{position.batch}\0{position.ratio}".encode()).hexdigest()
    return job_runs.name(context.run, digest[:10])


def _variables(
    context: InstructionContext, task: Task, position: RolloutPosition | None, back_to: Version | None
) -> Iterator[tuple[str, str]]:
    definition = context.definition(task)
    previous = context.previous.get(task.application_id or "")
    version = back_to or context.version
    image = definition.image if definition else None
    if back_to:
        artifacts = (artifact for artifact in back_to.artifacts if artifact.application_id == task.application_id)
        image = next((artifact.image for artifact in artifacts), None)
    yield "BOREAS_DEPLOYMENT_ID", task.deployment_id
    yield "BOREAS_TASK_ID", task.id
    yield "BOREAS_TASK_KEY", task.key
    yield "BOREAS_ATTEMPT", str(task.attempt)
    yield "BOREAS_ENVIRONMENT", context.environment.name
    yield "BOREAS_APPLICATION", definition.name if definition else ""
    yield "BOREAS_REPOSITORY", (definition.repository_url if definition else None) or ""
    yield "BOREAS_VERSION", version.name
    yield "BOREAS_COMMIT", version.commit or ""
    yield "BOREAS_IMAGE", image or ""
    yield "BOREAS_PREVIOUS_VERSION", previous.name if previous else ""
    if position:
        yield "BOREAS_INSTANCE", position.instance
        yield "BOREAS_BATCH", str(position.batch)
        yield "BOREAS_RATIO", f"{position.ratio:g}"
    if position and position.service is not None:
        yield "BOREAS_SERVICE", position.service
    if position and position.action:
        yield "BOREAS_PHASE", position.action
    if position and position.color is not None:
        yield "BOREAS_COLOR", position.color
