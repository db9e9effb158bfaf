"""A use case that does not say what it changes can not be carried out: nothing that is added can forget it."""

import pytest

from app.services.audit import UnrecordedError
from app.services.use_cases import Result, UseCaseContext
from app.store import environments
from tests.services.support.engine import Engine


async def silent(context: UseCaseContext, id_: str) -> Result:
    """Change something and say nothing of it."""
    held = await environments.locked(id_)
    assert held
    await environments.remove_release(id_, "app")
    return Result((id_,))


async def test_a_use_case_that_notes_nothing_is_a_defect(engine: Engine) -> None:
    site = await engine.site()
    with pytest.raises(UnrecordedError, match="silent"):
        await engine.call(silent, site.environment_id)
