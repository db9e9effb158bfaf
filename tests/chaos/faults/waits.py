"""Checks of approvals: no work begins before its approval, and each approval frees one thing."""

from collections.abc import Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import Approval, Effect, Event, ObservedDeployment
from tests.chaos.faults.people import Decision
from tests.chaos.faults.scripts import Ground, Scripted
from tests.chaos.faults.work import ENDED

ANSWERS = {"ALREADY_DECIDED", "WRONG_STATE", "SELF_APPROVAL"}
RESUMED = {("WAITING_CONFIRM", "PENDING"), ("WAITING_CONFIRM", "RUNNING")}


def approvals(
    scripted: Scripted, observed: ObservedDeployment, ground: Ground, approval_positions: dict[str, int], location: str
) -> Violations:
    """Check all approvals; `approval_positions` are the positions of imminent approvals among the effects."""
    for approval in observed.approvals:
        yield from _decisions(approval, observed, f"{location} approval {approval.id} ({approval.subject})")
    yield from _resumed(observed, location)
    yield from _beginnings(scripted, observed, ground, approval_positions, location)


def _decisions(approval: Approval, observed: ObservedDeployment, location: str) -> Violations:
    """Check the status of an approval against its decisions, and that each decision has one event."""
    verdicts = [verdict for _, verdict in approval.decisions]
    has_enough = verdicts.count("APPROVE") >= approval.required
    is_consistent = {
        "APPROVED": has_enough and "REJECT" not in verdicts,
        "REJECTED": verdicts.count("REJECT") == 1 and not has_enough,
        "PENDING": observed.status not in ENDED and not has_enough and "REJECT" not in verdicts,
    }.get(approval.status, not has_enough and "REJECT" not in verdicts)
    if not is_consistent:
        yield Violation(
            "approval", location, f"is {approval.status} of a deployment that is {observed.status}: {verdicts}"
        )
    if len({actor for actor, _ in approval.decisions}) != len(verdicts) or len(verdicts) > approval.required:
        yield Violation(
            "approval", location, f"was decided too often: {approval.decisions} ({approval.required} wanted)"
        )
    event_verdicts = [event.verdict for event in observed.events if event.approval_id == approval.id]
    expired = ["REJECT"] if approval.status == "EXPIRED" else []
    if event_verdicts != [None, *verdicts, *expired]:
        yield Violation("approval", location, f"its events tell {event_verdicts}, decided were {verdicts}")


def _resumed(observed: ObservedDeployment, location: str) -> Violations:
    """Check that a waiting task resumes once, right after its own last approval."""
    approvals_by_id = {approval.id: approval for approval in observed.approvals}
    last_verdicts = {event.approval_id: event for event in observed.events if event.verdict}
    resumed: list[str | None] = []
    for previous, event in zip(observed.events, observed.events[1:], strict=False):
        if (event.was, event.now) not in RESUMED or event.task_id is None:
            continue
        approval = approvals_by_id.get(previous.approval_id or "")
        if approval is not None and approval.status == "APPROVED" and last_verdicts[approval.id] is previous:
            resumed.append(approval.id)
            if approval.task_id != event.task_id:
                yield Violation("approval", location, f"{approval.id} let another one go on: event {event.number}")
        elif not _withdrawn(observed, event):
            yield Violation("approval", location, f"event {event.number}: {event.task_id} went on without its approval")
    expected = [approval.id for approval in observed.approvals if approval.status == "APPROVED" and approval.task_id]
    if sorted(map(str, resumed)) != sorted(expected):
        yield Violation("approval", location, f"{resumed} let something go on, approved were {expected}")


def _withdrawn(observed: ObservedDeployment, event: Event) -> bool:
    """Return whether a task went back to PENDING because a failure withdrew its request."""
    requests = [
        approval for approval in observed.approvals if approval.task_id == event.task_id and approval.subject == "TASK"
    ]
    return event.now == "PENDING" and bool(requests) and requests[-1].status == "CANCELLED"


