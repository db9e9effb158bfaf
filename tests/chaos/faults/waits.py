"""Checks of approvals: no work begins before its approval, and each approval frees one thing."""

from collections.abc import Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import Approval, Effect, Event, Seen
from tests.chaos.faults.people import Said
from tests.chaos.faults.scripts import Ground, Scripted
from tests.chaos.faults.work import ENDED

ANSWERS = {"ALREADY_DECIDED", "WRONG_STATE", "SELF_APPROVAL"}
RESUMED = {("WAITING_CONFIRM", "PENDING"), ("WAITING_CONFIRM", "RUNNING")}


def approvals(asked: Scripted, seen: Seen, ground: Ground, given: dict[str, int], where: str) -> Violations:
    """Check all approvals. `given` has the position among the effects at which each was about to be given."""
    for approval in seen.approvals:
        yield from _decisions(approval, seen, f"{where} approval {approval.id} ({approval.subject})")
    yield from _resumed(seen, where)
    yield from _beginnings(asked, seen, ground, given, where)


def _decisions(approval: Approval, seen: Seen, where: str) -> Violations:
    """An approval is where its decisions leave it, and each of them is one event."""
    verdicts = [verdict for _, verdict in approval.decisions]
    enough = verdicts.count("APPROVE") >= approval.required
    right = {
        "APPROVED": enough and "REJECT" not in verdicts,
        "REJECTED": verdicts.count("REJECT") == 1 and not enough,
        "PENDING": seen.status not in ENDED and not enough and "REJECT" not in verdicts,
    }.get(approval.status, not enough and "REJECT" not in verdicts)
    if not right:
        yield Violation("approval", where, f"is {approval.status} of a deployment that is {seen.status}: {verdicts}")
    if len({actor for actor, _ in approval.decisions}) != len(verdicts) or len(verdicts) > approval.required:
        yield Violation("approval", where, f"was decided too often: {approval.decisions} ({approval.required} wanted)")
    told = [event.verdict for event in seen.events if event.approval_id == approval.id]
    expired = ["REJECT"] if approval.status == "EXPIRED" else []
    if told != [None, *verdicts, *expired]:
        yield Violation("approval", where, f"its events tell {told}, decided were {verdicts}")


def _resumed(seen: Seen, where: str) -> Violations:
    """A waiting task resumes right after its own last approval, once; no other does."""
    known = {one.id: one for one in seen.approvals}
    last = {event.approval_id: event for event in seen.events if event.verdict}
    resumed: list[str | None] = []
    for before, event in zip(seen.events, seen.events[1:], strict=False):
        if (event.was, event.now) not in RESUMED or event.task_id is None:
            continue
        approval = known.get(before.approval_id or "")
        if approval is not None and approval.status == "APPROVED" and last[approval.id] is before:
            resumed.append(approval.id)
            if approval.task_id != event.task_id:
                yield Violation("approval", where, f"{approval.id} let another one go on: event {event.number}")
        elif not _withdrawn(seen, event):
            yield Violation("approval", where, f"event {event.number}: {event.task_id} went on without its approval")
    wanted = [one.id for one in seen.approvals if one.status == "APPROVED" and one.task_id]
    if sorted(map(str, resumed)) != sorted(wanted):
        yield Violation("approval", where, f"{resumed} let something go on, approved were {wanted}")


def _withdrawn(seen: Seen, event: Event) -> bool:
    """Whether a task went back to PENDING because a failure withdrew its request."""
    mine = [approval for approval in seen.approvals if approval.task_id == event.task_id and approval.subject == "TASK"]
    return event.now == "PENDING" and bool(mine) and mine[-1].status == "CANCELLED"


