"""A running API that the tests of a module share, for calls that do not affect each other."""

from collections.abc import AsyncIterator

import pytest

from tests.support.servers import Servers, connect, empty
from tests.support.system import System, running


@pytest.fixture(scope="module")
async def cleared(servers: Servers) -> Servers:
    """The servers, with a database that is empty when the module begins."""
    connection = await connect(servers.database_url)
    await empty(connection)
    await connection.close()
    return servers


@pytest.fixture(scope="module")
async def shared(cleared: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running API. A module uses either this or `system`."""
    async with running(cleared, tmp_path_factory.mktemp("shared")) as system:
        yield system
