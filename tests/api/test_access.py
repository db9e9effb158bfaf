"""Authentication, and what each token can be used for.

`test_visibility` tests what grants make visible.
"""

import hashlib
from typing import Any

import pytest
from graphql import OperationType

from tests.api.support.people import account, codes
from tests.api.support.root_field_calls import call, root
from tests.api.support.rows import contents, database
from tests.api.support.wire import answers, code, execute, get, greeting, send
from tests.support.system import ADMIN, System
from tests.support.world import World, unique, world

EVENTS = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor events { __typename } } }"
VIEWER_ID = "{ viewer { id } }"
INIT = "connection_init"


async def invalid_token(system: System, change: str) -> str:
    """Create an ADMIN's token, invalidate it by changing its row, and return its secret."""
    account_ = await account(system.admin, {"role": "ADMIN"})
    async with database(system) as connection:
        await connection.execute(f"UPDATE api_tokens SET {change} WHERE id = $1", account_.token_id)
    return account_.client.token


async def no_good(system: System) -> dict[str, str]:
    """Return invalid Authorization headers, by what is wrong with them."""
    stored = hashlib.sha256(ADMIN.encode()).hexdigest()
    expired = await invalid_token(system, "expires_at = now() - interval '1 second'")
    revoked = await invalid_token(system, "revoked_at = now()")
    return {
        "empty": "",
        "no token": "Bearer",
        "wrong": "Bearer bor_" + "x" * 43,
        "another scheme": f"Basic {ADMIN}",
        "no scheme": ADMIN,
        "what is stored of a token": f"Bearer {stored}",
        "the beginning of a token": f"Bearer {ADMIN[:-1]}",
        "expired": f"Bearer {expired}",
        "revoked": f"Bearer {revoked}",
    }


# Coming in


async def test_http_without_a_valid_token_is_401_and_nothing_else(shared: System) -> None:
    for wrong, header in (await no_good(shared)).items():
        for method, more in (("POST", {}), ("GET", {}), ("POST", {"accept": "text/event-stream"}), ("PUT", {})):
            body = b'{"query": "{ viewer { id } }"}'
            response = await send(shared.admin, body, method, authorization=header, **more)
            assert response.status_code == 401, (wrong, method)
            assert response.headers["www-authenticate"].startswith("Bearer")
            (error,) = response.json()["errors"]
            assert (list(response.json()), error["extensions"]) == (["errors"], {"code": "UNAUTHENTICATED"})


async def test_without_a_token_even_nonsense_is_answered_with_401(shared: System) -> None:
    for body in (b"", b"{", b'{"query": "{"}', b'{"query": "{ nothing }"}'):
        assert (await send(shared.admin, body, authorization="")).status_code == 401


async def test_get_with_a_token_reads(shared: System) -> None:
    assert (await get(shared.admin, VIEWER_ID)).json() == await shared.admin.execute(VIEWER_ID)


async def test_socket_without_a_valid_token_is_closed_with_4403(shared: System) -> None:
    payloads: list[Any] = [{}, {"token": ADMIN}, {"Authorization": 5}, {"Authorization": [f"Bearer {ADMIN}"]}]
    payloads += [{"Authorization": header} for header in (await no_good(shared)).values()]
    for payload in payloads:
        assert await greeting(shared.url, {"type": INIT, "payload": payload}) == ([], 4403), payload
    assert await greeting(shared.url, {"type": INIT}) == ([], 4403)


async def test_socket_token_that_no_encoding_can_hold_is_closed_with_4403(shared: System) -> None:
    payload = {"Authorization": "Bearer \ud800"}
    assert await greeting(shared.url, {"type": INIT, "payload": payload}) == ([], 4403)


async def test_socket_takes_its_token_from_either_place(shared: System) -> None:
    init = {"type": INIT}
    assert await greeting(shared.url, init, token=ADMIN) == (["connection_ack"], None)
    for name in ("Authorization", "authorization", "AUTHORIZATION"):
        message = init | {"payload": {name: f"bearer {ADMIN}"}}
        assert await greeting(shared.url, message) == (["connection_ack"], None)


