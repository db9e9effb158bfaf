"""Small values for the tests of the core, and strategies that draw larger ones.

Every builder takes what the test is about and fills in the rest; times are seconds from one fixed moment.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck as Complaint
from hypothesis import settings
from hypothesis import strategies as st

from app.core.application import Application, CommandStep, HealthCheck, ShellTarget
from app.core.deployment import Deployment, DeploymentStatus
from app.core.strategy.model import Ask, Check, Decision, Fail, Observed, Strategy, Update, Wait
from app.core.task import Task, TaskStatus
from app.core.tick.state import TaskSnapshot
from app.core.workflow import TaskType, WorkflowTask

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
COMMAND = CommandStep(("make",))

property_of = settings(max_examples=100, deadline=None, suppress_health_check=[Complaint.too_slow])


def at(seconds: float) -> datetime:
    """Return the moment `seconds` after (or, if negative, before) NOW."""
    return NOW + timedelta(seconds=seconds)


def application(name: str, *, build: bool = True, test: bool = True, health: bool = True) -> Application:
    """Return an application with the id `id-NAME` and the steps asked for."""
    return Application(
        id=f"id-{name}",
        name=name,
        description="",
        repository_url=None,
        build=COMMAND if build else None,
        test=COMMAND if test else None,
        shell=ShellTarget(("deploy",)),
        health_check=HealthCheck(command=("probe",)) if health else None,
        archived_at=None,
        created_at=NOW,
    )


def node(
    key: str, *block_by: str, type: TaskType = TaskType.CUSTOM, app: str | None = None, **more: Any
) -> WorkflowTask:
    """Return a task of a graph, by default with a command."""
    more.setdefault("command", COMMAND)
    return WorkflowTask(key=key, name=key, type=type, application_id=app, block_by=block_by, **more)


def item(id: str, status: TaskStatus, *block_by: str, **more: Any) -> TaskSnapshot:
    """Return a task as a tick sees it."""
    more.setdefault("type", TaskType.CUSTOM)
    return TaskSnapshot(id=id, key=id, status=status, block_by=block_by, **more)


def task(id: str = "t", status: TaskStatus = TaskStatus.PENDING, *block_by: str, **more: Any) -> Task:
    """Return a task as it is stored; its key is its id."""
    plain = Task(
        id=id,
        deployment_id="d",
        key=id,
        application_id=None,
        name=id,
        type=TaskType.CUSTOM,
        status=status,
        order=0,
        block_by=block_by,
        command=None,
        payload={},
        timeout_seconds=60,
        max_attempts=1,
        position=None,
    )
    return replace(plain, **more)


def saw(updated: str = "", healthy: str = "", **more: Any) -> Observed:
    """Return what was seen of instances with names of one letter."""
    return Observed(frozenset(updated), frozenset(healthy), **more)


def outline(decision: Decision) -> str:
    """Return a decision of a strategy in a few words: its kind and its instances."""
    match decision:
        case Update(_, names) | Check(_, names):
            return f"{type(decision).__name__} {''.join(names)}".strip()
        case Wait(_, until):
            return f"Wait {(until - NOW).total_seconds():.0f}"
        case Ask(progress):
            return f"Ask {progress.asked}"
        case Fail(_, reason):
            return f"Fail {reason}"
        case _:
            return type(decision).__name__


def deployment(status: DeploymentStatus, **more: Any) -> Deployment:
    """Return a deployment as it is stored."""
    plain = Deployment(
        id="d",
        version_id="v",
        environment_id="e",
        applications=(),
        status=status,
        progress=0,
        strategy=Strategy(),
        must_in_order=(),
        created_by="u",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(plain, **more)


@st.composite
def graphs(
    draw: st.DrawFn, max_nodes: int = 7, *, min_nodes: int = 0, acyclic: bool = False
) -> dict[str, tuple[str, ...]]:
    """Draw a graph in any node order; unless acyclic, with repeated edges, loops and cycles."""
    names = [f"n{index}" for index in range(draw(st.integers(min_nodes, max_nodes)))]
    edges: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(names):
        choice = names[:index] if acyclic else names
        picked = draw(st.lists(st.sampled_from(choice), max_size=4)) if choice else []
        edges[name] = tuple(picked)
    return {name: edges[name] for name in draw(st.permutations(names))}


def dags(max_nodes: int = 7, *, min_nodes: int = 0) -> st.SearchStrategy[dict[str, tuple[str, ...]]]:
    """Draw an acyclic graph in any order of its nodes."""
    return graphs(max_nodes, min_nodes=min_nodes, acyclic=True)


def closure(graph: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Return all blockers of each node, direct and indirect: a slow model for the fast function."""
    reach = {name: set(blockers) for name, blockers in graph.items()}
    for _ in graph:
        for name, reachable in reach.items():
            reach[name] = reachable.union(*(reach[blocker] for blocker in reachable))
    return reach
