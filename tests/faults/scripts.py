"""What is deployed: graphs of tasks drawn by chance, and the command that each of them runs."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOREVER = 1_000_000
UNDO_LINES = 3
PROBE_LINES = 2

SCRIPT = r"""
# FOLDER run|undo: notes what it does in a file that all share, and prints numbered lines, as its plan says.
folder=$1 kind=$2 lines=1 bursts=1 pause=0 fails=0 where= quiet=
. "$folder/plans/$BOREAS_TASK_KEY"
if [ "$kind" = undo ]; then lines=@UNDO@ bursts=1 pause=0.1 fails=0; fi
instance=${BOREAS_INSTANCE:--}
note() { echo "$1 $BOREAS_TASK_ID $BOREAS_ATTEMPT $instance $$ $kind" >> "$folder/effects"; }
note start
line=0 burst=0
while [ $burst -lt $bursts ]; do
    burst=$((burst + 1)) until=$((lines * burst / bursts))
    if [ -n "$quiet" ]; then until=$lines; fi
    while [ $line -lt $until ]; do
        line=$((line + 1))
        echo "line $line of $lines attempt $BOREAS_ATTEMPT instance $instance"
    done
    sleep $pause
    note still
done
note end
if [ "$BOREAS_ATTEMPT" -le "$fails" ] && { [ -z "$where" ] || [ "$where" = "$instance" ]; }; then exit 7; fi
exit 0
""".replace("@UNDO@", str(UNDO_LINES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedTask:
    """A task and what its command does: `fails` attempts fail, on the instance `where` of a deploy task.

    It prints `lines` lines in `bursts`, `pause` seconds after each; all of them in the first one where it is `quiet`.
    `application` (its name) makes it a deploy task.
    """

    key: str
    block_by: tuple[str, ...]
    application: str | None = None
    max_attempts: int = 1
    fails: int = 0
    where: str = ""
    lines: int = 20
    bursts: int = 4
    pause: float = 0.1
    quiet: bool = False

    @property
    def doomed(self) -> bool:
        """Whether no attempt succeeds."""
        return self.fails >= FOREVER

    @property
    def plan(self) -> str:
        """What its script reads."""
        numbers = f"lines={self.lines} bursts={self.bursts} pause={self.pause:.2f} fails={self.fails}"
        return f"{numbers} where={self.where} quiet={'yes' if self.quiet else ''}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """A deployment as it is asked for: `number` makes its names unique, `environment` is the index of one."""

    number: int
    environment: int
    applications: tuple[str, ...]
    batch_size: int
    batch_interval: int
    auto_rollback: bool
    shape: str
    tasks: tuple[ScriptedTask, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What deployments are drawn over: applications with their instances, and how many environments there are."""

    applications: dict[str, tuple[str, ...]]
    environments: int


def ground(chance: random.Random, applications: int, environments: int, run: str) -> Ground:
    """Draw applications with one to four instances; `run` keeps their names apart from those of others."""
    names = [f"app-{run}-{number}" for number in range(1, applications + 1)]
    return Ground(
        {name: tuple(f"i{number}" for number in range(1, chance.choice((1, 2, 3, 4)) + 1)) for name in names},
        environments,
    )


def draw(chance: random.Random, number: int, size: int, ground: Ground) -> Scripted:
    """Draw a deployment of `size` tasks."""
    applications = chance.sample(sorted(ground.applications), chance.choice((1, 1, 2)))
    shape = chance.choice(sorted(SHAPES))
    keys = [f"d{number}-t{index}" for index in range(1, size + 1)]
    edges = SHAPES[shape](chance, keys)
    deploys = dict(zip(chance.sample(keys, min(len(applications), size)), applications, strict=False))
    doomed = chance.choice(keys) if chance.random() < 0.2 else None
    tasks = [_task(chance, key, edges[key], deploys.get(key), key == doomed, ground) for key in keys]
    return Scripted(
        number=number,
        environment=chance.randrange(ground.environments),
        applications=tuple(applications),
        batch_size=chance.choice((0, 1, 2)),
        batch_interval=chance.choice((0, 1)),
        auto_rollback=chance.random() < 0.7,
        shape=shape,
        tasks=tuple(tasks),
    )


def _task(
    chance: random.Random, key: str, block_by: Iterable[str], application: str | None, doomed: bool, ground: Ground
) -> ScriptedTask:
    attempts = chance.choice((1, 1, 1, 2, 3))
    fails = chance.randrange(attempts)
    seconds, bursts = chance.uniform(0.2, 1.0), 4
    long = chance.random() < 0.06
    if long:
        seconds, bursts = chance.uniform(5.5, 7.5), 10
    return ScriptedTask(
        key=key,
        block_by=tuple(block_by),
        application=application,
        max_attempts=min(attempts, 2) if doomed else attempts,
        fails=FOREVER if doomed else fails,
        where=chance.choice(ground.applications[application]) if application else "",
        lines=chance.randint(10, 40),
        bursts=bursts,
        pause=seconds / bursts,
        quiet=long and chance.random() < 0.5,
    )


Edges = dict[str, tuple[str, ...]]


def _chain(_: random.Random, keys: Sequence[str]) -> Edges:
    return {key: tuple(keys[index - 1 : index]) if index else () for index, key in enumerate(keys)}


def _fan(_: random.Random, keys: Sequence[str]) -> Edges:
    """One task, many behind it, and one behind all of those."""
    first, *middle = keys
    last = middle.pop() if len(middle) > 1 else None
    edges: Edges = {first: ()} | dict.fromkeys(middle, (first,))
    return edges | ({last: tuple(middle)} if last else {})


def _diamonds(_: random.Random, keys: Sequence[str]) -> Edges:
    """One, two side by side, one, two side by side and so on."""
    edges: Edges = {}
    ends: tuple[str, ...] = ()
    for start in range(0, len(keys), 3):
        joint, sides = keys[start], tuple(keys[start + 1 : start + 3])
        edges |= {joint: ends} | dict.fromkeys(sides, (joint,))
        ends = sides or (joint,)
    return edges


def _layers(chance: random.Random, keys: Sequence[str]) -> Edges:
    """Each waits for up to three of the few before it, or for none."""
    edges: Edges = {}
    for index, key in enumerate(keys):
        near = keys[max(0, index - 6) : index]
        edges[key] = tuple(sorted(chance.sample(near, min(len(near), chance.randrange(4)))))
    return edges


SHAPES = {"chain": _chain, "fan": _fan, "diamonds": _diamonds, "layers": _layers}


def ancestors(tasks: Sequence[ScriptedTask], key: str) -> frozenset[str]:
    """Return the keys of all tasks that a task waits for, directly or not."""
    edges = {task.key: task.block_by for task in tasks}
    found: set[str] = set()
    waiting = list(edges[key])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += edges[one]
    return frozenset(found)


class Stage:
    """The files that commands use: their script, a plan for each task, and the effects that they note."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.effects = folder / "effects"
        (folder / "plans").mkdir()
        self._script = folder / "work.sh"
        self._script.write_text(SCRIPT)
        self.effects.touch()

    def command(self, kind: str = "run") -> list[str]:
        """Return what a task runs; `undo` is for rolling back."""
        return ["/bin/sh", str(self._script), str(self._folder), kind]

    def plan(self, key: str, text: str) -> None:
        """Say what the command of a task does."""
        path = self._folder / "plans" / key
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def probe(self, application: str) -> None:
        """Say what the deploy task of a generated graph does."""
        self.plan(f"{application}/deploy", f"lines={PROBE_LINES} bursts=1 pause=0.05\n")
