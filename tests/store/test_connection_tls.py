"""TLS parameters of PostgreSQL URLs, against a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from app.settings import read_settings
from app.store import migrations
from app.store.migrations import UnreachableDatabaseError
from app.wiring import migrations_folder
from tests.support.servers import Servers
from tests.support.tls import Authority, tls_relay


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def tls_server(servers: Servers, authority: Authority, *names: str) -> AsyncIterator[str]:
    """Yield the start of a database URL whose server has a certificate for these names."""
    folder = servers.database_url.partition("?host=")[2].replace("%2F", "/")

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")

    async with tls_relay(connect, authority.context(*names), asks_first=True) as port:
        yield f"postgres://postgres@localhost:{port}{urlsplit(servers.database_url).path}"


async def try_connect(url: str) -> str:
    try:
        await migrations.check(url, migrations_folder())
    except UnreachableDatabaseError as error:
        return str(error)
    return "reached"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sslmode=require", "reached"),
        ("sslmode=prefer", "reached"),
        ("sslmode=verify-full", "unable to get local issuer certificate"),
        ("sslmode=verify-ca&sslrootcert={ca}", "reached"),
        ("sslmode=verify-full&sslrootcert={ca}", "reached"),
        ("sslrootcert={ca}", "reached"),
        ("sslmode=verify-full&sslrootcert=system", "unable to get local issuer certificate"),
        ("sslmode=sometimes", "sslmode is “sometimes”, but must be one of disable, allow, prefer"),
        ("sslmode=disable&sslrootcert={ca}", "remove one of them"),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem", "cannot be read: No such file"),
        ("sslmode=verify-full&sslcert={ca}", "certificates in sslrootcert and sslcert cannot be used"),
    ],
)
async def test_tls_parameters_of_the_url(servers: Servers, authority: Authority, query: str, message: str) -> None:
    async with tls_server(servers, authority, "localhost") as url:
        assert message in await try_connect(f"{url}?{query.format(ca=quote(str(authority.file)))}")


async def test_another_host_name_is_accepted_unless_it_is_verified(servers: Servers, authority: Authority) -> None:
    async with tls_server(servers, authority, "elsewhere.example") as url:
        root = f"sslrootcert={quote(str(authority.file))}"
        assert await try_connect(f"{url}?sslmode=verify-ca&{root}") == "reached"
        assert "Hostname mismatch" in await try_connect(f"{url}?sslmode=verify-full&{root}")


async def test_a_private_authority_is_trusted(servers: Servers, authority: Authority) -> None:
    async with tls_server(servers, authority, "localhost") as url:
        environ = {"BOREAS_DATABASE_URL": f"{url}?sslmode=verify-full", "BOREAS_CA_FILE": str(authority.file)}
        assert await try_connect(read_settings(environ).store.database_url or "") == "reached"
