"""Checks of endings, attempts and effects after a run. Each check yields its violations."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.core.retry import MAX_LOSSES
from tests.chaos.faults.observe import REFUSALS, Attempt, Effect, ObservedDeployment, Task
from tests.chaos.faults.scripts import Ground, Policy, Scripted, ScriptedTask, ancestors
from tests.chaos.faults.work import ENDED


@dataclass(frozen=True, slots=True)
class Violation:
    """A violated guarantee: `kind` groups it, `location` names the object, `details` describe it."""

    kind: str
    location: str
    details: str

    def __str__(self) -> str:
        return f"[{self.kind}] {self.location}: {self.details}"


Violations = Iterator[Violation]


def existence(
    statuses: Sequence[dict[str, str]], versions: dict[int, str], deployment_ids: dict[int, str]
) -> Violations:
    """Check that each requested deployment exists exactly once; each has a version of its own."""
    ids_by_version: dict[str, list[str]] = {}
    for row in statuses:
        ids_by_version.setdefault(row["versionId"], []).append(row["id"])
    if len({row["id"] for row in statuses}) != len(statuses):
        yield Violation("existence", "list of deployments", "the pages hold a deployment twice")
    for number, version in versions.items():
        ids_found = ids_by_version.pop(version, [])
        if ids_found != [deployment_ids.get(number)]:
            yield Violation(
                "existence", f"deployment {number}", f"exists as {ids_found}, was answered {deployment_ids.get(number)}"
            )
    for version, ids in ids_by_version.items():
        yield Violation("existence", f"version {version}", f"deployments that nobody asked for: {ids}")


def deployment(scripted: Scripted, observed: ObservedDeployment, ground: Ground) -> Violations:
    """Check how a deployment ended, and all attempts and effects of its tasks."""
    location = f"deployment {scripted.number} ({scripted.shape}, {observed.id})"
    scripts = {task.key: task for task in scripted.tasks}
    if sorted(scripts) != sorted(task.key for task in observed.tasks):
        yield Violation("graph", location, "its tasks are not those that were asked for")
        return
    yield from _ending(scripted, observed, ground.policies[scripted.environment], location)
    for task in observed.tasks:
        script = scripts[task.key]
        place = f"{location} task {task.key}"
        if observed.status in ENDED:
            yield from _task(script, task, place)
        instances = ground.applications[script.application] if script.application else ("-",)
        effects = observed.effects.get(task.id, [])
        yield from order(task, effects, place)
        for attempt in task.attempts:
            attempt_effects = [effect for effect in effects if effect.attempt == attempt.number]
            yield from _attempt(script, attempt, attempt_effects, f"{place} attempt {attempt.number}")
        if task.status in ("SUCCESS", "ROLLED_BACK"):
            yield from _instances(task, instances, effects, place, sets=scripted.kind == "BLUE_GREEN")


def lost_for_good(task: Task) -> bool:
    """Return whether so many attempts lost their worker that the task may fail."""
    return sum(attempt.status == "CANCELLED" for attempt in task.attempts) > MAX_LOSSES


def _ending(scripted: Scripted, observed: ObservedDeployment, policy: Policy | None, location: str) -> Violations:
    if observed.status not in ENDED:
        waits = ", ".join(f"{task.key} {task.status}" for task in observed.tasks if task.status not in ENDED)
        yield Violation("ending", location, f"has not ended: {observed.status}; {waits or 'all of its tasks have'}")
        return
    failed = set(_failed(observed))
    refusals = REFUSALS.intersection(approval.status for approval in observed.approvals)
    if refusals:
        cancels = "EXPIRED" in refusals and policy is not None and policy.on_timeout == "CANCEL"
        expected = {"CANCELLED"} if cancels else _after_refusal(scripted, observed)
    elif not failed:
        doomed = [task.key for task in scripted.tasks if task.doomed]
        expected = {"SUCCESS"} if not doomed else set()
    elif not scripted.auto_rollback:
        expected = {"FAILED"}
    else:
        expected = _after_failure(scripted, observed, failed)
    if observed.status not in expected:
        reasons = f"; failed: {', '.join(sorted(failed)) or 'none'}; {observed.message}"
        yield Violation(
            "ending",
            location,
            f"is {observed.status}, expected {' or '.join(sorted(expected)) or 'a failure'}{reasons}",
        )
    if observed.status == "SUCCESS":
        for task in observed.tasks:
            if task.status != "SUCCESS":
                yield Violation("ending", f"{location} task {task.key}", f"is {task.status} in a successful deployment")


def _after_refusal(scripted: Scripted, observed: ObservedDeployment) -> set[str]:
    """Return the possible endings of a rejected deployment, by the tasks that it touched."""
    deploys = {task.key for task in scripted.tasks if task.application}
    touched = [task for task in observed.tasks if task.key in deploys and task.attempts]
    if not touched:
        return {"CANCELLED"}
    rollback_statuses = {"ROLLED_BACK", "FAILED"} if any(map(lost_for_good, touched)) else {"ROLLED_BACK"}
    return (
        rollback_statuses
        if any(observed.effects.get(task.id) for task in touched)
        else rollback_statuses | {"CANCELLED"}
    )


def _failed(observed: ObservedDeployment) -> Iterator[str]:
    """Yield the tasks that failed finally, also those that were rolled back later."""
    for task in observed.tasks:
        if task.status == "FAILED" or (
            task.status == "ROLLED_BACK" and not any(attempt.status == "SUCCESS" for attempt in task.attempts)
        ):
            yield task.key


def _after_failure(scripted: Scripted, observed: ObservedDeployment, failed: set[str]) -> set[str]:
    """Return the possible endings of a deployment that rolls back, by the tasks that it touched."""
    deploys = {task.key for task in scripted.tasks if task.application}
    certainly_touched = deploys & failed
    for key in failed:
        certainly_touched |= deploys & ancestors(scripted.tasks, key)
    if any(lost_for_good(task) for task in observed.tasks if task.key in deploys):
        return {"ROLLED_BACK", "FAILED"}
    if certainly_touched:
        return {"ROLLED_BACK"}
    touched = {task.key for task in observed.tasks if task.key in deploys and task.attempts}
    started = {task.key for task in observed.tasks if task.key in deploys and observed.effects.get(task.id)}
    if started:
        return {"ROLLED_BACK"}
    return {"ROLLED_BACK", "FAILED"} if touched else {"FAILED"}


def _task(script: ScriptedTask, task: Task, location: str) -> Violations:
    """Check a task of an ended deployment against its attempts."""
    numbers = [attempt.number for attempt in task.attempts]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("attempts", location, f"attempts are numbered {numbers}")
    if task.status in ("RUNNING", "WAITING_CONFIRM"):
        yield Violation("ending", location, f"is {task.status} though its deployment has ended")
    count = {
        status: sum(attempt.status == status for attempt in task.attempts)
        for status in ("SUCCESS", "FAILED", "CANCELLED", "RUNNING")
    }
    if count["RUNNING"]:
        yield Violation("attempts", location, "an attempt is RUNNING though its deployment has ended")
    if count["SUCCESS"] > 1 or (task.status == "SUCCESS" and count["SUCCESS"] != 1):
        yield Violation("attempts", location, f"is {task.status} with {count['SUCCESS']} successful attempts")
    if count["FAILED"] > task.max_attempts:
        yield Violation("attempts", location, f"{count['FAILED']} attempts failed, {task.max_attempts} are allowed")
    if task.status == "FAILED" and not lost_for_good(task):
        if count["FAILED"] != task.max_attempts:
            losses = f"{count['CANCELLED']} lost"
            details = f"failed after {count['FAILED']} failed attempts of {task.max_attempts}, {losses}: {task.message}"
            yield Violation("attempts", location, details)
        if not script.doomed:
            yield Violation("ending", location, f"failed for good though its command succeeds: {task.message}")
    if task.attempts and task.status == "BLOCKED":
        yield Violation("attempts", location, "was tried though it is BLOCKED")


def order(task: Task, effects: Sequence[Effect], location: str) -> Violations:
    """Check for unknown attempts, second starts and attempts that overlap on an instance."""
    numbers = {attempt.number for attempt in task.attempts}
    newest_by_instance: dict[str, int] = {}
    reported: set[tuple[str, int, str]] = set()
    started: set[tuple[int, str]] = set()
    for effect in effects:
        place = f"{location} attempt {effect.attempt} at {effect.place}"
        if effect.attempt not in numbers:
            yield from _once(reported, "unrecorded attempt", place, "a command ran for an attempt that is not recorded")
        if effect.word == "start":
            if (effect.attempt, effect.place) in started:
                yield Violation("doubled start", place, "its command was started twice")
            started.add((effect.attempt, effect.place))
        elif (effect.attempt, effect.place) not in started:
            yield Violation("effects", place, f"“{effect.word}” comes without a start")
        if effect.attempt < newest_by_instance.get(effect.instance, 0):
            details = f"its command still ran when attempt {newest_by_instance[effect.instance]} had started"
            yield from _once(reported, "overlap", place, details)
        newest_by_instance[effect.instance] = max(effect.attempt, newest_by_instance.get(effect.instance, 0))


def _once(reported: set[tuple[str, int, str]], kind: str, place: str, details: str) -> Violations:
    if (kind, 0, place) not in reported:
        reported.add((kind, 0, place))
        yield Violation(kind, place, details)


def _attempt(script: ScriptedTask, attempt: Attempt, effects: Sequence[Effect], location: str) -> Violations:
    """Check an attempt's status against the effects of its command."""
    started = [effect.place for effect in effects if effect.word == "start"]
    ended = [effect.place for effect in effects if effect.word == "end"]
    kinds = {effect.kind for effect in effects}
    if attempt.status == "CANCELLED":
        return
    if len(kinds) > 1:
        yield Violation("effects", location, "ran and undid in one attempt")
    if sorted(started) != sorted(ended) and (attempt.status != "FAILED" or ended):
        details = (
            f"is {attempt.status}, but of {sorted(started)} only {sorted(ended)} came to an end: {attempt.message}"
        )
        yield Violation("effects", location, details)
    undo = attempt.status == "ROLLED_BACK"
    if kinds and undo != (kinds == {"undo"}):
        yield Violation("effects", location, f"is {attempt.status}, but its commands were {kinds}")
    if attempt.status == "SUCCESS" and attempt.number <= script.fails:
        yield Violation("effects", location, "succeeded though its command fails")
    if attempt.status == "FAILED":
        fails = attempt.number <= script.fails and (not script.where or script.where in ended)
        if not fails or not ended:
            yield Violation("failed attempt", location, f"failed though its command does not: {attempt.message}")
    if not script.application and attempt.status == "SUCCESS" and not started:
        yield Violation("effects", location, "succeeded without running its command")