async def test_a_wrong_token_in_connection_init_is_refused_despite_a_valid_handshake(shared: System) -> None:
    message = {"type": INIT, "payload": {"Authorization": "Bearer wrong"}}
    assert await greeting(shared.url, message, token=ADMIN) == ([], 4403)


async def test_socket_answers_nothing_before_connection_init(shared: System) -> None:
    operation = {"id": "1", "type": "subscribe", "payload": {"query": VIEWER_ID}}
    for token in (None, ADMIN):
        assert await greeting(shared.url, operation, token=token) == ([], 4401)


# Permissions of roles


async def scene(system: System) -> tuple[World, dict[str, Any], dict[str, str]]:
    """Return a world, values by input field name, and ids by suffix of the mutation's name.

    The deployment has failed, so that a retry is not refused for its state.
    """
    environment = await world(system.admin)
    application = await environment.application("shop", build={"command": ["true"]})
    version = await environment.version()
    deployment = await environment.deploy(version)
    async with database(system) as connection:
        await connection.execute("UPDATE deployments SET status = 'FAILED' WHERE id = $1", deployment)
        task = await connection.fetchval(
            "UPDATE tasks SET status = 'FAILED' WHERE deployment_id = $1 RETURNING id", deployment
        )
    template = await system.admin.change(
        "saveWorkflowTemplate", "template { id }", name=unique("template"), fromDeploymentId=deployment
    )
    deployment_fields = await system.admin.change(
        "createDeployment",
        "deployments { approvals { id } }",
        versionId=version,
        environmentIds=[environment.environment_id],
        tasks=[{"key": "ask", "name": "ask", "type": "CUSTOM", "requireConfirm": True}],
    )
    times = {"startsAt": "2030-01-01T12:00:00Z", "endsAt": "2030-01-02T12:00:00Z"}
    window = await system.admin.change(
        "createFreezeWindow", "environment { freezeWindows { id } }",
        environmentId=environment.environment_id, name="later", reason="a test", **times,
    )  # fmt: skip
    viewer = await account(system.admin, {"role": "VIEWER"})
    arguments = {
        "name": unique("new"),
        "shell": {"command": ["true"]},
        "versionId": version,
        "taskId": task,
        "deploymentId": deployment,
        "fromDeploymentId": deployment,
        "environmentIds": [environment.environment_id],
        "applicationId": application,
        "actorId": viewer.id,
        "reason": "because",
        "environmentId": environment.environment_id,
        "approvalIds": [approval["id"] for approval in deployment_fields["deployments"][0]["approvals"]],
    }
    ids = {
        "Application": application,
        "Environment": environment.environment_id,
        "Deployment": deployment,
        "Task": task,
        "Token": viewer.token_id,
        "Template": template["template"]["id"],
        "Window": window["environment"]["freezeWindows"][0]["id"],
    }
    return environment, arguments, ids