def _beginnings(asked: Scripted, seen: Seen, ground: Ground, given: dict[str, int], where: str) -> Violations:
    """Each task that asks has begun after its approval, by the events and by its effects."""
    scripts = {task.key: task for task in asked.tasks}
    whole = asked.asks or ground.policies[asked.environment] is not None
    for task in seen.tasks:
        script = scripts[task.key]
        runs = [effect for effect in seen.effects.get(task.id, []) if effect.kind == "run"]
        starts = [event for event in seen.events if event.task_id == task.id and event.now == "RUNNING"]
        place = f"{where} task {task.key}"
        if script.asks:
            mine = [
                approval for approval in seen.approvals if approval.subject == "TASK" and approval.task_id == task.id
            ]
            yield from _after(mine, starts, runs, seen, given, place)
        if script.application and whole:
            mine = [approval for approval in seen.approvals if approval.subject == "DEPLOYMENT"]
            yield from _after(mine, starts, runs, seen, given, place)
        for number, step in enumerate(asked.steps if script.application else ()):
            if step.asks:
                first = asked.first_batch(number)
                mine = [
                    approval for approval in seen.approvals if approval.task_id == task.id and approval.step == number
                ]
                begun = [event for event in _forward(seen, task.id) if event.batch >= first]
                late = [effect for effect in runs if effect.batch >= first]
                yield from _after(mine, begun, late, seen, given, f"{place} step {number}")


def _after(
    mine: Sequence[Approval],
    begun: Sequence[Event],
    runs: Sequence[Effect],
    seen: Seen,
    given: dict[str, int],
    where: str,
) -> Violations:
    """Check that `begun` and `runs` came after the one given approval of `mine`."""
    approved = [approval for approval in mine if approval.status == "APPROVED"]
    if len(approved) > 1:
        yield Violation("approval", where, f"was approved {len(approved)} times")
    if (begun or runs) and not approved:
        yield Violation("approval", where, f"began though it was {[one.status for one in mine]}")
    for approval in approved:
        decided = max((event.number for event in seen.events if event.approval_id == approval.id), default=0)
        if begun and begun[0].number < decided:
            yield Violation("approval", where, f"began with event {begun[0].number}, approved with {decided}")
        if runs and runs[0].at < given.get(approval.id, runs[0].at + 1):
            yield Violation("approval", where, "its command began before anybody approved it")


def _forward(seen: Seen, task_id: str) -> list[Event]:
    """Return the progress of a task's rollout before its rollback."""
    back = next((event.number for event in seen.events if event.now == "ROLLING_BACK"), len(seen.events) + 1)
    return [
        event for event in seen.events if event.task_id == task_id and event.weight is not None and event.number < back
    ]


def weights(seen: Seen, where: str) -> Violations:
    """The share of the new version only grows, but in a rollback, where it only falls."""
    for task in seen.tasks:
        forward = _forward(seen, task.id)
        told = [event for event in seen.events if event.task_id == task.id and event.weight is not None]
        there = [event.weight or 0.0 for event in forward]
        back = [event.weight or 0.0 for event in told[len(forward) :]]
        if there != sorted(there) or back != sorted(back, reverse=True):
            yield Violation("weight", f"{where} task {task.key}", f"went {there}, and back {back}")


def answers(said: Sequence[Said], seen: Sequence[Seen], people: Sequence[str]) -> Violations:
    """The stored decisions are the answered ones: each person whose decision was accepted decided once."""
    kept = {
        (approval.id, *decision)
        for deployment in seen
        for approval in deployment.approvals
        for decision in approval.decisions
    }
    took = {(each.approval_id, each.actor_id, each.verdict) for each in said if each.took}
    for approval_id, actor, verdict in sorted(took ^ kept):
        what = "was answered" if (approval_id, actor, verdict) in took else "is kept"
        yield Violation("decision", f"approval {approval_id}", f"{verdict} of {actor} {what}, and not the other")
    for approval_id, actor, verdict in sorted(kept):
        if actor not in people:
            yield Violation("decision", f"approval {approval_id}", f"{actor} started it, and decided: {verdict}")
    keys = {(each.approval_id, each.actor_id): set[str]() for each in said}
    for each in said:
        if each.took:
            keys[each.approval_id, each.actor_id].add(each.key)
    for each in said:
        if not each.took and not ANSWERS.issuperset(each.codes):
            yield Violation("decision", f"approval {each.approval_id}", f"{each.verdict} was refused with {each.codes}")
    for (approval_id, actor), used in keys.items():
        if len(used) > 1:
            yield Violation("decision", f"approval {approval_id}", f"{actor} decided {len(used)} times")