def _instances(
    task: Task, instances: Sequence[str], effects: Sequence[Effect], location: str, *, sets: bool
) -> Violations:
    """Check that a task succeeded on every instance, or was undone on each touched instance."""
    last_effects = {(effect.kind, effect.phase, effect.instance): effect for effect in effects}

    def unfinished(kind: str, phase: str, expected: Iterable[str]) -> list[str]:
        last_by_instance = {instance: last_effects.get((kind, phase, instance)) for instance in expected}
        return [instance for instance, effect in last_by_instance.items() if effect is None or effect.word != "end"]

    run_phases = {effect.phase for effect in effects if effect.kind == "run"}
    if any(attempt.status == "SUCCESS" for attempt in task.attempts):
        for phase in run_phases or {"-"}:
            if missing := unfinished("run", phase, instances):
                yield Violation("effects", location, f"succeeded, but {phase} did not come to an end on {missing}")
    if task.status == "ROLLED_BACK":
        touched_instances = {instance: effect for (kind, _, instance), effect in last_effects.items() if kind == "run"}
        phases = ["retire"] if sets else ["bring"]
        if "switch" in run_phases and any(effect.previous != "-" for effect in touched_instances.values()):
            phases.append("switch")
        for phase in phases:
            if missing := unfinished("undo", phase, touched_instances):
                yield Violation("effects", location, f"was rolled back, but {phase} not on {missing}")
