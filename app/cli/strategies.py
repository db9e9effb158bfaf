"""Strategies on the command line: rolling, blue-green, or canary with its steps in percent."""

import math

import click

from app.cli.client import Data

METAVAR = "rolling|blue-green|canary:PERCENT,..."


class StrategyParameter(click.ParamType[tuple[str, tuple[float, ...]]]):
    """Parses `rolling`, `blue-green` and `canary:10,50,100` into a kind and the ratio of each step."""

    name = "strategy"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[float, ...]]:
        """Return the kind and a ratio for each step, 0 where steps have none. Raises BadParameter."""
        kind, _, steps = value.partition(":")
        if kind in ("rolling", "blue-green") and not steps:
            return kind.upper().replace("-", "_"), (0.0,)
        if kind != "canary":
            self.fail(f"“{value}” is not a strategy. Use rolling, blue-green, or canary:10,50,100.", param, ctx)
        try:
            ratios = tuple(float(percent) / 100 for percent in steps.split(","))
        except ValueError:
            ratios = ()
        if not ratios or not all(map(math.isfinite, ratios)):
            self.fail(f"“{value}” has no valid percentages. Write them like canary:10,50,100.", param, ctx)
        return "CANARY", ratios


def strategy_input(options: Data) -> Data:
    """Return the input for a strategy; batch size, interval and rollback apply to each of its steps."""
    kind, ratios = options["strategy"]
    step = {
        "batchSize": options["batch_size"],
        "batchInterval": options["batch_interval"],
        "autoRollback": not options["no_auto_rollback"],
    }
    return {"kind": kind, "steps": [step | ({"canaryRatio": ratio} if ratio else {}) for ratio in ratios]}
