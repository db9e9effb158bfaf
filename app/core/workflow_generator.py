"""Generates the graph of a deployment from the definitions of its applications."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from app.core.application import CommandStep
from app.core.deployment import Definition
from app.core.workflow import TaskType, WorkflowTask

DEPLOY_TIMEOUT_SECONDS = 3600
TITLES = {
    TaskType.BUILD: "Build",
    TaskType.TEST: "Test",
    TaskType.DEPLOY: "Deploy",
    TaskType.HEALTH_CHECK: "Health check",
}


def generate(definitions: Sequence[Definition], must_in_order: Sequence[str] = ()) -> tuple[WorkflowTask, ...]:
    """Return the graph: one prepare task, then build → test → deploy → health check per application.

    `must_in_order` holds application ids: the deploy task of each waits for the last task of the one before it, while
    builds and tests run in parallel. `workflow_faults.find_faults` reports ids of other applications.
    """
    tasks = [WorkflowTask(key="prepare", name="Prepare", type=TaskType.PREPARE)]
    chains = {definition.application_id: list(_chain(definition)) for definition in definitions}
    for earlier, later in pairwise(must_in_order):
        if earlier in chains and later in chains:
            last = chains[earlier][-1].key
            chains[later] = [
                replace(task, block_by=(*task.block_by, last)) if task.type is TaskType.DEPLOY else task
                for task in chains[later]
            ]
    for chain in chains.values():
        tasks.extend(chain)
    return tuple(tasks)


def _chain(definition: Definition) -> Iterator[WorkflowTask]:
    previous = "prepare"
    for task_type, step in _steps(definition):
        yield WorkflowTask(
            key=f"{definition.name}/{task_type.lower()}",
            name=f"{TITLES[task_type]} {definition.name}",
            type=task_type,
            application_id=definition.application_id,
            block_by=(previous,),
            command=step,
            timeout_seconds=step.timeout_seconds if step else DEPLOY_TIMEOUT_SECONDS,
            max_attempts=step.max_attempts if step else 1,
        )
        previous = f"{definition.name}/{task_type.lower()}"


def _steps(definition: Definition) -> Iterator[tuple[TaskType, CommandStep | None]]:
    if definition.build:
        yield TaskType.BUILD, definition.build
    if definition.test:
        yield TaskType.TEST, definition.test
    yield TaskType.DEPLOY, None
    if definition.health_check:
        yield TaskType.HEALTH_CHECK, None
