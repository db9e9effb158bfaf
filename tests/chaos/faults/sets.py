"""Checks of blue and green: the serving set is never touched, and is ended only after the switch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import Effect, Seen, Task
from tests.chaos.faults.scripts import Ground, Scripted

NOBODY_KNOWS = "?"
"""What serves where a deployment neither came to its end nor was taken back."""
Turn = tuple[Scripted, Task, str, list[Effect]]
"""A deploy task of a deployment with its application's name, and what its commands wrote."""


def sets(asked: Mapping[str, Scripted], seen: Sequence[Seen], ground: Ground) -> Violations:
    """Follow each application in each environment through its deployments. `asked` has them by id."""
    turns: dict[tuple[int, str], list[Turn]] = {}
    for deployment in seen:
        for task, name in _deploys(asked[deployment.id], deployment):
            effects = deployment.effects.get(task.id, [])
            if effects:
                scripted = asked[deployment.id]
                turns.setdefault((scripted.environment, name), []).append((scripted, task, name, effects))
    for mine in turns.values():
        yield from _follow(sorted(mine, key=lambda turn: turn[3][0].at), ground)


def _deploys(asked: Scripted, seen: Seen) -> Iterator[tuple[Task, str]]:
    names = {task.key: task.application for task in asked.tasks}
    return ((task, name) for task in seen.tasks if (name := names.get(task.key)) is not None)


def _follow(turns: Iterable[Turn], ground: Ground) -> Violations:
    serves = "-"
    for asked, task, name, effects in turns:
        where = f"deployment {asked.number} task {task.key} ({name})"
        colors = {effect.color for effect in effects if effect.kind == "run" and effect.phase == "bring"}
        if asked.kind == "BLUE_GREEN":
            yield from _one(effects, ground.applications[name], where)
            if serves != NOBODY_KNOWS and serves in colors:
                yield Violation("sets", where, f"brought its version to {serves}, which serves")
            retired = {effect.color for effect in effects if effect.kind == "run" and effect.phase == "retire"}
            if serves != NOBODY_KNOWS and retired - {"old" if serves == "-" else serves}:
                yield Violation("sets", where, f"retired {retired}, while {serves} served before")
        elif serves != NOBODY_KNOWS and colors - {serves}:
            yield Violation("sets", where, f"brought its version to {colors}, while {serves} serves")
        if task.status == "SUCCESS":
            serves = next(iter(colors), serves)
        elif task.status != "ROLLED_BACK":
            serves = NOBODY_KNOWS
        elif effects[0].previous == "-":
            serves = "-"


def _one(effects: Sequence[Effect], instances: Sequence[str], where: str) -> Violations:
    """All instances are brought before any is switched, and switched before any is retired, to one set."""
    done: dict[str, set[str]] = {"bring": set(), "switch": set()}
    forward = [effect for effect in effects if effect.kind == "run"]
    for effect in forward:
        before = {"switch": "bring", "retire": "switch"}.get(effect.phase)
        if before and effect.word == "start" and not done[before].issuperset(instances):
            what = f"{effect.place} began when {before} had ended on {sorted(done[before])} alone"
            yield Violation("sets", where, what)
        if effect.word == "end" and effect.phase in done:
            done[effect.phase].add(effect.instance)
    new = {effect.color for effect in forward if effect.phase in done}
    ended = {effect.color for effect in effects if effect.kind == "undo" and effect.phase == "retire"}
    if len(new) > 1 or ended - new:
        yield Violation("sets", where, f"brought to {new}, and going back retired {ended}")
