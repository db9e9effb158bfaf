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
from tests.chaos.faults.observe import Seen, observe, read_effects
from tests.chaos.faults.people import People, Person
from tests.chaos.faults.report import Report
from tests.chaos.faults.scripts import Scripted, Stage, draw, ground
from tests.chaos.faults.sets import sets
from tests.chaos.faults.work import ENDED, Work

DEPLOYING = 0.85
"""The part of the time with faults over which deployments are asked for."""
PROBE_SECONDS = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much, how long, how hard. `drain` is how many seconds all may take to end after the last fault."""

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
    """Do it all. The folder of the run stays where something was violated or broke."""
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
        async with beside(processes.keep()):
            viewer = (await calls.query("{ viewer { id } }"))["viewer"]["id"]
            people = People(Person(viewer, calls), work.stage.effects, options.seed)
            await people.arrive(processes.urls)
            await work.settle()
            async with beside(people.answer()):
                await _storm(options, report, processes, work, scripted, random.Random(chance.random()))
            await _look(options, report, work, people, scripted)
    finally:
        processes.close()
        await processes.part()
        report.take(processes)


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Let something go on for as long as the block takes."""
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
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {what}", flush=True)

    storm = Storm(processes, chance, say)
    report.faults = storm.done
    async with asyncio.TaskGroup() as group:
        group.create_task(work.deploy_all(scripted, options.seconds * DEPLOYING))
        group.create_task(storm.rage(options.seconds, options.every))
    await processes.mend()
    say("no more faults")
    report.drained = await work.until_ended(options.drain)
    say("at rest")


async def _look(options: Options, report: Report, work: Work, people: People, scripted: list[Scripted]) -> None:
    effects, given = read_effects(work.stage.effects)
    statuses = await work.statuses()
    found = report.violations
    found += [Violation("refused", "creation", text) for text in work.refused]
    found += [Violation("refused", "decision", text) for text in people.troubles]
    found += checks.existence(statuses, work.versions, work.made)
    asked = {work.made[deployment.number]: deployment for deployment in scripted if deployment.number in work.made}
    report.seen = await observe(work.calls, list(asked), effects)
    for seen in report.seen:
        found += _checked(asked[seen.id], seen, work, given)
    found += sets(asked, report.seen, work.ground)
    found += waits.answers(people.said, report.seen, [each.id for each in people.approvers])
    known = {task.id for seen in report.seen for task in seen.tasks}
    found += [Violation("effects", task_id, "a command ran for no task") for task_id in effects.keys() - known]
    await _repeat(report, work, scripted)
    await _probe(report, work, scripted)
    every = [work.calls, *(each.calls for each in people.approvers)]
    found += [Violation("answer", "API", text) for calls in every for text in dict.fromkeys(calls.odd)]
    report.repeated = sum(calls.repeated for calls in every)


def _checked(asked: Scripted, seen: Seen, work: Work, given: dict[str, int]) -> Iterator[Violation]:
    where = f"deployment {asked.number} ({seen.id})"
    yield from checks.deployment(asked, seen, work.ground)
    yield from waits.approvals(asked, seen, work.ground, given, where)
    yield from waits.weights(seen, where)
    yield from feeds.events(seen, where)
    yield from feeds.logs(seen, where, {task.key: task.lines for task in asked.tasks})


async def _repeat(report: Report, work: Work, scripted: list[Scripted]) -> None:
    """Ask for some deployments once more: the same key answers the same."""
    for deployment in scripted[:: max(1, len(scripted) // 10)]:
        if deployment.number in work.made:
            again = await work.create(deployment, work.versions[deployment.number])
            if again != work.made[deployment.number]:
                report.violations.append(
                    Violation(
                        "existence", f"deployment {deployment.number}", f"its key answers {again} the second time"
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
    ended = {id_ for id_, status in statuses.items() if status in ENDED}
    busy = {
        work.environments[deployment.environment]
        for deployment in scripted
        if deployment.number in work.made and work.made[deployment.number] not in ended
    }
    for environment, id_ in probes.items():
        if statuses.get(id_) != "SUCCESS" and environment not in busy:
            what = f"deploying all applications again is {statuses.get(id_)}"
            report.violations.append(Violation("locks", f"environment {environment}", what))
