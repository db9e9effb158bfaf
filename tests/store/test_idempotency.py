"""Idempotency keys: a repeated call is carried out once and returns the first result."""

import asyncio
from datetime import timedelta

import pytest

from app.core.environment import Environment, OperatorKind
from app.core.errors import ErrorCode, Forbidden, Refused, RevisionConflict, WrongState, missing
from app.core.roles import Role
from app.services import environments
from app.store import environments as environment_store
from app.store import idempotency
from app.store.codecs import dump
from app.store.database import execute
from app.store.idempotency import StoredAnswer
from app.store.unit_of_work import unit
from tests.services.support.engine import Engine

PROBLEMS = (
    missing("approval", "apr_c", ("approvalIds", "2")),
    Forbidden(message="No.", required=Role.APPROVER, path=("approvalIds", "3"), code=ErrorCode.SELF_APPROVAL),
    WrongState(message="Decided.", status="APPROVED", path=("approvalIds", "4"), code=ErrorCode.ALREADY_DECIDED),
    RevisionConflict(message="Changed.", expected=1, actual=2, path=("approvalIds", "5")),
)


def draft(engine: Engine, name: str = "here") -> Environment:
    return Environment(
        id="",
        name=name,
        rank=0,
        operator=OperatorKind.SHELL,
        worker_pool="default",
        max_concurrent_deployments=1,
        created_at=engine.runtime.clock.now(),
    )


async def test_concurrent_calls_with_one_key_are_one(engine: Engine) -> None:
    environment = draft(engine)
    results = await asyncio.gather(*(engine.call(environments.create, environment, key="once") for _ in range(8)))
    assert len(set(results)) == 1
    assert [environment_.id for environment_ in await environment_store.all_by_rank()] == list(results[0])


async def test_a_key_is_for_one_input_of_one_mutation(engine: Engine) -> None:
    await engine.call(environments.create, draft(engine), key="once")
    for use_case, command in ((environments.create, draft(engine, "there")), (environments.update, ("env_x", {}))):
        with pytest.raises(Refused) as error:
            await engine.call(use_case, command, key="once")  # type: ignore[arg-type]
        assert error.value.problems[0].code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert len(await environment_store.all_by_rank()) == 1


async def test_a_call_that_was_refused_leaves_its_key_free(engine: Engine) -> None:
    with pytest.raises(Refused):
        await engine.call(environments.create, draft(engine, "NO LABEL"), key="once")
    await engine.call(environments.create, draft(engine), key="once")


async def test_each_actor_has_its_own_keys(engine: Engine) -> None:
    async with unit(engine.runtime) as work:
        for actor in ("usr_a", "usr_b"):
            assert await idempotency.find(actor, "key") is None
            await idempotency.save(actor, "key", StoredAnswer("create", actor, (actor,)), work.now)
    async with unit(engine.runtime):
        assert [(await idempotency.find(actor, "key")) for actor in ("usr_a", "usr_b", "usr_c")] == [
            StoredAnswer("create", "usr_a", ("usr_a",)),
            StoredAnswer("create", "usr_b", ("usr_b",)),
            None,
        ]


async def test_a_stored_answer_keeps_ids_and_problems(engine: Engine) -> None:
    answer = StoredAnswer("approve", "f", ("apr_a", "apr_b"), PROBLEMS)
    async with unit(engine.runtime) as work:
        await idempotency.save("usr_a", "key", answer, work.now)
    async with unit(engine.runtime):
        assert await idempotency.find("usr_a", "key") == answer


async def test_answers_that_an_older_release_stored_are_read(engine: Engine) -> None:
    stored = [dump({"kind": type(problem).__name__, "problem": problem}) for problem in PROBLEMS]
    async with unit(engine.runtime):
        for key, mutation, result in (("some", "approve", ["apr_a", *stored, "apr_b"]), ("all", "create", ["app_a"])):
            await execute(
                "INSERT INTO idempotency_keys (actor_id, key, mutation, fingerprint, result, created_at)"
                " VALUES ('usr_a', $1, $2, 'f', $3, now())",
                key,
                mutation,
                dump(result),
            )
        assert await idempotency.find("usr_a", "some") == StoredAnswer("approve", "f", ("apr_a", "apr_b"), PROBLEMS)
        assert await idempotency.find("usr_a", "all") == StoredAnswer("create", "f", ("app_a",))


@pytest.mark.parametrize(("key", "is_accepted"), [("", False), ("x", True), ("ü" * 200, True), ("x" * 201, False)])
async def test_the_maximum_length_of_a_key(engine: Engine, key: str, is_accepted: bool) -> None:
    try:
        await engine.call(environments.create, draft(engine), key=key)
    except Refused as refused:
        assert not is_accepted and refused.problems[0].path == ("idempotencyKey",)
    else:
        assert is_accepted


async def test_old_answers_are_forgotten(engine: Engine) -> None:
    async with unit(engine.runtime) as work:
        await idempotency.save("usr_a", "old", StoredAnswer("create", "f", ()), work.now - timedelta(days=2))
        await idempotency.save("usr_a", "new", StoredAnswer("create", "f", ()), work.now)
        assert await idempotency.delete_before(work.now - timedelta(days=1)) == 1
        assert await idempotency.find("usr_a", "old") is None
        assert await idempotency.find("usr_a", "new") == StoredAnswer("create", "f", ())
