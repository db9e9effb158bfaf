"""Core values that are stored and read are equal, to the microsecond and in every character."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck as Complaint
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.application import (
    Application,
    CommandStep,
    HealthCheck,
    KubernetesTarget,
    MetricCheck,
    ShellTarget,
)
from app.core.approval import ApprovalPolicy, ApprovalTimeoutAction
from app.core.deployment import DeploymentStatus, Rollback, RollbackStatus
from app.core.environment import Environment, KubernetesAccess, OperatorKind, Release
from app.core.events import (
    Body,
    DeploymentPaused,
    DeploymentStatusChanged,
    Event,
    RolloutProgressed,
    TaskStatusChanged,
    WorkflowChanged,
)
from app.core.ids import IdKind
from app.core.job_options import JobOptions, JobResources, TaintEffect, Toleration, TolerationOperator
from app.core.log_levels import LogLevel
from app.core.logs import LogLine
from app.core.roles import Role
from app.core.strategy.model import Phase, Progress
from app.core.task import Activity, TaskAttempt, TaskStatus
from app.core.tick.state import snapshots_of
from app.core.version import Artifact, Version
from app.core.workflow import Position, TaskType
from app.store import applications, deployments, environments, event_feed, logs, tasks, versions
from app.store.database import execute
from app.store.tasks import AttemptEnd, Writes
from app.store.unit_of_work import unit
from tests.services.support.commands import node
from tests.services.support.engine import Engine, Site, rolling

NOW = datetime(2030, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
commands = st.lists(texts, min_size=1, max_size=4).map(tuple)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.integers(1, 10**6)
USUAL = JobOptions(resources=JobResources(limits={"cpu": "1"}), labels={"team": "shop"}, tolerations=(Toleration(),))
maps = st.none() | st.dictionaries(texts, texts, max_size=3)
options = st.builds(
    JobOptions,
    resources=st.none() | st.builds(JobResources, requests=maps, limits=maps),
    service_account_name=st.none() | texts,
    node_selector=maps,
    tolerations=st.none()
    | st.lists(
        st.builds(
            Toleration,
            key=st.none() | texts,
            operator=st.sampled_from(TolerationOperator),
            effect=st.none() | st.sampled_from(TaintEffect),
        ),
        max_size=2,
    ).map(tuple),
    image_pull_secrets=st.none() | st.lists(texts, max_size=2).map(tuple),
    labels=maps,
    annotations=maps,
    run_as_user=st.none() | st.integers(0, 2**31 - 1),
)
steps = st.builds(
    CommandStep,
    commands,
    image=st.none() | texts,
    env=st.dictionaries(texts, texts, max_size=3),
    job=st.none() | options,
    timeout_seconds=numbers,
    max_attempts=numbers,
)
targets = st.builds(
    ShellTarget, commands, instances=st.lists(texts, max_size=3).map(tuple), rollback_command=st.none() | commands
)
clusters = st.builds(KubernetesTarget, texts, texts, service=st.none() | texts, http_route=st.none() | texts)
bounds = st.none() | st.floats(allow_nan=False, allow_infinity=False)
metrics = st.builds(MetricCheck, texts, texts, texts, minimum=bounds, maximum=bounds)
checks = st.builds(
    HealthCheck,
    command=st.none() | commands,
    http_url=st.none() | texts,
    expect_status=numbers,
    metrics=st.lists(metrics, max_size=2).map(tuple),
)
drafts = st.builds(
    Application,
    id=st.just(""),
    name=st.just(""),
    description=texts,
    repository_url=st.none() | texts,
    build=st.none() | steps,
    test=st.none() | steps,
    shell=st.none() | targets,
    kubernetes=st.none() | clusters,
    health_check=st.none() | checks,
    archived_at=st.none() | moments,
    created_at=moments,
)
of_applications = settings(
    max_examples=60, deadline=None, suppress_health_check=[Complaint.function_scoped_fixture, Complaint.too_slow]
)


@of_applications
@given(drafts, drafts)
async def test_any_application_is_read_as_stored(
    engine: Engine, draft: Application, changed_draft: Application
) -> None:
    async with unit(engine.runtime) as work:
        id_ = work.new_id(IdKind.APPLICATION)
        application = replace(draft, id=id_, name=id_)
        await applications.insert(application)
        assert await applications.by_ids([id_]) == {id_: application}
        changed = replace(changed_draft, id=id_, name=id_[::-1])
        await applications.update(changed)
        assert await applications.by_name(id_[::-1]) == changed == await applications.locked(id_)


async def test_an_environment_is_read_as_stored(engine: Engine) -> None:
    environment = Environment(
        id="env_x",
        name="here",
        rank=-3,
        operator=OperatorKind.SIMULATED,
        worker_pool="edge",
        max_concurrent_deployments=7,
        created_at=NOW,
    )
    await environments.insert(environment)
    assert await environments.by_ids(["env_x", "env_none"]) == {"env_x": environment}
    policy = ApprovalPolicy(
        required_approvals=2, approver_roles=(Role.ADMIN,), timeout_seconds=60, on_timeout=ApprovalTimeoutAction.CANCEL
    )
    fields: dict[str, Any] = {
        "kubernetes": KubernetesAccess("prod", None, "shop", USUAL, ("tester",)),
        "approval_policy": policy,
    }
    fields |= {"rank": 5, "operator": OperatorKind.SHELL, "worker_pool": "other", "max_concurrent_deployments": 8}
    changed = replace(environment, **fields)
    await environments.update(changed)
    assert await environments.by_name("here") == changed == await environments.locked("env_x")
    assert (await environments.by_name("there"), await environments.locked("env_none")) == (None, None)


async def test_a_version_is_read_as_stored(engine: Engine, site: Site) -> None:
    ids = [await site.application(name) for name in ("z", "a", "m")]
    artifacts = tuple(
        Artifact(application_id=id_, image=image) for id_, image in zip(ids, ("x:1", None, ""), strict=True)
    )
    author = engine.principal.actor.id
    version = Version(id="ver_x", name="ü 1", commit=None, created_by=author, created_at=NOW, artifacts=artifacts)
    await versions.insert(version)
    assert await versions.by_ids(["ver_x"]) == {"ver_x": version}


JSON: dict[str, Any] = {"a": [1, 2.5, -0.25, 1e15, 2**53, True, None, "ü🚀"], "": {"nested": {}}, "k'\"\\": "\n\t"}


async def test_a_task_is_read_as_stored(engine: Engine, trial: Site) -> None:
    position = Position(1.5, -2e9)
    definition = node(
        "two", "one", payload=JSON, position=position, env={"A": "b=c"}, timeout_seconds=7, max_attempts=9
    )
    (_, task) = (await engine.story(await trial.deploy("v1", node("one"), definition, auto_start=False))).tasks.values()
    assert (task.payload, task.position, task.timeout_seconds, task.max_attempts) == (JSON, position, 7, 9)
    assert task.command == definition.command
    changed = replace(
        task,
        result=JSON,
        error_message="it's “broken”\n🚀",
        attempt=3,
        failures=2,
        losses=1,
        activity=Activity.UNDO,
        worker="host:1:abc",
        lease_until=NOW,
        resume_at=NOW + timedelta(microseconds=1),
        retry_at=NOW,
        touched=True,
        stop=True,
        rollout=Progress(Phase.WATCHING, 1, 2, 3, 9, ("a", "ü"), ("c",), NOW),
        started_at=NOW,
        completed_at=NOW,
    )
    await engine.put(changed)
    assert await tasks.by_ids([task.id]) == {task.id: changed}
    present = (await tasks.of_deployments([task.deployment_id]))[task.deployment_id]
    assert changed in present and await tasks.snapshots(task.deployment_id) == snapshots_of(present)
    await engine.put(task)
    assert await tasks.by_ids([task.id]) == {task.id: task}


async def test_attempts_are_read_as_stored(engine: Engine, trial: Site) -> None:
    (task,) = (await engine.story(await trial.deploy("v1", node("one"), auto_start=False))).tasks.values()
    attempts = [
        TaskAttempt(
            task_id=task.id,
            number=number,
            activity=activity,
            status=TaskStatus.RUNNING,
            worker="w",
            started_at=NOW,
            completed_at=None,
            error_message=None,
            exit_code=None,
        )
        for number, activity in ((2, Activity.UNDO), (1, Activity.RUN))
    ]
    end = AttemptEnd(
        task_id=task.id, number=2, status=TaskStatus.FAILED, completed_at=NOW, error_message="“no”", exit_code=255
    )
    (deployment,) = (await deployments.by_ids([task.deployment_id])).values()
    await deployments.save(deployment, [], Writes({task.id: task}, attempts))
    await deployments.save(deployment, [], Writes({task.id: task}, [], [end]))
    ended_attempt = replace(
        attempts[0], status=TaskStatus.FAILED, completed_at=NOW, error_message="“no”", exit_code=255
    )
    assert await tasks.attempts_of([task.id, "tsk_none"]) == {task.id: [attempts[1], ended_attempt], "tsk_none": []}


async def test_a_deployment_is_read_as_stored(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", auto_start=False, strategy=rolling(3, 4, auto_rollback=False))
    deployment = (await engine.story(id_)).deployment
    release = Release(
        environment_id=trial.environment_id,
        application_id=deployment.application_ids[0],
        version_id=deployment.version_id,
        deployment_id="dep_before",
        since=NOW,
    )
    await deployments.save_previous_release(id_, release)
    rollback = Rollback(status=RollbackStatus.RUNNING, automatic=True, reason="r", requested_by=None, started_at=NOW)
    for status in (RollbackStatus.FAILED, RollbackStatus.SUCCESS):
        await deployments.begin_rollback(id_, rollback)
        rollback = replace(rollback, status=status, completed_at=NOW, error_message="ü")
        await deployments.update_rollback(id_, rollback)
    changed = replace(
        deployment,
        status=DeploymentStatus.FAILED,
        progress=50,
        error_message="e",
        attempt=2,
        revision=3,
        updated_at=NOW,
        queued_at=NOW,
        started_at=NOW,
        resumed_at=NOW,
        completed_at=NOW,
        paused=True,
    )
    await deployments.save(changed, [], Writes())
    (stored,) = (await deployments.by_ids([id_])).values()
    assert stored == replace(changed, applications=stored.applications, rollback=rollback)
    assert deployments.previous_release(stored, stored.applications[0]) == release
    await deployments.save(deployment, [], Writes())


SWITCHED = Progress(
    Phase.RETIRING,
    batch=2,
    healthy=("a",),
    asked=1,
    approved=0,
    traffic=0.5,
    color="green",
    old_color="blue",
    switched=True,
    retired=True,
    again=True,
)
BODIES: list[Body] = [
    DeploymentStatusChanged(None, DeploymentStatus.PENDING),
    DeploymentStatusChanged(DeploymentStatus.PENDING, DeploymentStatus.RUNNING, "because “ü🚀”\n"),
    TaskStatusChanged("tsk_x", None, TaskStatus.PENDING, None),
    RolloutProgressed("tsk_x", Progress(Phase.CHECKING, 1, 2, 3, 4, ("a",), ("b", "c"), NOW, True)),
    RolloutProgressed("tsk_x", SWITCHED),
    DeploymentPaused(True),
    WorkflowChanged(2, "added “ü🚀”"),
]


async def test_events_are_read_from_database_and_bus_as_stored(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", auto_start=False)
    deployment = (await engine.story(id_)).deployment
    actors = [None, "usr_x", None, "usr_y", "usr_x", None, None]
    events = [
        Event(deployment_id=id_, number=number, at=NOW, actor_id=actor, body=body)
        for number, (actor, body) in enumerate(zip(actors, BODIES, strict=True), start=2)
    ]
    assert event_feed.decode(event_feed.encode(events)) == events
    async with engine.rolled_back_unit():
        await deployments.save(replace(deployment, last_event=7), events, Writes())
        assert await event_feed.pages([id_, "dep_none"], 1, 9) == {id_: events, "dep_none": []}


def test_log_lines_are_read_from_the_bus_as_sent() -> None:
    lines = [LogLine(n, NOW, level, f"“{level}” 🚀\x1b[1m", 2) for n, level in enumerate(LogLevel)]
    assert logs.decode(logs.encode(lines)) == lines and logs.decode(logs.encode([])) == []


async def test_the_progress_of_an_earlier_release_is_read(engine: Engine, trial: Site) -> None:
    id_ = await trial.deploy("v1", auto_start=False)
    (task,) = [task_ for task_ in (await engine.story(id_)).tasks.values() if task_.type is TaskType.DEPLOY]
    stored = (
        '{"phase": "WATCHING", "step_index": 1, "batch": 2, "batches": 3, "total": 9, "healthy": ["a"],'
        ' "current": ["b"], "resume_at": "2030-01-01T12:00:00Z", "promoted": false}'
    )
    await execute("UPDATE tasks SET rollout = $2 WHERE id = $1", task.id, stored)
    rollout = (await tasks.by_ids([task.id]))[task.id].rollout
    assert rollout == Progress(Phase.WATCHING, 1, 2, 3, 9, ("a",), ("b",), datetime(2030, 1, 1, 12, tzinfo=UTC))


async def test_the_color_of_a_release_changes_only_if_there_is_one(engine: Engine, trial: Site) -> None:
    await engine.worker()
    await trial.deployed("v1")
    (application_id,) = trial.applications.values()
    await environments.set_color(trial.environment_id, application_id, "green")
    await environments.set_color(trial.environment_id, "app_none", "blue")
    (release,) = await environments.releases_in([trial.environment_id])
    assert (release.color, release.application_id) == ("green", application_id)