def mutation(name: str, arguments: dict[str, Any], ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    id_ = next((id_ for noun, id_ in ids.items() if name.endswith(noun)), "nobody")
    minimal_call = call(OperationType.MUTATION, name, arguments | {"id": id_})
    return minimal_call.document, dict(minimal_call.variables)


NOT_REFUSED = {"createApiToken"}
"""Anybody may create a token for themselves within the scopes of their token, as the minimal valid call does."""


@pytest.mark.parametrize("where", ["as VIEWER of all", "as DEPLOYER and ADMIN elsewhere"])
async def test_no_mutation_works_without_its_role(shared: System, where: str) -> None:
    _, arguments, ids = await scene(shared)
    grants: list[dict[str, Any]] = [{"role": "VIEWER"}]
    if where.endswith("elsewhere"):
        other_environment = await world(shared.admin)
        place = {
            "environmentId": other_environment.environment_id,
            "applicationId": await other_environment.application("else"),
        }
        grants += [{"role": role} | place for role in ("DEPLOYER", "ADMIN")]
    somebody = await account(shared.admin, *grants)
    contents_before = await contents(shared)
    for name in root(OperationType.MUTATION).fields.keys() - NOT_REFUSED:
        document, variables = mutation(name, arguments, ids)
        answer = (await somebody.client.query(document, **variables))[name]
        assert codes(answer) == ["FORBIDDEN"], (name, answer)
    assert await contents(shared) == contents_before


async def test_the_same_mutations_are_not_forbidden_to_an_admin(shared: System) -> None:
    _, arguments, ids = await scene(shared)
    for name in root(OperationType.MUTATION).fields:
        document, variables = mutation(name, arguments | {"name": unique("mine")}, ids)
        answer = (await shared.admin.query(document, **variables))[name]
        assert "FORBIDDEN" not in codes(answer), (name, answer)


async def test_without_any_grant_nothing_is_read(shared: System) -> None:
    _, arguments, _ = await scene(shared)
    stranger = (await account(shared.admin)).client
    for name in root(OperationType.QUERY).fields.keys() - {"viewer", "server"}:
        minimal_call = call(OperationType.QUERY, name, arguments)
        result = await execute(stranger, minimal_call.document, minimal_call.variables)
        assert (code(result), (result["data"] or {}).get(name)) == ("FORBIDDEN", None), result
    for name in root(OperationType.SUBSCRIPTION).fields:
        minimal_call = call(OperationType.SUBSCRIPTION, name, arguments)
        (result,) = await answers(stranger, minimal_call.document, **minimal_call.variables)
        assert (code(result), result["data"]) == ("FORBIDDEN", None), result
    assert (await stranger.query("{ viewer { id } }"))["viewer"]


async def test_a_deployer_of_one_application_may_not_deploy_another(shared: System) -> None:
    environment = await world(shared.admin)
    mine, foreign = await environment.application("mine"), await environment.application("other")
    version = await environment.version()
    deployer = await account(shared.admin, {"role": "DEPLOYER", "applicationId": mine})
    theirs = World(deployer.client, environment.environment_id)
    for application_ids, expected in (
        ([foreign], ["FORBIDDEN"]),
        ([mine, foreign], ["FORBIDDEN"]),
        (None, ["FORBIDDEN"]),
    ):
        assert codes(await theirs.try_deploy(version, applicationIds=application_ids)) == expected
    assert codes(await theirs.try_deploy(version, applicationIds=[mine])) == []


async def test_a_deployer_of_one_environment_may_not_deploy_to_two(shared: System) -> None:
    environment, other_environment = await world(shared.admin), await world(shared.admin)
    await environment.application("shop")
    version = await environment.version()
    deployer = await account(shared.admin, {"role": "DEPLOYER", "environmentId": environment.environment_id})
    theirs = World(deployer.client, environment.environment_id)
    environment_ids = [environment.environment_id, other_environment.environment_id]
    contents_before = await contents(shared)
    assert codes(await theirs.try_deploy(version, environmentIds=environment_ids)) == ["FORBIDDEN"]
    assert await contents(shared) == contents_before
    assert codes(await theirs.try_deploy(version)) == []


async def test_an_admin_of_one_environment_is_not_an_admin_of_everything(shared: System) -> None:
    environment, other_environment = await world(shared.admin), await world(shared.admin)
    somebody = await account(shared.admin, {"role": "ADMIN", "environmentId": environment.environment_id})
    change = somebody.client.mutate
    assert codes(await change("updateEnvironment", "environment { id }", id=environment.environment_id, rank=3)) == []
    refused = [
        await change("updateEnvironment", "environment { id }", id=other_environment.environment_id, rank=3),
        await change("createEnvironment", "environment { id }", name=unique("env"), operator="SIMULATED"),
        await change("createServiceAccount", "serviceAccount { id }", name=unique("account")),
        await change("grantRole", "actor { id }", actorId=somebody.id, role="ADMIN"),
        await change(
            "grantRole",
            "actor { id }",
            actorId=somebody.id,
            role="VIEWER",
            environmentId=other_environment.environment_id,
        ),
    ]
    assert [codes(answer) for answer in refused] == [["FORBIDDEN"]] * len(refused)


async def test_a_revoked_grant_takes_effect_at_once(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "VIEWER"})
    assert code(await somebody.client.execute("{ environments { id } }")) is None
    await shared.admin.change("revokeRole", "actor { id }", actorId=somebody.id, role="VIEWER")
    assert code(await somebody.client.execute("{ environments { id } }")) == "FORBIDDEN"


