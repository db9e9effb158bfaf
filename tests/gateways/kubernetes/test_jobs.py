"""Commands as Jobs: what they see, how they end, what is said of it, and what stays."""

import asyncio

import pytest

from app.core.attempt import Ending, Outcome
from app.ports import Origin, Run
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually


async def test_a_command_runs_with_its_variables_and_all_that_it_prints_comes(bench: Bench) -> None:
    script = 'echo "$GREETING $BOREAS_WORKSPACE"; echo two >&2; printf three'
    outcome, lines = await bench.run("sh", "-c", script)
    assert outcome == Outcome(Ending.SUCCEEDED, exit_code=0)
    assert sorted(lines.output) == ["hello /workspace", "three", "two"]


async def test_without_a_command_there_is_nothing_to_run(bench: Bench) -> None:
    outcome, lines = await bench.run()
    assert (outcome.ending, lines.system, await bench.objects("jobs")) == (Ending.SUCCEEDED, [], [])


async def test_a_command_that_fails_tells_its_exit_status(bench: Bench) -> None:
    outcome, lines = await bench.run("sh", "-c", "echo no; exit 3")
    assert outcome == Outcome(Ending.FAILED, "exit status 3", exit_code=3)
    assert lines.output == ["no"]


async def test_text_that_looks_like_a_variable_of_the_cluster_is_left_alone(bench: Bench) -> None:
    text = "$(GREETING) $$(GREETING) $$$(GREETING) $GREETING $(NOBODY) $$ $"
    _, lines = await bench.run("echo", text, "$")
    assert lines.output == [f"{text} $"]


async def test_a_script_knows_its_own_process(bench: Bench) -> None:
    _, lines = await bench.run("sh", "-c", 'test "$$" -gt 0 && echo "$MONEY"', env={"MONEY": "$$100 $(HOME)"})
    assert lines.output == ["$$100 $(HOME)"]


async def test_an_image_that_can_not_be_pulled_is_named(bench: Bench) -> None:
    outcome, _ = await bench.run("true", image="registry.invalid/nothing:1")
    assert outcome.ending is Ending.FAILED
    assert "the image registry.invalid/nothing:1 cannot be pulled" in str(outcome.message)
    assert await bench.objects("jobs") == []


async def test_the_time_limit_ends_a_job_and_is_told(bench: Bench) -> None:
    outcome, lines = await bench.run("sh", "-c", "echo begun; sleep 60", timeout_seconds=2)
    assert outcome.ending is Ending.FAILED
    assert "the time limit of 2 seconds was reached" in str(outcome.message)
    assert lines.output == ["begun"]


@pytest.mark.parametrize("is_stopped", [True, False], ids=["stopped", "its caller cancelled"])
async def test_a_stopped_job_is_gone_with_its_pods(bench: Bench, *, is_stopped: bool) -> None:
    lines = Lines()
    running = bench.start("sh", "-c", "echo begun; sleep 60", lines=lines)
    waiting = asyncio.create_task(running.wait())
    await eventually(lambda: lines.output, "the command to begin")
    if is_stopped:
        running.stop()
        assert (await waiting).ending is Ending.STOPPED
    else:
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
    assert (await bench.objects("jobs"), await bench.objects("pods")) == ([], [])


async def test_another_worker_goes_on_with_the_same_job(bench: Bench) -> None:
    lines, script = Lines(), "echo begun; sleep 1; echo done"
    running = bench.start("sh", "-c", script, lines=lines)
    await eventually(lambda: lines.output, "the command to begin")
    running.detach()
    await running.wait()
    outcome, again = await bench.run("sh", "-c", script, operator=(other := bench.new_operator()))
    await other.close()
    assert outcome.ending is Ending.SUCCEEDED
    assert again.output == ["begun", "done"]
    assert len(await bench.objects("jobs")) == 1


async def test_a_job_that_ended_while_nobody_looked_is_read_to_its_end(bench: Bench) -> None:
    await bench.run("sh", "-c", "echo once; exit 4")
    outcome, lines = await bench.run("sh", "-c", "echo twice")
    assert outcome.message == "exit status 4"
    assert lines.output == ["once"]


async def test_another_run_of_the_task_is_another_job(bench: Bench) -> None:
    await bench.run("sh", "-c", "exit 1")
    outcome, lines = await bench.run("echo", "again", run="1")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["again"])
    assert len(await bench.objects("jobs")) == 2


async def test_what_does_not_stay_can_be_asked_for_again(bench: Bench) -> None:
    for word in ("one", "two"):
        _, lines = await bench.run("echo", word, retain=False)
        assert lines.output == [word]
    assert await bench.objects("jobs") == []


async def test_objects_say_whose_they_are_and_have_no_rights(bench: Bench) -> None:
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


async def test_many_lines_come_whole(bench: Bench) -> None:
    _, lines = await bench.run("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
    assert lines.output == [f"line {number}" for number in range(3000)]


async def test_a_lost_attempt_leaves_its_job_to_the_next(bench: Bench) -> None:
    lines = Lines()
    running = bench.start("sh", "-c", "echo begun; sleep 1; echo done", lines=lines)
    await eventually(lambda: lines.output, "the command to begin")
    lines.failure = LookupError("this worker lost the attempt")
    with pytest.raises(LookupError):
        await running.wait()
    outcome, again = await bench.run("true")
    assert (outcome.ending, again.output) == (Ending.SUCCEEDED, ["begun", "done"])


async def left(bench: Bench) -> list[Run]:
    """Begin a run, and leave it as its worker dies; return what can be found of it."""
    running = bench.start("sh", "-c", "echo begun; sleep 2; echo done", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    running.detach()
    await running.wait()
    found = await bench.operator.list_runs(bench.connection)
    return [run for run in found if run.name == "0"]


async def test_what_was_left_is_found_and_ended_with_its_pods(bench: Bench) -> None:
    await bench.run("true", run="0-ended")
    await bench.run("false", run="1-ended")
    (run,) = await left(bench)
    assert (run.deployment_id, run.task_id, run.name) == ("dep_01", "tsk_01hzz", "0")
    assert await bench.operator.end_run(bench.connection, run)
    while any("-ended" not in each["metadata"]["name"] for each in await bench.objects("jobs")):
        await asyncio.sleep(0.05)
    runs = {each["metadata"]["labels"]["boreas.dev/run"] for each in await bench.objects("pods")}
    assert runs == {"boreas-01hzz-0-ended", "boreas-01hzz-1-ended"}
    for ended in await bench.operator.list_runs(bench.connection):
        assert ended.name in ("0-ended", "1-ended")
        assert await bench.operator.end_run(bench.connection, ended)


async def test_what_somebody_goes_on_with_is_not_ended(bench: Bench) -> None:
    (run,) = await left(bench)
    origin = Origin(deployment_id=run.deployment_id, task_id=run.task_id, run=run.name, attempt=2)
    running = bench.start("true", lines=(lines := Lines()), origin=origin)
    await eventually(lambda: "begun" in lines.output, "another attempt to go on")
    assert not await bench.operator.end_run(bench.connection, run)
    assert (await running.wait()).ending is Ending.SUCCEEDED
    assert not await bench.operator.end_run(bench.connection, run)


async def test_credentials_are_in_no_line_and_no_message(bench: Bench, api_server: ClusterServer) -> None:
    api_server.away = True
    outcome, lines = await bench.run("true", timeout_seconds=-29)
    assert "time limit" in str(outcome.message)
    assert "a-secret-of-tests" not in str(outcome) + str(lines.system)
