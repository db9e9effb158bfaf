"""The deployments of a run: random graphs and strategies, and the command of each task."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

FOREVER = 1_000_000
FEW_LINES = 3
"""What undoing, switching and retiring print."""
PROBE_LINES = 2

SCRIPT = r"""
# FOLDER run|undo: notes what it does in a file that all share, and prints numbered lines, as its plan says.
folder=$1 kind=$2 lines=1 bursts=1 pause=0 fails=0 where= quiet=
. "$folder/plans/$BOREAS_TASK_KEY"
if [ "$kind" = undo ]; then fails=0; fi
place=${BOREAS_INSTANCE:--}/${BOREAS_PHASE:--} color=${BOREAS_COLOR--}
case $kind$place in undo*|*/switch|*/retire) lines=@FEW@ bursts=1 pause=0.1;; esac
about="$BOREAS_TASK_ID $BOREAS_ATTEMPT $place $kind ${BOREAS_BATCH:-0} ${color:-old} ${BOREAS_PREVIOUS_VERSION:--}"
note() { echo "$1 $about" >> "$folder/effects"; }
note start
line=0 burst=0
while [ $burst -lt $bursts ]; do
    burst=$((burst + 1)) until=$((lines * burst / bursts))
    if [ -n "$quiet" ]; then until=$lines; fi
    while [ $line -lt $until ]; do
        line=$((line + 1))
        echo "line $line of $lines attempt $BOREAS_ATTEMPT at $place"
    done
    sleep $pause
    note still
done
note end
if [ "$BOREAS_ATTEMPT" -le "$fails" ] && { [ -z "$where" ] || [ "$where" = "$place" ]; }; then exit 7; fi
exit 0
""".replace("@FEW@", str(FEW_LINES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedTask:
    """A task and its command: `fails` attempts fail, at `where` (instance/phase) of a deploy task.

    It prints `lines` lines in `bursts`, `pause` seconds after each; all of them in the first one where it is `quiet`.
    `application` (its name) makes it a deploy task. People are asked before a task that `asks`.
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
    asks: bool = False

    @property
    def doomed(self) -> bool:
        """Return whether every attempt fails."""
        return self.fails >= FOREVER

    @property
    def plan(self) -> str:
        """The plan that its script reads."""
        numbers = f"lines={self.lines} bursts={self.bursts} pause={self.pause:.2f} fails={self.fails}"
        return f"{numbers} where={self.where} quiet={'yes' if self.quiet else ''}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a strategy; one that `asks` needs approval."""

    size: int = 0
    interval: int = 0
    ratio: float = 0.0
    asks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """A deployment to create: `number` makes its names unique, `environment` is an index.

    With `asks`, people approve it before its first deploy task.
    """

    number: int
    environment: int
    applications: tuple[str, ...]
    kind: str
    steps: tuple[Step, ...]
    auto_rollback: bool
    shape: str
    tasks: tuple[ScriptedTask, ...]
    asks: bool = False

    def first_batch(self, step: int) -> int:
        """Return the first batch of a step: the only step of BLUE_GREEN is the switch, its second batch."""
        return 2 if self.kind == "BLUE_GREEN" and len(self.steps) == 1 else step + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The approval policy of an environment."""

    required: int
    seconds: int
    on_timeout: str


POLICIES = (Policy(required=2, seconds=9, on_timeout="REJECT"), Policy(required=1, seconds=7, on_timeout="CANCEL"))
"""The policies of the last environments. The first one has none, so that no approval expires there."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The base of random deployments: applications with instances, and the policy of each environment."""

    applications: dict[str, tuple[str, ...]]
    policies: tuple[Policy | None, ...]


