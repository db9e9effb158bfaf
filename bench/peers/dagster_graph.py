"""Dagster: a chain and a fan of no-op ops in one process, recorded in SQLite below DAGSTER_HOME.

Takes the number of ops. Prints one line of JSON: seconds by graph, of the second run of each, from the start to the end
that Dagster recorded.
"""

import json
import os
import sys
from pathlib import Path

import dagster
from dagster import DagsterInstance, In, JobDefinition, Nothing, Out, in_process_executor, job, op


@op(out=Out(Nothing))
def alone() -> None:
    """Do nothing."""


@op(ins={"before": In(Nothing)}, out=Out(Nothing))
def after() -> None:
    """Do nothing, after another op."""


def chain_of(ops: int) -> JobDefinition:
    @job(executor_def=in_process_executor)
    def chain() -> None:
        last = alone()
        for number in range(1, ops):
            last = after.alias(f"t{number}")(last)

    return chain


def fan_of(ops: int) -> JobDefinition:
    @job(executor_def=in_process_executor)
    def fan() -> None:
        for number in range(ops):
            alone.alias(f"t{number}")()

    return fan


def seconds(instance: DagsterInstance, graph: JobDefinition) -> float:
    run = graph.execute_in_process(instance=instance)
    assert run.success
    record = instance.get_run_record_by_id(run.run_id)
    return float(record.end_time - record.start_time)


def main() -> None:
    ops = int(sys.argv[1])
    Path(os.environ["DAGSTER_HOME"], "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with DagsterInstance.get() as instance:
        assert not instance.is_ephemeral
        taken = {graph.name: [seconds(instance, graph) for _ in range(2)][-1] for graph in (chain_of(ops), fan_of(ops))}
    print(json.dumps({f"Dagster {dagster.__version__}": taken}))


if __name__ == "__main__":
    main()