def _beginnings(
    scripted: Scripted, observed: ObservedDeployment, ground: Ground, approval_positions: dict[str, int], location: str
) -> Violations:
    """Check by events and effects that each task began after its approval."""
    scripts = {task.key: task for task in scripted.tasks}
    needs_approval = scripted.asks or ground.policies[scripted.environment] is not None
    for task in observed.tasks:
        script = scripts[task.key]
        runs = [effect for effect in observed.effects.get(task.id, []) if effect.kind == "run"]
        starts = [event for event in observed.events if event.task_id == task.id and event.now == "RUNNING"]
        place = f"{location} task {task.key}"
        if script.asks:
            own_approvals = [
                approval
                for approval in observed.approvals
                if approval.subject == "TASK" and approval.task_id == task.id
            ]
            yield from _after(own_approvals, starts, runs, observed, approval_positions, place)
        if script.application and needs_approval:
            own_approvals = [approval for approval in observed.approvals if approval.subject == "DEPLOYMENT"]
            yield from _after(own_approvals, starts, runs, observed, approval_positions, place)
        for number, step in enumerate(scripted.steps if script.application else ()):
            if step.asks:
                first_batch = scripted.first_batch(number)
                own_approvals = [
                    approval
                    for approval in observed.approvals
                    if approval.task_id == task.id and approval.step == number
                ]
                progress = [event for event in _forward(observed, task.id) if event.batch >= first_batch]
                later_runs = [effect for effect in runs if effect.batch >= first_batch]
                yield from _after(
                    own_approvals, progress, later_runs, observed, approval_positions, f"{place} step {number}"
                )


def _after(
    own_approvals: Sequence[Approval],
    events: Sequence[Event],
    runs: Sequence[Effect],
    observed: ObservedDeployment,
    approval_positions: dict[str, int],
    location: str,
) -> Violations:
    """Check that `events` and `runs` come after the single approval of `own_approvals`."""
    approved = [approval for approval in own_approvals if approval.status == "APPROVED"]
    if len(approved) > 1:
        yield Violation("approval", location, f"was approved {len(approved)} times")
    if (events or runs) and not approved:
        yield Violation("approval", location, f"began though it was {[approval.status for approval in own_approvals]}")
    for approval in approved:
        decided = max((event.number for event in observed.events if event.approval_id == approval.id), default=0)
        if events and events[0].number < decided:
            yield Violation("approval", location, f"began with event {events[0].number}, approved with {decided}")
        if runs and runs[0].at < approval_positions.get(approval.id, runs[0].at + 1):
            yield Violation("approval", location, "its command began before anybody approved it")


def _forward(observed: ObservedDeployment, task_id: str) -> list[Event]:
    """Return the progress of a task's rollout before its rollback."""
    rollback_number = next(
        (event.number for event in observed.events if event.now == "ROLLING_BACK"), len(observed.events) + 1
    )
    return [
        event
        for event in observed.events
        if event.task_id == task_id and event.weight is not None and event.number < rollback_number
    ]


def weights(observed: ObservedDeployment, location: str) -> Violations:
    """Check that the share of the new version only grows, and only falls in a rollback."""
    for task in observed.tasks:
        forward = _forward(observed, task.id)
        progress = [event for event in observed.events if event.task_id == task.id and event.weight is not None]
        forward_weights = [event.weight or 0.0 for event in forward]
        rollback_weights = [event.weight or 0.0 for event in progress[len(forward) :]]
        if forward_weights != sorted(forward_weights) or rollback_weights != sorted(rollback_weights, reverse=True):
            yield Violation(
                "weight", f"{location} task {task.key}", f"went {forward_weights}, and back {rollback_weights}"
            )


def answers(decisions: Sequence[Decision], observed: Sequence[ObservedDeployment], people: Sequence[str]) -> Violations:
    """Check that the stored decisions are the accepted ones, one for each person."""
    stored = {
        (approval.id, *decision)
        for deployment in observed
        for approval in deployment.approvals
        for decision in approval.decisions
    }
    accepted = {
        (decision.approval_id, decision.actor_id, decision.verdict) for decision in decisions if decision.accepted
    }
    for approval_id, actor, verdict in sorted(accepted ^ stored):
        origin = "was answered" if (approval_id, actor, verdict) in accepted else "is kept"
        yield Violation("decision", f"approval {approval_id}", f"{verdict} of {actor} {origin}, and not the other")
    for approval_id, actor, verdict in sorted(stored):
        if actor not in people:
            yield Violation("decision", f"approval {approval_id}", f"{actor} started it, and decided: {verdict}")
    keys = {(decision.approval_id, decision.actor_id): set[str]() for decision in decisions}
    for decision in decisions:
        if decision.accepted:
            keys[decision.approval_id, decision.actor_id].add(decision.key)
    for decision in decisions:
        if not decision.accepted and not ANSWERS.issuperset(decision.codes):
            yield Violation(
                "decision", f"approval {decision.approval_id}", f"{decision.verdict} was refused with {decision.codes}"
            )
    for (approval_id, actor), accepted_keys in keys.items():
        if len(accepted_keys) > 1:
            yield Violation("decision", f"approval {approval_id}", f"{actor} decided {len(accepted_keys)} times")
