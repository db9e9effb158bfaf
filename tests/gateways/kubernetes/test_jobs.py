"""Commands as Jobs: their environment, their endings, their messages and the objects that remain."""

import asyncio

import pytest

from app.core.attempt import Ending, Outcome
from app.ports import Origin, Run
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually


async def test_a_command_gets_its_variables_and_all_its_output_is_logged(bench: Bench) -> None:
    script = 'echo "$GREETING $BOREAS_WORKSPACE"; echo two >&2; printf three'
    outcome, lines = await bench.run("sh", "-c", script)
    assert outcome == Outcome(Ending.SUCCEEDED, exit_code=0)
    assert sorted(lines.output) == ["hello /workspace", "three", "two"]


async def test_without_a_command_no_job_is_created(bench: Bench) -> None:
    outcome, lines = await bench.run()
    assert (outcome.ending, lines.system, await bench.objects("jobs")) == (Ending.SUCCEEDED, [], [])


async def test_a_failed_command_reports_its_exit_status(bench: Bench) -> None:
    outcome, lines = await bench.run("sh", "-c", "echo no; exit 3")
    assert outcome == Outcome(Ending.FAILED, "exit status 3", exit_code=3)
    assert lines.output == ["no"]


async def test_text_like_a_cluster_variable_is_not_expanded(bench: Bench) -> None:
    text = "$(GREETING) $$(GREETING) $$$(GREETING) $GREETING $(NOBODY) $$ $"
    _, lines = await bench.run("echo", text, "$")
    assert lines.output == [f"{text} $"]


async def test_dollar_signs_in_a_script_are_kept(bench: Bench) -> None:
    _, lines = await bench.run("sh", "-c", 'test "$$" -gt 0 && echo "$MONEY"', env={"MONEY": "$$100 $(HOME)"})
    assert lines.output == ["$$100 $(HOME)"]


async def test_an_image_that_cannot_be_pulled_is_named(bench: Bench) -> None:
    outcome, _ = await bench.run("true", image="registry.invalid/nothing:1")
    assert outcome.ending is Ending.FAILED
    assert "the image registry.invalid/nothing:1 cannot be pulled" in str(outcome.message)
    assert await bench.objects("jobs") == []


async def test_the_time_limit_ends_a_job_and_is_reported(bench: Bench) -> None:
    outcome, lines = await bench.run("sh", "-c", "echo begun; sleep 60", timeout_seconds=2)
    assert outcome.ending is Ending.FAILED
    assert "the time limit of 2 seconds was reached" in str(outcome.message)
    assert lines.output == ["begun"]


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "its caller cancelled"])
async def test_a_stopped_job_is_deleted_with_its_pods(bench: Bench, *, is_stopped: bool) -> None:
    lines = Lines()
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=lines)
    wait = asyncio.create_task(execution.wait())
    await eventually(lambda: lines.output, "the command to begin")
    if is_stopped:
        execution.stop()
        assert (await wait).ending is Ending.STOPPED
    else:
        wait.cancel()
        await asyncio.wait([wait])
        assert wait.cancelled()
    assert (await bench.objects("jobs"), await bench.objects("pods")) == ([], [])


async def test_another_worker_continues_the_same_job(bench: Bench) -> None:
    lines, script = Lines(), "echo begun; sleep 1; echo done"
    execution = bench.start("sh", "-c", script, lines=lines)
    await eventually(lambda: lines.output, "the command to begin")
    execution.detach()
    await execution.wait()
    outcome, later_lines = await bench.run("sh", "-c", script, operator=(second_operator := bench.new_operator()))
    await second_operator.close()
    assert outcome.ending is Ending.SUCCEEDED
    assert later_lines.output == ["begun", "done"]
    assert len(await bench.objects("jobs")) == 1


async def test_a_job_that_ended_without_a_worker_is_read_completely(bench: Bench) -> None:
    await bench.run("sh", "-c", "echo once; exit 4")
    outcome, lines = await bench.run("sh", "-c", "echo twice")
    assert outcome.message == "exit status 4"
    assert lines.output == ["once"]


