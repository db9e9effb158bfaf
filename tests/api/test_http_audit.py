"""GraphQL over HTTP as the specification has it: the audit of graphql-http, passed in full."""

from tests.api.support.node_clients import installed, run
from tests.support.system import System

pytestmark = installed


async def test_every_audit_is_passed(shared: System) -> None:
    results = await run("audit.mjs", url=f"{shared.url}/graphql", token=shared.admin.token)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
