"""Checks of strategies and their steps."""

from app.core.errors import InvalidInput
from app.core.strategy.model import Strategy, StrategyKind
from app.core.validation.checks import MAX_INSTANCES, MAX_SECONDS, Problems, in_range

MAX_STEPS = 100


def strategy(value: Strategy) -> Problems:
    """Check a strategy and its steps."""
    yield from in_range(len(value.steps), 1, MAX_STEPS, "strategy", "steps")
    for index, step in enumerate(value.steps):
        path = ("strategy", "steps", str(index))
        yield from in_range(step.batch_size, 0, MAX_INSTANCES, *path, "batchSize")
        yield from in_range(step.batch_interval, 0, MAX_SECONDS, *path, "batchInterval")
        if value.kind is StrategyKind.BLUE_GREEN and step.batch_size:
            message = "BLUE_GREEN brings up a whole set at once: remove batchSize."
            yield InvalidInput(message=message, path=(*path, "batchSize"))
    yield from _ratios(value)


def _ratios(value: Strategy) -> Problems:
    """Check that the ratios of a canary rise from above 0 to 1, and that no other strategy has any."""
    previous = 0.0
    for index, step in enumerate(value.steps):
        path = ("strategy", "steps", str(index), "canaryRatio")
        ratio = step.canary_ratio
        if value.kind is not StrategyKind.CANARY:
            if ratio:
                message = f"Only CANARY takes canaryRatio; the strategy here is {value.kind}."
                yield InvalidInput(message=message, path=path)
        elif not 0 < ratio <= 1:
            message = f"The ratio is {ratio:g}; it must be above 0 and at most 1."
            yield InvalidInput(message=message, path=path)
        elif ratio <= previous:
            message = f"The ratio is {ratio:g}; it must be above that of the step before, {previous:g}."
            yield InvalidInput(message=message, path=path)
        elif index == len(value.steps) - 1 and ratio != 1:
            message = f"The ratio is {ratio:g}; the last step must have 1."
            yield InvalidInput(message=message, path=path)
        previous = max(previous, ratio)
