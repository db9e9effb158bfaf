"""Strategies on the command line, and the resulting input of the API."""

import click
import pytest

from app.cli.strategies import StrategyParameter, strategy_input


@pytest.mark.parametrize(
    ("text", "kind", "ratios"),
    [
        ("rolling", "ROLLING", [None]),
        ("blue-green", "BLUE_GREEN", [None]),
        ("canary:100", "CANARY", [1.0]),
        ("canary:10,50,100", "CANARY", [0.1, 0.5, 1.0]),
        ("canary:0.5, 100", "CANARY", [0.005, 1.0]),
    ],
)
def test_a_strategy(text: str, kind: str, ratios: list[float | None]) -> None:
    parsed = StrategyParameter().convert(text, None, None)
    fields = strategy_input({"strategy": parsed, "batch_size": 2, "batch_interval": 30, "no_auto_rollback": True})
    other_fields = {"batchSize": 2, "batchInterval": 30, "autoRollback": False}
    assert fields == {
        "kind": kind,
        "steps": [other_fields | ({} if ratio is None else {"canaryRatio": ratio}) for ratio in ratios],
    }


@pytest.mark.parametrize(
    "text",
    ["", "red-black", "canary", "canary:", "canary:many", "canary:nan", "canary:10,,100", "rolling:1", "blue-green:50"],
)
def test_an_invalid_strategy_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="canary:10,50,100"):
        StrategyParameter().convert(text, None, None)
