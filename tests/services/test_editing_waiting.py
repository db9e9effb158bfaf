"""Edits of deployments that wait for approval: new tasks run, and earlier approvals do not cover them.

Some edits are concurrent with workers and people. Edits of deployments that have not started are in `test_editing`.
"""

import asyncio

from app.core.approval import ApprovalStatus
from app.core.editing import Addition, Connection, Edit, Modification, Removal, Replacement
from app.core.errors import FaultKind, Refused, RevisionConflict, WorkflowFault, WrongState
from app.core.events import TaskStatusChanged
from app.core.workflow import WorkflowTask
from app.services import workflows
from app.services.workflows import EditOrder
from tests.services.support.approving import approvals_of, decide, pending, person, until_requested
from tests.services.support.commands import node
from tests.services.support.engine import D, Engine, S, Site, Story

GRAPH = (node("a"), node("ask", "a", require_confirm=True), node("end", "ask"))


async def edit(engine: Engine, id_: str, edit_: Edit, revision: int = 1) -> None:
    """Edit the workflow of a deployment."""
    await engine.call(workflows.edit, EditOrder(deployment_id=id_, expected_revision=revision, edit=edit_))


async def deploy_until_waiting(engine: Engine, site: Site, *graph: WorkflowTask) -> tuple[str, Story]:
    """Return the id and story of a deployment that waits for approval."""
    id_ = await site.deploy("v1", *(graph or GRAPH))
    return id_, await engine.until(id_, D.WAITING_CONFIRM)


async def test_a_new_task_runs_at_once_and_then_the_deployment_waits_again(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_, _ = await deploy_until_waiting(engine, site)
    await edit(engine, id_, Addition(node("new", "a")))
    await engine.until_task(id_, "new", lambda task: task.status is S.SUCCESS)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert story.statuses == {"a": S.SUCCESS, "ask": S.WAITING_CONFIRM, "end": S.BLOCKED, "new": S.SUCCESS}
    assert len(await pending(engine, id_)) == 1
    assert await decide(await person(engine, "Ann"), *await pending(engine, id_)) == []
    await engine.until(id_, D.SUCCESS)


async def test_a_task_in_approval_that_gets_a_blocker_waits_for_it(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_, _ = await deploy_until_waiting(engine, site)
    (first_approval,) = await pending(engine, id_)
    await edit(
        engine, id_, Replacement((GRAPH[0], node("new", "a"), node("ask", "new", require_confirm=True), GRAPH[2]))
    )
    (second_approval,) = await until_requested(engine, id_)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert story.statuses["new"] is S.SUCCESS and second_approval.id != first_approval.id
    changes = [event.body for event in await engine.events(id_) if isinstance(event.body, TaskStatusChanged)]
    statuses = [body.to for body in changes if body.task_id == story.tasks["ask"].id]
    assert statuses == [S.PENDING, S.WAITING_CONFIRM, S.BLOCKED, S.PENDING, S.WAITING_CONFIRM]


async def test_a_requested_approval_does_not_cover_an_edited_task(engine: Engine, site: Site) -> None:
    await engine.worker()
    ann = await person(engine, "Ann")
    id_, _ = await deploy_until_waiting(engine, site)
    (old_approval,) = await pending(engine, id_)
    await edit(engine, id_, Modification("ask", {"name": "something else"}))
    (new_approval,) = await until_requested(engine, id_)
    assert {approval.id: approval.status for approval in await approvals_of(engine, id_)} == {
        old_approval.id: ApprovalStatus.CANCELLED, new_approval.id: ApprovalStatus.PENDING,
    }  # fmt: skip
    (problem,) = await decide(ann, old_approval)
    assert isinstance(problem, WrongState)
    assert (await engine.story(id_)).statuses["ask"] is S.WAITING_CONFIRM
    assert await decide(ann, new_approval) == []
    await engine.until(id_, D.SUCCESS)


async def test_a_task_proceeds_when_its_approval_is_removed(engine: Engine, site: Site) -> None:
    await engine.worker()
    for edit_ in (Removal("ask"), Modification("ask", {"require_confirm": False})):
        id_, _ = await deploy_until_waiting(engine, site)
        await edit(engine, id_, edit_)
        story = await engine.until(id_, D.SUCCESS)
        assert story.statuses["end"] is S.SUCCESS
        assert [approval.status for approval in await approvals_of(engine, id_)] == [ApprovalStatus.CANCELLED]


async def test_an_ended_task_cannot_be_edited(engine: Engine, site: Site) -> None:
    await engine.worker()
    id_, _ = await deploy_until_waiting(engine, site)
    for edit_ in (Removal("a"), Modification("a", {"name": "other"}), Connection("end", "a")):
        try:
            await edit(engine, id_, edit_)
            raise AssertionError("it was edited")
        except Refused as refused:
            kinds = [problem.kind for problem in refused.problems if isinstance(problem, WorkflowFault)]
            assert FaultKind.NOT_EDITABLE in kinds
    assert (await engine.story(id_)).deployment.revision == 1


async def test_an_edit_concurrent_with_an_approval(engine: Engine, site: Site) -> None:
    """The second action is refused: an approved task runs unchanged, an edited task needs a new approval."""
    await engine.worker()
    ann = await person(engine, "Ann")
    outcomes = set()
    for round_ in range(6):
        id_, story = await deploy_until_waiting(engine, site)
        approvals = await pending(engine, id_)
        edit_ = Modification("ask", {"name": "changed"})

        async def try_edit(id_: str = id_, edit_: Edit = edit_) -> bool:
            try:
                await edit(engine, id_, edit_)
            except Refused as refused:
                assert isinstance(refused.problems[0], WrongState | RevisionConflict | WorkflowFault), refused
                return False
            return True

        actions = [try_edit(), decide(ann, *approvals)]
        edited, problems = (await asyncio.gather(*(actions if round_ % 2 else actions[::-1])))[
            :: 1 if round_ % 2 else -1
        ]
        assert edited == bool(problems), (edited, problems)
        if edited:
            assert await decide(ann, *await until_requested(engine, id_)) == []
        story = await engine.until(id_, D.SUCCESS)
        assert story.tasks["ask"].name == ("changed" if edited else "ask")
        assert story.attempt_statuses("ask") == [S.SUCCESS]
        outcomes.add(edited)
    assert outcomes


async def test_an_edit_concurrent_with_a_worker_that_claims_the_approved_task(engine: Engine, site: Site) -> None:
    """Edits race with workers that claim free tasks: each task runs once, in its form at that moment."""
    for _ in range(2):
        await engine.worker(slots=2)
    id_, _ = await deploy_until_waiting(engine, site, node("ask", require_confirm=True))
    for number in range(12):
        revision = (await engine.story(id_)).deployment.revision
        try:
            await edit(engine, id_, Addition(node(f"n{number}")), revision)
        except Refused as refused:
            assert all(isinstance(problem, WrongState | RevisionConflict) for problem in refused.problems)
            await engine.until(id_, D.WAITING_CONFIRM)
    story = await engine.until(id_, D.WAITING_CONFIRM)
    assert all(story.attempt_statuses(key) == [S.SUCCESS] for key in story.tasks if key != "ask")
    assert len(story.tasks) > 1
    assert story.deployment.revision == len(story.tasks)
