"""Checks of blue and green: the serving set is never touched, and is ended only after the switch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import Effect, ObservedDeployment, Task
from tests.chaos.faults.scripts import Ground, Scripted

UNKNOWN = "?"
"""The serving set after a deployment that neither succeeded nor was rolled back."""
Turn = tuple[Scripted, Task, str, list[Effect]]
"""A deploy task of a deployment with its application's name, and what its commands wrote."""


def sets(scripted_by_id: Mapping[str, Scripted], observed: Sequence[ObservedDeployment], ground: Ground) -> Violations:
    """Follow each application in each environment through its deployments."""
    turns: dict[tuple[int, str], list[Turn]] = {}
    for deployment in observed:
        for task, name in _deploys(scripted_by_id[deployment.id], deployment):
            effects = deployment.effects.get(task.id, [])
            if effects:
                scripted = scripted_by_id[deployment.id]
                turns.setdefault((scripted.environment, name), []).append((scripted, task, name, effects))
    for application_turns in turns.values():
        yield from _follow(sorted(application_turns, key=lambda turn: turn[3][0].at), ground)


def _deploys(scripted: Scripted, observed: ObservedDeployment) -> Iterator[tuple[Task, str]]:
    names = {task.key: task.application for task in scripted.tasks}
    return ((task, name) for task in observed.tasks if (name := names.get(task.key)) is not None)


def _follow(turns: Iterable[Turn], ground: Ground) -> Violations:
    serving_color = "-"
    for scripted, task, name, effects in turns:
        location = f"deployment {scripted.number} task {task.key} ({name})"
        colors = {effect.color for effect in effects if effect.kind == "run" and effect.phase == "bring"}
        if scripted.kind == "BLUE_GREEN":
            yield from _check_phases(effects, ground.applications[name], location)
            if serving_color != UNKNOWN and serving_color in colors:
                yield Violation("sets", location, f"brought its version to {serving_color}, which serves")
            retired = {effect.color for effect in effects if effect.kind == "run" and effect.phase == "retire"}
            if serving_color != UNKNOWN and retired - {"old" if serving_color == "-" else serving_color}:
                yield Violation("sets", location, f"retired {retired}, while {serving_color} served before")
        elif serving_color != UNKNOWN and colors - {serving_color}:
            yield Violation("sets", location, f"brought its version to {colors}, while {serving_color} serves")
        if task.status == "SUCCESS":
            serving_color = next(iter(colors), serving_color)
        elif task.status != "ROLLED_BACK":
            serving_color = UNKNOWN
        elif effects[0].previous == "-":
            serving_color = "-"


def _check_phases(effects: Sequence[Effect], instances: Sequence[str], location: str) -> Violations:
    """Check that the phases bring, switch and retire follow each other over all instances, in one set."""
    finished: dict[str, set[str]] = {"bring": set(), "switch": set()}
    forward = [effect for effect in effects if effect.kind == "run"]
    for effect in forward:
        required = {"switch": "bring", "retire": "switch"}.get(effect.phase)
        if required and effect.word == "start" and not finished[required].issuperset(instances):
            details = f"{effect.place} began when {required} had ended on {sorted(finished[required])} alone"
            yield Violation("sets", location, details)
        if effect.word == "end" and effect.phase in finished:
            finished[effect.phase].add(effect.instance)
    new_colors = {effect.color for effect in forward if effect.phase in finished}
    retired_colors = {effect.color for effect in effects if effect.kind == "undo" and effect.phase == "retire"}
    if len(new_colors) > 1 or retired_colors - new_colors:
        yield Violation("sets", location, f"brought to {new_colors}, and going back retired {retired_colors}")
