"""Fixtures.

Servers once per test process, an empty database and a running system for each test that asks.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import servers as support
from tests.support.servers import Servers
from tests.support.system import System, running


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of a run share, readable for the user that PostgreSQL runs as."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    return folder


@pytest.fixture(scope="session")
def postgres_folder(shared_folder: Path) -> Iterator[str]:
    """The folder of the run's PostgreSQL."""
    with support.postgres(shared_folder / "pg") as folder:
        yield folder


@pytest.fixture(scope="session")
async def servers(postgres_folder: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A migrated database and a Valkey of this test process."""
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with support.valkey(tmp_path_factory.mktemp("valkey")) as redis_url:
        async with support.database(postgres_folder, name) as database_url:
            yield Servers(database_url, redis_url)


@pytest.fixture
async def clean(servers: Servers) -> Servers:
    """The servers, with an empty database."""
    connection = await support.connect(servers.database_url)
    await support.empty(connection)
    await connection.close()
    return servers


@pytest.fixture
async def system(clean: Servers, tmp_path: Path) -> AsyncIterator[System]:
    """A running API over an empty database, without a worker."""
    async with running(clean, tmp_path) as system:
        yield system
