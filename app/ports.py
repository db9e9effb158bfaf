"""The protocols by which services use the outside world; gateways implement them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.core.application import KubernetesTarget
from app.core.attempt import Outcome
from app.core.environment import KubernetesAccess
from app.core.job_options import JobOptions
from app.core.log_levels import Stream
from app.core.moved_workload import MovedWorkload
from app.core.strategy.model import Shape, Strategy

LogSink = Callable[[Stream, Sequence[str]], Awaitable[None]]
"""Takes printed lines, without their line ends, in order. It returns once there is room for more: an operator
awaits it, and so holds a bounded part of a command's output. Only one call at a time is allowed. It raises when the
attempt is lost: the operator then ends what runs, and lets the error out."""
LONG_LINE = 65_536
"""Characters after which an operator passes an endless line on in pieces, each of them a `LinePart`."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""
        ...


class Chance(Protocol):
    """Generates random values."""

    def random_bytes(self, size: int) -> bytes:
        """Return `size` unpredictable bytes."""
        ...

    def random_fraction(self) -> float:
        """Return a number from 0 up to 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin of an instruction: operators mark their objects with it, so that other workers find them.

    `run` names the run within the task, by lower case letters, digits and hyphens. An attempt that follows a lost one
    has the same run and adopts what exists; one that follows a failure has another run. With `retain` the created
    object is kept after its end, until its outcome is stored; without, the same run can be started again. `attempt`
    marks an adopted object, so that the cleanup of orphans leaves it alone.
    """

    deployment_id: str
    task_id: str
    run: str
    attempt: int = 0
    application: str | None = None
    retain: bool = True
    environment_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One thing for an operator to do.

    `command` is an argument list, None for a simulation. `env` has all variables of the command beyond the operator's
    few own ones. `workspace` names the working folder (`deployment id/application`). `timeout_seconds` limits the
    whole; `payload` is the task's own. `connection` is set where there is a cluster, and `job` has the options of the
    task's Job there. `answer_seconds` limits the command from its start, for an operator that takes long to start it.
    """

    command: tuple[str, ...] | None
    env: Mapping[str, str]
    workspace: str
    timeout_seconds: float
    image: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    connection: KubernetesAccess | None = None
    origin: Origin | None = None
    job: JobOptions | None = None
    answer_seconds: float | None = None


class WorkspaceCleaner(Protocol):
    """Removes the folders in which commands of deployments worked on this machine."""

    def idle_workspaces(self, before: datetime) -> Sequence[str]:
        """Return the ids of deployments whose folders have not changed since `before`."""
        ...

    def move_to_trash(self, deployment_id: str) -> bool:
        """Take the folders of a deployment out of use, at once; False where that is not possible."""
        ...

    def empty_trash(self) -> None:
        """Remove the folders in the trash. May take long: for a thread."""
        ...


class LeaseExpiredError(Exception):
    """The command was killed as `Operator.renew_lease` was not called in time.

    The command itself did not fail.
    """


class Execution(Protocol):
    """An instruction that an operator carries out, from `Operator.start` on.

    `stop`, `kill` and `detach` return at once; `wait` returns when the execution has ended. After the first of them
    the others change nothing, with one exception: `kill` cuts the grace of a `stop` short.
    """

    async def wait(self) -> Outcome:
        """Wait until nothing of it runs here, and return how it ended.

        SUCCEEDED or FAILED, with the exit code where there is one; LOST where its cluster ended it; STOPPED after
        `stop` or `kill`; RETURNED after `detach`. A fault of the instruction is an outcome, not an exception. Raises
        what the log raises, after the end of what ran, and LeaseExpiredError. Cancelling the wait stops the execution;
        the cancellation comes out when that is done.
        """
        ...

    def stop(self) -> None:
        """Ask what runs to end, and force it after the operator's grace."""
        ...

    def kill(self) -> None:
        """End what runs at once, without a grace."""
        ...

    def detach(self) -> None:
        """Leave to another worker what outlives this one and can be found by its origin. Stop everything else."""
        ...


