"""A use case that records no change fails, so that no new use case can forget to."""

import pytest

from app.services.audit import UnrecordedError
from app.services.use_cases import Result, UseCaseContext
from app.store import environments
from tests.services.support.engine import Engine


async def unrecorded_change(context: UseCaseContext, id_: str) -> Result:
    """Change something without recording it."""
    environment = await environments.locked(id_)
    assert environment
    await environments.remove_release(id_, "app")
    return Result((id_,))


async def test_a_use_case_that_records_no_change_is_a_defect(engine: Engine) -> None:
    site = await engine.site()
    with pytest.raises(UnrecordedError, match="unrecorded_change"):
        await engine.call(unrecorded_change, site.environment_id)