# Tokens


MAY = {
    # scope of an ADMIN's token: may it read, deploy, administer
    "VIEWER": (True, False, False),
    "DEPLOYER": (True, True, False),
    "APPROVER": (True, False, False),
    "ADMIN": (True, True, True),
}


async def test_scopes_narrow_the_grants_of_a_token(shared: System) -> None:
    for scope, expected in MAY.items():
        somebody = (await account(shared.admin, {"role": "ADMIN"}, scopes=[scope])).client
        counts = (
            code(await somebody.execute("{ environments { id } }")) is None,
            not codes(
                await World(somebody, "").client.mutate("createApplication", "__typename", **minimal_application())
            ),
            not codes(await somebody.mutate("createServiceAccount", "__typename", name=unique("account"))),
        )
        assert counts == expected, scope


def minimal_application() -> dict[str, Any]:
    return {"name": unique("app"), "shell": {"command": ["true"]}}


async def test_scopes_never_widen_the_grants_of_a_token(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "VIEWER"}, scopes=["ADMIN"])
    assert codes(await somebody.client.mutate("createApplication", "__typename", **minimal_application())) == [
        "FORBIDDEN"
    ]


async def test_a_narrow_token_cannot_create_a_wide_one(shared: System) -> None:
    table = [
        ("VIEWER", ["VIEWER"], True),
        ("VIEWER", ["DEPLOYER"], False),
        ("VIEWER", ["VIEWER", "ADMIN"], False),
        ("DEPLOYER", ["VIEWER", "DEPLOYER"], True),
        ("DEPLOYER", ["APPROVER"], False),
        ("APPROVER", ["DEPLOYER"], False),
        ("ADMIN", ["ADMIN", "APPROVER"], True),
    ]
    for scope, requested_scopes, allowed in table:
        somebody = (await account(shared.admin, {"role": "ADMIN"}, scopes=[scope])).client
        payload = await somebody.mutate(
            "createApiToken", "secret token { scopes }", name="mine", scopes=requested_scopes
        )
        assert codes(payload) == ([] if allowed else ["FORBIDDEN"]), (scope, requested_scopes)
        assert (payload["secret"] is not None) is allowed


async def test_only_an_admin_creates_tokens_for_others(shared: System) -> None:
    owner = await account(shared.admin, {"role": "VIEWER"})
    deployer = await account(shared.admin, {"role": "DEPLOYER"})
    make = {"name": "x", "serviceAccountId": owner.id, "scopes": ["VIEWER"]}
    assert codes(await deployer.client.mutate("createApiToken", "secret", **make)) == ["FORBIDDEN"]
    assert codes(await deployer.client.mutate("revokeApiToken", "token { id }", id=owner.token_id)) == ["FORBIDDEN"]
    data = await deployer.client.query("query($id: ID!) { node(id: $id) { id } }", id=owner.token_id)
    assert data == {"node": None}
    assert codes(await owner.client.mutate("revokeApiToken", "token { id }", id=owner.token_id)) == []
    assert (await owner.client.post(VIEWER_ID)).status_code == 401


async def test_a_secret_is_stored_nowhere_and_shown_once(shared: System) -> None:
    payload = await shared.admin.change("createApiToken", "token { id prefix } secret", name="mine", scopes=["VIEWER"])
    secret, token = payload["secret"], payload["token"]
    stored = "\n".join(row for rows in (await contents(shared)).values() for row in rows)
    assert hashlib.sha256(secret.encode()).hexdigest() in stored
    assert secret not in stored and secret.removeprefix(token["prefix"]) not in stored
    assert len(secret) >= 40 and len(token["prefix"]) <= 12
    document = "query($id: ID!) { node(id: $id) { ... on ApiToken { id name prefix scopes createdAt lastUsedAt } } }"
    assert secret not in (await shared.admin.post(document, {"id": token["id"]})).text


async def test_the_first_token_is_stored_as_a_hash_too(shared: System) -> None:
    stored = "\n".join(row for rows in (await contents(shared)).values() for row in rows)
    assert ADMIN not in stored and hashlib.sha256(ADMIN.encode()).hexdigest() in stored
