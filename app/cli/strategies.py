"""How a strategy is written on the command line: rolling, blue-green, or canary with its steps in percent."""

import math

import click

from app.cli.client import Data

METAVAR = "rolling|blue-green|canary:PERCENT,..."


class StrategyType(click.ParamType[tuple[str, tuple[float, ...]]]):
    """Reads `rolling`, `blue-green` and `canary:10,50,100` as a kind and the ratio of each step."""

    name = "strategy"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[float, ...]]:
        """Return the kind and a ratio for each step, 0 where steps have none. Raises BadParameter."""
        kind, _, steps = value.partition(":")
        if kind in ("rolling", "blue-green") and not steps:
            return kind.upper().replace("-", "_"), (0.0,)
        if kind != "canary":
            self.fail(f"“{value}” is none of: rolling, blue-green, canary:10,50,100.", param, ctx)
        try:
            ratios = tuple(float(percent) / 100 for percent in steps.split(","))
        except ValueError:
            ratios = ()
        if not ratios or not all(map(math.isfinite, ratios)):
            self.fail(f"“{value}” names no percents, like canary:10,50,100.", param, ctx)
        return "CANARY", ratios


def strategy_of(wanted: Data) -> Data:
    """Return the input for a strategy; size, interval and rollback hold for each of its steps."""
    kind, ratios = wanted["strategy"]
    step = {
        "batchSize": wanted["batch_size"],
        "batchInterval": wanted["batch_interval"],
        "autoRollback": not wanted["no_auto_rollback"],
    }
    return {"kind": kind, "steps": [step | ({"canaryRatio": ratio} if ratio else {}) for ratio in ratios]}