async def test_another_run_of_the_task_is_another_job(bench: Bench) -> None:
    await bench.run("sh", "-c", "exit 1")
    outcome, lines = await bench.run("echo", "again", run="1")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["again"])
    assert len(await bench.objects("jobs")) == 2


async def test_a_run_that_is_not_retained_can_run_again(bench: Bench) -> None:
    for text in ("one", "two"):
        _, lines = await bench.run("echo", text, retain=False)
        assert lines.output == [text]
    assert await bench.objects("jobs") == []


async def test_jobs_have_labels_of_their_owner_and_no_rights(bench: Bench) -> None:
    await bench.run("true")
    (job,) = await bench.objects("jobs")
    assert (
        job["metadata"]["labels"].items()
        >= {
            "app.kubernetes.io/managed-by": "boreas",
            "boreas.dev/deployment": "dep_01",
            "boreas.dev/task": "tsk_01hzz",
            "boreas.dev/application": "shop",
        }.items()
    )
    pod = job["spec"]["template"]["spec"]
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 60)
    assert (pod["restartPolicy"], pod["automountServiceAccountToken"]) == ("Never", False)


async def test_many_lines_are_logged_completely(bench: Bench) -> None:
    _, lines = await bench.run("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
    assert lines.output == [f"line {number}" for number in range(3000)]


async def test_the_next_attempt_continues_the_job_of_a_lost_attempt(bench: Bench) -> None:
    lines = Lines()
    execution = bench.start("sh", "-c", "echo begun; sleep 1; echo done", lines=lines)
    await eventually(lambda: lines.output, "the command to begin")
    lines.failure = LookupError("this worker lost the attempt")
    with pytest.raises(LookupError):
        await execution.wait()
    outcome, later_lines = await bench.run("true")
    assert (outcome.ending, later_lines.output) == (Ending.SUCCEEDED, ["begun", "done"])


async def leave_run(bench: Bench) -> list[Run]:
    """Start a run, detach from it as a dead worker does, and return the listed runs."""
    execution = bench.start("sh", "-c", "echo begun; sleep 2; echo done", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    execution.detach()
    await execution.wait()
    runs_found = await bench.operator.list_runs(bench.connection)
    return [run for run in runs_found if run.name == "0"]


async def test_an_orphaned_run_is_listed_and_ended_with_its_pods(bench: Bench) -> None:
    await bench.run("true", run="0-ended")
    await bench.run("false", run="1-ended")
    (run,) = await leave_run(bench)
    assert (run.deployment_id, run.task_id, run.name) == ("dep_01", "tsk_01hzz", "0")
    assert await bench.operator.end_run(bench.connection, run)
    while any("-ended" not in document["metadata"]["name"] for document in await bench.objects("jobs")):
        await asyncio.sleep(0.05)
    runs = {document["metadata"]["labels"]["boreas.dev/run"] for document in await bench.objects("pods")}
    assert runs == {"boreas-01hzz-0-ended", "boreas-01hzz-1-ended"}
    for ended_run in await bench.operator.list_runs(bench.connection):
        assert ended_run.name in ("0-ended", "1-ended")
        assert await bench.operator.end_run(bench.connection, ended_run)


async def test_a_run_that_another_attempt_continues_is_not_ended(bench: Bench) -> None:
    (run,) = await leave_run(bench)
    origin = Origin(deployment_id=run.deployment_id, task_id=run.task_id, run=run.name, attempt=2)
    execution = bench.start("true", lines=(lines := Lines()), origin=origin)
    await eventually(lambda: "begun" in lines.output, "another attempt to go on")
    assert not await bench.operator.end_run(bench.connection, run)
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert not await bench.operator.end_run(bench.connection, run)


async def test_no_line_or_message_contains_credentials(bench: Bench, api_server: ClusterServer) -> None:
    api_server.away = True
    outcome, lines = await bench.run("true", timeout_seconds=-29)
    assert "time limit" in str(outcome.message)
    assert "a-secret-of-tests" not in str(outcome) + str(lines.system)
