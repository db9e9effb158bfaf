"""What must be true whatever happened: endings, attempts and effects. Each check yields what is not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.core.retry import MAX_LOSSES
from tests.chaos.faults.observe import REFUSALS, Attempt, Effect, Seen, Task
from tests.chaos.faults.scripts import Ground, Policy, Scripted, ScriptedTask, ancestors
from tests.chaos.faults.work import ENDED


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: `kind` groups it, `where` names the object, `what` describes it."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"[{self.kind}] {self.where}: {self.what}"


Violations = Iterator[Violation]


def existence(statuses: Sequence[dict[str, str]], versions: dict[int, str], made: dict[int, str]) -> Violations:
    """Each deployment that was asked for exists exactly once: each has a version of its own."""
    of_version: dict[str, list[str]] = {}
    for row in statuses:
        of_version.setdefault(row["versionId"], []).append(row["id"])
    if len({one["id"] for one in statuses}) != len(statuses):
        yield Violation("existence", "list of deployments", "the pages hold a deployment twice")
    for number, version in versions.items():
        found = of_version.pop(version, [])
        if found != [made.get(number)]:
            yield Violation("existence", f"deployment {number}", f"exists as {found}, was answered {made.get(number)}")
    for version, ids in of_version.items():
        yield Violation("existence", f"version {version}", f"deployments that nobody asked for: {ids}")


def deployment(asked: Scripted, seen: Seen, ground: Ground) -> Violations:
    """Check how a deployment ended, and all attempts and effects of its tasks."""
    where = f"deployment {asked.number} ({asked.shape}, {seen.id})"
    scripts = {task.key: task for task in asked.tasks}
    if sorted(scripts) != sorted(task.key for task in seen.tasks):
        yield Violation("graph", where, "its tasks are not those that were asked for")
        return
    yield from _ending(asked, seen, ground.policies[asked.environment], where)
    for task in seen.tasks:
        script = scripts[task.key]
        place = f"{where} task {task.key}"
        if seen.status in ENDED:
            yield from _task(script, task, place)
        instances = ground.applications[script.application] if script.application else ("-",)
        effects = seen.effects.get(task.id, [])
        yield from order(task, effects, place)
        for attempt in task.attempts:
            mine = [effect for effect in effects if effect.attempt == attempt.number]
            yield from _attempt(script, attempt, mine, f"{place} attempt {attempt.number}")
        if task.status in ("SUCCESS", "ROLLED_BACK"):
            yield from _instances(task, instances, effects, place, sets=asked.kind == "BLUE_GREEN")


def lost_for_good(task: Task) -> bool:
    """Whether so many attempts lost their worker that the task may fail for that."""
    return sum(attempt.status == "CANCELLED" for attempt in task.attempts) > MAX_LOSSES


def _ending(asked: Scripted, seen: Seen, policy: Policy | None, where: str) -> Violations:
    if seen.status not in ENDED:
        waits = ", ".join(f"{task.key} {task.status}" for task in seen.tasks if task.status not in ENDED)
        yield Violation("ending", where, f"has not ended: {seen.status}; {waits or 'all of its tasks have'}")
        return
    failed = set(_failed(seen))
    refusals = REFUSALS.intersection(approval.status for approval in seen.approvals)
    if refusals:
        keeps = "EXPIRED" in refusals and policy is not None and policy.on_timeout == "CANCEL"
        wanted = {"CANCELLED"} if keeps else _after_refusal(asked, seen)
    elif not failed:
        doomed = [task.key for task in asked.tasks if task.doomed]
        wanted = {"SUCCESS"} if not doomed else set()
    elif not asked.auto_rollback:
        wanted = {"FAILED"}
    else:
        wanted = _after_failure(asked, seen, failed)
    if seen.status not in wanted:
        why = f"; failed: {', '.join(sorted(failed)) or 'none'}; {seen.message}"
        yield Violation(
            "ending", where, f"is {seen.status}, expected {' or '.join(sorted(wanted)) or 'a failure'}{why}"
        )
    if seen.status == "SUCCESS":
        for task in seen.tasks:
            if task.status != "SUCCESS":
                yield Violation("ending", f"{where} task {task.key}", f"is {task.status} in a successful deployment")


def _after_refusal(asked: Scripted, seen: Seen) -> set[str]:
    """Return the possible ends of a rejected deployment, by what it certainly or perhaps touched."""
    deploys = {task.key for task in asked.tasks if task.application}
    begun = [task for task in seen.tasks if task.key in deploys and task.attempts]
    if not begun:
        return {"CANCELLED"}
    back = {"ROLLED_BACK", "FAILED"} if any(map(lost_for_good, begun)) else {"ROLLED_BACK"}
    return back if any(seen.effects.get(task.id) for task in begun) else back | {"CANCELLED"}


def _failed(seen: Seen) -> Iterator[str]:
    """Yield the tasks whose own work failed for good, also where it was undone later."""
    for task in seen.tasks:
        if task.status == "FAILED" or (
            task.status == "ROLLED_BACK" and not any(attempt.status == "SUCCESS" for attempt in task.attempts)
        ):
            yield task.key


def _after_failure(asked: Scripted, seen: Seen, failed: set[str]) -> set[str]:
    """Return the possible ends of a deployment that rolls back, by what it certainly or perhaps touched."""
    deploys = {task.key for task in asked.tasks if task.application}
    certain = deploys & failed
    for key in failed:
        certain |= deploys & ancestors(asked.tasks, key)
    if any(lost_for_good(task) for task in seen.tasks if task.key in deploys):
        return {"ROLLED_BACK", "FAILED"}
    if certain:
        return {"ROLLED_BACK"}
    begun = {task.key for task in seen.tasks if task.key in deploys and task.attempts}
    started = {task.key for task in seen.tasks if task.key in deploys and seen.effects.get(task.id)}
    if started:
        return {"ROLLED_BACK"}
    return {"ROLLED_BACK", "FAILED"} if begun else {"FAILED"}


def _task(script: ScriptedTask, task: Task, where: str) -> Violations:
    """Check a task of an ended deployment against its attempts."""
    numbers = [attempt.number for attempt in task.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("attempts", where, f"attempts are numbered {numbers}")
    if task.status in ("RUNNING", "WAITING_CONFIRM"):
        yield Violation("ending", where, f"is {task.status} though its deployment has ended")
    count = {
        status: sum(attempt.status == status for attempt in task.attempts)
        for status in ("SUCCESS", "FAILED", "CANCELLED", "RUNNING")
    }
    if count["RUNNING"]:
        yield Violation("attempts", where, "an attempt is RUNNING though its deployment has ended")
    if count["SUCCESS"] > 1 or (task.status == "SUCCESS" and count["SUCCESS"] != 1):
        yield Violation("attempts", where, f"is {task.status} with {count['SUCCESS']} successful attempts")
    if count["FAILED"] > task.max_attempts:
        yield Violation("attempts", where, f"{count['FAILED']} attempts failed, {task.max_attempts} are allowed")
    if task.status == "FAILED" and not lost_for_good(task):
        if count["FAILED"] != task.max_attempts:
            lost = f"{count['CANCELLED']} lost"
            what = f"failed after {count['FAILED']} failed attempts of {task.max_attempts}, {lost}: {task.message}"
            yield Violation("attempts", where, what)
        if not script.doomed:
            yield Violation("ending", where, f"failed for good though its command succeeds: {task.message}")
    if task.attempts and task.status == "BLOCKED":
        yield Violation("attempts", where, "was tried though it is BLOCKED")


def order(task: Task, effects: Sequence[Effect], where: str) -> Violations:
    """No line of an unknown attempt, no second start, no two attempts at the same time on an instance."""
    known = {attempt.number for attempt in task.attempts}
    newest: dict[str, int] = {}
    said: set[tuple[str, int, str]] = set()
    started: set[tuple[int, str]] = set()
    for effect in effects:
        place = f"{where} attempt {effect.attempt} at {effect.place}"
        if effect.attempt not in known:
            yield from _once(said, "unrecorded attempt", place, "a command ran for an attempt that is not recorded")
        if effect.word == "start":
            if (effect.attempt, effect.place) in started:
                yield Violation("doubled start", place, "its command was started twice")
            started.add((effect.attempt, effect.place))
        elif (effect.attempt, effect.place) not in started:
            yield Violation("effects", place, f"“{effect.word}” comes without a start")
        if effect.attempt < newest.get(effect.instance, 0):
            what = f"its command still ran when attempt {newest[effect.instance]} had started"
            yield from _once(said, "overlap", place, what)
        newest[effect.instance] = max(effect.attempt, newest.get(effect.instance, 0))


def _once(said: set[tuple[str, int, str]], kind: str, place: str, what: str) -> Violations:
    if (kind, 0, place) not in said:
        said.add((kind, 0, place))
        yield Violation(kind, place, what)


def _attempt(script: ScriptedTask, attempt: Attempt, effects: Sequence[Effect], where: str) -> Violations:
    """Check an attempt's status against the effects of its command."""
    started = [effect.place for effect in effects if effect.word == "start"]
    ended = [effect.place for effect in effects if effect.word == "end"]
    kinds = {effect.kind for effect in effects}
    if attempt.status == "CANCELLED":
        return
    if len(kinds) > 1:
        yield Violation("effects", where, "ran and undid in one attempt")
    if sorted(started) != sorted(ended) and (attempt.status != "FAILED" or ended):
        what = f"is {attempt.status}, but of {sorted(started)} only {sorted(ended)} came to an end: {attempt.message}"
        yield Violation("effects", where, what)
    undo = attempt.status == "ROLLED_BACK"
    if kinds and undo != (kinds == {"undo"}):
        yield Violation("effects", where, f"is {attempt.status}, but its commands were {kinds}")
    if attempt.status == "SUCCESS" and attempt.number <= script.fails:
        yield Violation("effects", where, "succeeded though its command fails")
    if attempt.status == "FAILED":
        fails = attempt.number <= script.fails and (not script.where or script.where in ended)
        if not fails or not ended:
            yield Violation("failed attempt", where, f"failed though its command does not: {attempt.message}")
    if not script.application and attempt.status == "SUCCESS" and not started:
        yield Violation("effects", where, "succeeded without running its command")


def _instances(
    task: Task, instances: Sequence[str], effects: Sequence[Effect], where: str, *, sets: bool
) -> Violations:
    """A successful task reached every instance; an undone one was undone on each that was begun."""
    last = {(effect.kind, effect.phase, effect.instance): effect for effect in effects}

    def left(kind: str, phase: str, wanted: Iterable[str]) -> list[str]:
        found = {instance: last.get((kind, phase, instance)) for instance in wanted}
        return [instance for instance, effect in found.items() if effect is None or effect.word != "end"]

    run = {effect.phase for effect in effects if effect.kind == "run"}
    if any(attempt.status == "SUCCESS" for attempt in task.attempts):
        for phase in run or {"-"}:
            if missing := left("run", phase, instances):
                yield Violation("effects", where, f"succeeded, but {phase} did not come to an end on {missing}")
    if task.status == "ROLLED_BACK":
        touched = {instance: effect for (kind, _, instance), effect in last.items() if kind == "run"}
        ways = ["retire"] if sets else ["bring"]
        if "switch" in run and any(effect.previous != "-" for effect in touched.values()):
            ways.append("switch")
        for phase in ways:
            if missing := left("undo", phase, touched):
                yield Violation("effects", where, f"was rolled back, but {phase} not on {missing}")
