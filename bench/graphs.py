"""Planning and checking a graph of 2,000 tasks: pure computation in one process."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.core import graph, workflow, workflow_faults
from app.core.deployment import DeploymentStatus
from app.core.task import TaskStatus
from app.core.tick import planning
from app.core.tick.state import DeploymentSnapshot, TaskSnapshot
from app.core.workflow import TaskType, WorkflowTask
from bench.table import Row

TASKS = 2000
ROUNDS = 20


async def measure() -> list[Row]:
    """Check, level and plan a layered graph, and report the fastest of some rounds."""
    tasks = [
        WorkflowTask(
            key=f"t{i}", name=f"t{i}", type=TaskType.CUSTOM, block_by=tuple(f"t{j}" for j in range(i - 3, i) if j >= 0)
        )
        for i in range(TASKS)
    ]
    items = [
        TaskSnapshot(id=t.key, key=t.key, type=t.type, status=TaskStatus.BLOCKED, block_by=t.block_by) for t in tasks
    ]
    state = DeploymentSnapshot(status=DeploymentStatus.RUNNING, tasks=items)
    now = datetime.now(UTC)
    checked = _fastest(lambda: workflow_faults.find_faults(tasks, {}, commands_needed=False))
    levelled = _fastest(lambda: graph.levels(workflow.blocker_graph(tasks)))
    planned = _fastest(lambda: planning.plan(state, now))
    return [
        Row(f"checking a graph of {TASKS} tasks", f"{1000 * checked:.1f} ms", "20 ms with planning"),
        Row(f"levels of {TASKS} tasks", f"{1000 * levelled:.1f} ms", "-"),
        Row(f"one tick over {TASKS} tasks", f"{1000 * planned:.1f} ms", "-"),
    ]


def _fastest(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best
