"""One run: start everything, deploy while it fails, let it come to rest, and check."""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import checks, feeds, waits
from tests.chaos.faults.calls import Calls, NoAnswerError
from tests.chaos.faults.checks import Violation
from tests.chaos.faults.faults import Storm
from tests.chaos.faults.fleet import TOKEN, Fleet, fleet
from tests.chaos.faults.observe import ObservedDeployment, observe, read_effects
from tests.chaos.faults.people import People, Person
from tests.chaos.faults.report import Report
from tests.chaos.faults.scripts import Scripted, Stage, draw, ground
from tests.chaos.faults.sets import sets
from tests.chaos.faults.work import ENDED, Work

DEPLOYING = 0.85
"""The part of the time with faults in which deployments are created."""
PROBE_SECONDS = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much, how long, how hard. `drain` is the time limit to end after the last fault, in seconds."""

    seconds: float = 180
    deployments: int = 100
    tasks: int = 20
    every: float = 2
    seed: int = 0
    workers: int = 3
    apis: int = 2
    lease: float = 5
    drain: float = 300
    environments: int = 6
    applications: int = 12
    keep: bool = False


def run(options: Options) -> Report:
    """Run and check everything. The folder stays after a violation or an error."""
    folder = Path(tempfile.mkdtemp(prefix="boreas-faults-"))
    folder.chmod(0o755)
    report = Report(options.seed, folder)
    try:
        asyncio.run(_run(options, report))
    except BaseException:
        print(f"What the processes wrote is in {folder}", flush=True)
        raise
    if not report.violations and not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return report


async def _run(options: Options, report: Report) -> None:
    chance = random.Random(options.seed)
    run_name = f"{options.seed % 100_000}"
    field = ground(chance, options.applications, options.environments, run_name)
    scripted = [draw(chance, number, options.tasks, field) for number in range(1, options.deployments + 1)]
    processes = fleet(report.folder, options.workers, options.apis, options.lease)
    try:
        await processes.start()
        calls = Calls(processes.urls, TOKEN)
        work = Work(calls, Stage(report.folder), field, run_name)
        async with running_beside(processes.keep()):
            viewer = (await calls.query("{ viewer { id } }"))["viewer"]["id"]
            people = People(Person(viewer, calls), work.stage.effects, options.seed)
            await people.arrive(processes.urls)
            await work.settle()
            async with running_beside(people.answer()):
                await _storm(options, report, processes, work, scripted, random.Random(chance.random()))
            await _check_all(options, report, work, people, scripted)
    finally:
        processes.close()
        await processes.part()
        report.take(processes)


@asynccontextmanager
async def running_beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a task for the duration of the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _storm(
    options: Options, report: Report, processes: Fleet, work: Work, scripted: list[Scripted], chance: random.Random
) -> None:
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:7.1f} s  {text}", flush=True)

    storm = Storm(processes, chance, say)
    report.faults = storm.counts
    async with asyncio.TaskGroup() as group:
        group.create_task(work.deploy_all(scripted, options.seconds * DEPLOYING))
        group.create_task(storm.rage(options.seconds, options.every))
    await processes.mend()
    say("no more faults")
    report.drained = await work.until_ended(options.drain)
    say("at rest")


async def _check_all(options: Options, report: Report, work: Work, people: People, scripted: list[Scripted]) -> None:
    effects, approval_positions = read_effects(work.stage.effects)
    statuses = await work.statuses()
    violations = report.violations
    violations += [Violation("refused", "creation", text) for text in work.refused]
    violations += [Violation("refused", "decision", text) for text in people.errors]
    violations += checks.existence(statuses, work.versions, work.deployment_ids)
    scripted_by_id = {
        work.deployment_ids[deployment.number]: deployment
        for deployment in scripted
        if deployment.number in work.deployment_ids
    }
    report.deployments = await observe(work.calls, list(scripted_by_id), effects)
    for observed in report.deployments:
        violations += _check_deployment(scripted_by_id[observed.id], observed, work, approval_positions)
    violations += sets(scripted_by_id, report.deployments, work.ground)
    violations += waits.answers(people.decisions, report.deployments, [person.id for person in people.approvers])
    task_ids = {task.id for observed in report.deployments for task in observed.tasks}
    violations += [Violation("effects", task_id, "a command ran for no task") for task_id in effects.keys() - task_ids]
    await _repeat(report, work, scripted)
    await _probe(report, work, scripted)
    all_calls = [work.calls, *(person.calls for person in people.approvers)]
    violations += [
        Violation("answer", "API", text) for calls in all_calls for text in dict.fromkeys(calls.unexpected_answers)
    ]
    report.repeated = sum(calls.repeated for calls in all_calls)


def _check_deployment(
    scripted: Scripted, observed: ObservedDeployment, work: Work, approval_positions: dict[str, int]
) -> Iterator[Violation]:
    location = f"deployment {scripted.number} ({observed.id})"
    yield from checks.deployment(scripted, observed, work.ground)
    yield from waits.approvals(scripted, observed, work.ground, approval_positions, location)
    yield from waits.weights(observed, location)
    yield from feeds.events(observed, location)
    yield from feeds.logs(observed, location, {task.key: task.lines for task in scripted.tasks})


async def _repeat(report: Report, work: Work, scripted: list[Scripted]) -> None:
    """Create some deployments again: the same key must give the same id."""
    for deployment in scripted[:: max(1, len(scripted) // 10)]:
        if deployment.number in work.deployment_ids:
            repeated_id = await work.create(deployment, work.versions[deployment.number])
            if repeated_id != work.deployment_ids[deployment.number]:
                report.violations.append(
                    Violation(
                        "existence", f"deployment {deployment.number}", f"its key answers {repeated_id} the second time"
                    )
                )


async def _probe(report: Report, work: Work, scripted: list[Scripted]) -> None:
    """Deploy everything everywhere: ended deployments must have left no lock."""
    try:
        probes = await work.probe(PROBE_SECONDS)
        statuses = {row["id"]: row["status"] for row in await work.statuses()}
    except NoAnswerError as error:
        report.violations.append(Violation("locks", "afterwards", str(error)))
        return
    ended_ids = {id_ for id_, status in statuses.items() if status in ENDED}
    busy = {
        work.environments[deployment.environment]
        for deployment in scripted
        if deployment.number in work.deployment_ids and work.deployment_ids[deployment.number] not in ended_ids
    }
    for environment, id_ in probes.items():
        if statuses.get(id_) != "SUCCESS" and environment not in busy:
            details = f"deploying all applications again is {statuses.get(id_)}"
            report.violations.append(Violation("locks", f"environment {environment}", details))