def ground(chance: random.Random, applications: int, environments: int, run: str) -> Ground:
    """Draw applications with one to four instances; `run` keeps their names apart from those of others."""
    names = [f"app-{run}-{number}" for number in range(1, applications + 1)]
    policies = POLICIES[: environments // 2]
    return Ground(
        {name: tuple(f"i{number}" for number in range(1, chance.choice((1, 2, 3, 4)) + 1)) for name in names},
        (None,) * (environments - len(policies)) + policies,
    )


def draw(chance: random.Random, number: int, size: int, ground: Ground) -> Scripted:
    """Draw a deployment of `size` tasks."""
    applications = chance.sample(sorted(ground.applications), chance.choice((1, 1, 2)))
    shape = chance.choice(sorted(SHAPES))
    keys = [f"d{number}-t{index}" for index in range(1, size + 1)]
    edges = SHAPES[shape](chance, keys)
    deploys = dict(zip(chance.sample(keys, min(len(applications), size)), applications, strict=False))
    doomed_key = chance.choice(keys) if chance.random() < 0.2 else None
    kind, steps = _strategy(chance)
    tasks = [_task(chance, key, edges[key], deploys.get(key), key == doomed_key, ground) for key in keys]
    if kind == "BLUE_GREEN" and chance.random() < 0.3:
        tasks = [replace(task, where=task.where.replace("/bring", "/switch")) for task in tasks]
    environment = chance.randrange(len(ground.policies))
    return Scripted(
        number=number,
        environment=environment,
        applications=tuple(applications),
        kind=kind,
        steps=steps,
        auto_rollback=chance.random() < 0.7,
        shape=shape,
        tasks=tuple(tasks),
        asks=chance.random() < 0.25,
    )


def _strategy(chance: random.Random) -> tuple[str, tuple[Step, ...]]:
    """Draw a kind and its steps, some of which ask. Steps of a canary are one batch each."""
    kind = chance.choice(("ROLLING", "ROLLING", "CANARY", "BLUE_GREEN"))
    ratios = {
        "CANARY": chance.choice(((1.0,), (0.4, 1.0), (0.1, 0.5, 1.0))),
        "BLUE_GREEN": (0.0,) * chance.choice((1, 2)),
    }
    return kind, tuple(
        Step(
            size=chance.choice((0, 1, 2)) if kind == "ROLLING" else 0,
            interval=chance.choice((0, 1)),
            ratio=ratio,
            asks=chance.random() < 0.25,
        )
        for ratio in ratios.get(kind, (0.0,) * chance.choice((1, 1, 2)))
    )


def _task(
    chance: random.Random, key: str, block_by: Iterable[str], application: str | None, doomed: bool, ground: Ground
) -> ScriptedTask:
    attempts = chance.choice((1, 1, 1, 2, 3))
    fails = chance.randrange(attempts)
    seconds, bursts = chance.uniform(0.2, 1.0), 4
    is_long = chance.random() < 0.06
    if is_long:
        seconds, bursts = chance.uniform(5.5, 7.5), 10
    return ScriptedTask(
        key=key,
        block_by=tuple(block_by),
        application=application,
        max_attempts=min(attempts, 2) if doomed else attempts,
        fails=FOREVER if doomed else fails,
        where=f"{chance.choice(ground.applications[application])}/bring" if application else "",
        lines=chance.randint(10, 40),
        bursts=bursts,
        pause=seconds / bursts,
        quiet=is_long and chance.random() < 0.5,
        asks=chance.random() < 0.08,
    )


Edges = dict[str, tuple[str, ...]]


def _chain(_: random.Random, keys: Sequence[str]) -> Edges:
    return {key: tuple(keys[index - 1 : index]) if index else () for index, key in enumerate(keys)}


def _fan(_: random.Random, keys: Sequence[str]) -> Edges:
    """Return a root, many tasks after it, and a final task after all of them."""
    root, *branches = keys
    final = branches.pop() if len(branches) > 1 else None
    edges: Edges = {root: ()} | dict.fromkeys(branches, (root,))
    return edges | ({final: tuple(branches)} if final else {})


def _diamonds(_: random.Random, keys: Sequence[str]) -> Edges:
    """Return alternating layers of one task and two parallel tasks."""
    edges: Edges = {}
    ends: tuple[str, ...] = ()
    for start in range(0, len(keys), 3):
        joint, sides = keys[start], tuple(keys[start + 1 : start + 3])
        edges |= {joint: ends} | dict.fromkeys(sides, (joint,))
        ends = sides or (joint,)
    return edges


def _layers(chance: random.Random, keys: Sequence[str]) -> Edges:
    """Return tasks that each wait for up to three of the six before it."""
    edges: Edges = {}
    for index, key in enumerate(keys):
        candidates = keys[max(0, index - 6) : index]
        edges[key] = tuple(sorted(chance.sample(candidates, min(len(candidates), chance.randrange(4)))))
    return edges


SHAPES = {"chain": _chain, "fan": _fan, "diamonds": _diamonds, "layers": _layers}


def ancestors(tasks: Sequence[ScriptedTask], key: str) -> frozenset[str]:
    """Return the keys of all tasks that a task waits for, directly or not."""
    edges = {task.key: task.block_by for task in tasks}
    keys: set[str] = set()
    pending = list(edges[key])
    while pending:
        current = pending.pop()
        if current not in keys:
            keys.add(current)
            pending += edges[current]
    return frozenset(keys)


class Stage:
    """The files of commands: their script, a plan for each task, and the effects that they write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.effects = folder / "effects"
        (folder / "plans").mkdir()
        self._script = folder / "work.sh"
        self._script.write_text(SCRIPT)
        self.effects.touch()

    def command(self, kind: str = "run") -> list[str]:
        """Return the command of a task; `undo` is for rolling back."""
        return ["/bin/sh", str(self._script), str(self._folder), kind]

    def plan(self, key: str, text: str) -> None:
        """Describe the command of a task."""
        path = self._folder / "plans" / key
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def probe(self, application: str) -> None:
        """Describe the deploy task of a generated graph."""
        self.plan(f"{application}/deploy", f"lines={PROBE_LINES} bursts=1 pause=0.05\n")