class Operator(Protocol):
    """Carries instructions out."""

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Begin to carry an instruction out, and return its handle at once."""
        ...

    def renew_lease(self, seconds: float) -> None:
        """Let everything run for `seconds` from now: that long the leases of this worker are valid.

        Returns at once.

        A worker that is frozen or cut off from its database does not call this again in time. Then the operator ends
        what runs without its worker, so that nothing runs beside the attempt that follows, and starts nothing before
        the next call. Before the first call there is no limit.
        """
        ...

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Renew the lease from another thread while the event loop is held up. An expired lease stays expired."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """An existing run, with or without a worker; adoption changes its `state` (None: any state)."""

    deployment_id: str
    task_id: str
    name: str
    state: str | None


class RunOperator(Protocol):
    """An operator whose runs outlive their workers, so that any worker can find and end them.

    Raises nothing. A cluster that cannot be reached is logged; the next look finds what is there.
    """

    async def list_runs(self, connection: KubernetesAccess) -> Sequence[Run]:
        """Return all existing runs, also of other installations; none where they cannot be read."""
        ...

    async def end_run(self, connection: KubernetesAccess, run: Run) -> bool:
        """End a run and remove it, unless another attempt took it since. Return whether it is being ended."""
        ...


@dataclass(slots=True)
class WorkloadStore:
    """What Boreas stores of a workload beside what its cluster knows.

    `unfinished` is what an earlier rollout left half way. An operator saves each change before it makes it; `write`
    makes that outlive the process.
    """

    moved: MovedWorkload | None = None
    unfinished: MovedWorkload | None = None
    write: Callable[[MovedWorkload | None], Awaitable[None]] | None = None

    async def save(self, moved: MovedWorkload | None) -> None:
        """Save what was done, or is about to be; None: no change is left. Raises what `write` raises."""
        if moved != self.moved:
            if self.write is not None:
                await self.write(moved)
            self.moved = moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload of a rollout that an operator changes as a whole: a Deployment of a cluster.

    `image` is that of the new version, `previous_image` that of the version before (None: no version ran before, or it
    has none). The ids and names become labels, by which another worker finds the created objects. `store` is what
    Boreas itself knows of the rollout.
    """

    connection: KubernetesAccess
    target: KubernetesTarget
    deployment_id: str
    task_id: str
    application: str
    application_id: str
    version: str
    image: str
    previous_image: str | None
    store: WorkloadStore = field(default_factory=WorkloadStore, compare=False)


class RolloutOperator(Protocol):
    """Moves workloads as a whole. Whatever goes wrong with one is an outcome, not an exception.

    Every method may be called again after a crash. Cancelling one leaves the workload as it is.
    """

    async def size(self, workload: Workload) -> int:
        """Return how many replicas the workload is to have."""
        ...

    async def incompatibility(self, workload: Workload, strategy: Strategy, size: int) -> str | None:
        """Return why a strategy cannot work for the workload, before anything is touched; None where it can."""
        ...

    async def apply(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Give the workload a shape. Return once all of it is ready, or cannot become ready."""
        ...

    async def observe(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Check a workload that has its shape: FAILED where replicas stopped serving, or somebody changed it.

        The answer covers the whole time since the shape was applied.
        """
        ...

    async def resolve_service(self, workload: Workload, shape: Shape) -> str | None:
        """Return the Service by which the new version can be asked; None where the workload names none.

        It is that of a set beside the base where there is one, else the one that the workload names.
        """
        ...

    async def roll_back(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Bring back the version before, from any shape on the way to `shape`. Remove what the rollout made."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of a probe; `detail` is its description in words."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of a metric query: the values of all series; without any, `detail` says why."""

    values: tuple[float, ...]
    detail: str


class Probe(Protocol):
    """Requests health and metrics from HTTP endpoints."""

    async def get(self, url: str, expect_status: int, timeout_seconds: float, *, loopback: bool = True) -> ProbeResult:
        """Return whether `url` answers with the status in time. Never raises for what the server does.

        `loopback` allows requests to this machine itself.
        """
        ...

    async def measure(self, url: str, query: str, timeout_seconds: float, *, loopback: bool = True) -> Measurement:
        """Return the values of an instant query of the Prometheus at `url`.

        Never raises for what the server does.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work for a worker of a pool. Jobs with the same `key` that are still queued are one.

    `delay` is seconds.
    """

    pool: str
    name: str
    args: tuple[str, ...]
    key: str
    delay: float = 0.0


JobFunction = Callable[..., Awaitable[None]]
"""A job as the queue calls it: with a context of its own, then the job's arguments."""


class JobQueue(Protocol):
    """Sends jobs to workers.

    A job may be lost or come twice: what it does is checked against the database.
    """

    async def send(self, jobs: Sequence[Job]) -> None:
        """Send the jobs. Raises nothing: a queue that is away is logged, and the sweep sends them again."""
        ...


class Listener(Protocol):
    """Messages of one topic, from the moment it was opened."""

    async def get(self, timeout_seconds: float) -> Sequence[bytes] | None:
        """Return the messages, waiting for the first; empty after the time; None when messages were dropped."""
        ...


class Bus(Protocol):
    """Carries fresh messages to all listeners.

    Messages may be lost: their numbers tell, the database fills in.
    """

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send (topic, message) pairs. Raises nothing: a bus that is away is logged."""
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Open a listener. It receives everything that is published after the context was entered."""
        ...
