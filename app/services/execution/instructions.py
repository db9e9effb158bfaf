"""What an operator is told: commands with the variables that they see."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.deployment import Definition, Deployment
from app.core.environment import Environment
from app.core.expressions import unescape
from app.core.kubernetes import job_runs
from app.core.task import Task
from app.core.version import Version
from app.ports import Instruction, Origin

NO_APPLICATION = "_deployment"
"""The workspace of tasks of no application: a name that no application can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionContext:
    """What surrounds a task: all that its instructions are made from."""

    deployment: Deployment
    environment: Environment
    version: Version
    definitions: Mapping[str, Definition]
    previous: Mapping[str, Version]
    """Versions that ran before, by application id."""
    colors: Mapping[str, str | None] = field(default_factory=dict)
    """The sets that serve now, by application id; None where an application has no two of them."""
    run: int = 0
    """Which run of its task an attempt belongs to, where runs outlive workers."""

    def definition(self, task: Task) -> Definition | None:
        """Return how the task's application is defined, None for a task of no application."""
        return self.definitions.get(task.application_id) if task.application_id else None


class Action(StrEnum):
    """What a command does to an instance: bring a version to it, give its traffic to a set, or end it in a set."""

    BRING = "bring"
    SWITCH = "switch"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class RolloutPosition:
    """Where in a rollout an instruction acts. `batch` counts from 1; `ratio` is the share then on the new version.

    `color` is the set that it is about, None where there are no sets; `action` None where nothing is to be changed.
    `service` is the Service of a cluster that reaches what is asked, None where there is none.
    """

    instance: str
    batch: int
    ratio: float
    color: str | None = None
    action: Action | None = None
    service: str | None = None


def instruct(
    setting: InstructionContext,
    task: Task,
    command: tuple[str, ...] | None,
    place: RolloutPosition | None = None,
    back_to: Version | None = None,
) -> Instruction:
    """Return the instruction to run `command` for a task, at a place of its rollout where there is one.

    `back_to` is the version to bring when an application goes back by its deploy command.
    """
    step = task.command
    env = dict(_variables(setting, task, place, back_to)) | (literal_env(step.env) if step else {})
    definition = setting.definition(task)
    return Instruction(
        command=None if command is None else tuple(map(unescape, command)),
        env=env,
        workspace=f"{task.deployment_id}/{definition.name if definition else NO_APPLICATION}",
        timeout_seconds=task.timeout_seconds,
        image=(step.image if step else None) or env["BOREAS_IMAGE"] or None,
        payload=task.payload,
        connection=setting.environment.kubernetes,
        job=step.job if step else None,
        origin=Origin(
            deployment_id=task.deployment_id,
            task_id=task.id,
            run=_run(setting, place),
            attempt=task.attempt,
            application=definition.name if definition else None,
            retain=place is None,
            environment_id=setting.environment.id,
        ),
    )


def literal_env(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables as a command sees them."""
    return {name: unescape(content) for name, content in variables.items()}


def _run(setting: InstructionContext, place: RolloutPosition | None) -> str:
    """Return the run's name: commands at several places of a rollout are as many runs."""
    if place is None:
        return job_runs.name(setting.run)
    where = hashlib.sha256(f"{place.instance}\0{place.batch}\0{place.ratio}".encode()).hexdigest()
    return job_runs.name(setting.run, where[:10])


def _variables(
    setting: InstructionContext, task: Task, place: RolloutPosition | None, back_to: Version | None
) -> Iterator[tuple[str, str]]:
    definition = setting.definition(task)
    previous = setting.previous.get(task.application_id or "")
    version = back_to or setting.version
    image = definition.image if definition else None
    if back_to:
        image = next((a.image for a in back_to.artifacts if a.application_id == task.application_id), None)
    yield "BOREAS_DEPLOYMENT_ID", task.deployment_id
    yield "BOREAS_TASK_ID", task.id
    yield "BOREAS_TASK_KEY", task.key
    yield "BOREAS_ATTEMPT", str(task.attempt)
    yield "BOREAS_ENVIRONMENT", setting.environment.name
    yield "BOREAS_APPLICATION", definition.name if definition else ""
    yield "BOREAS_REPOSITORY", (definition.repository_url if definition else None) or ""
    yield "BOREAS_VERSION", version.name
    yield "BOREAS_COMMIT", version.commit or ""
    yield "BOREAS_IMAGE", image or ""
    yield "BOREAS_PREVIOUS_VERSION", previous.name if previous else ""
    if place:
        yield "BOREAS_INSTANCE", place.instance
        yield "BOREAS_BATCH", str(place.batch)
        yield "BOREAS_RATIO", f"{place.ratio:g}"
    if place and place.service is not None:
        yield "BOREAS_SERVICE", place.service
    if place and place.action:
        yield "BOREAS_PHASE", place.action
    if place and place.color is not None:
        yield "BOREAS_COLOR", place.color
