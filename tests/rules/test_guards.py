"""Every root field names the role of its callers. A new field fails here until the table has it."""

from typing import Any

from app.api.permissions import Guard, MutationGuard
from app.api.schema import Mutation, Query, Subscription, schema
from app.core.roles import Role

READS = {
    "viewer": None,  # every valid token may ask whose it is
    "server": None,  # its release and time are no secret
    "node": Role.VIEWER,
    "application": Role.VIEWER,
    "applications": Role.VIEWER,
    "environment": Role.VIEWER,
    "environments": Role.VIEWER,
    "environmentsConnection": Role.VIEWER,
    "version": Role.VIEWER,
    "versions": Role.VIEWER,
    "deployment": Role.VIEWER,
    "deployments": Role.VIEWER,
    "task": Role.VIEWER,
    "workflowTemplate": Role.VIEWER,
    "workflowTemplates": Role.VIEWER,
    "myApprovals": Role.VIEWER,  # what the viewer may decide
    "deploymentPlan": Role.VIEWER,  # stores nothing
    "auditLog": Role.ADMIN,
}
CHANGES = {
    "createApplication": Role.DEPLOYER,
    "updateApplication": Role.DEPLOYER,
    "archiveApplication": Role.DEPLOYER,
    "unarchiveApplication": Role.DEPLOYER,
    "createVersion": Role.DEPLOYER,
    "createDeployment": Role.DEPLOYER,
    "startDeployment": Role.DEPLOYER,
    "cancelDeployment": Role.DEPLOYER,
    "retryDeployment": Role.DEPLOYER,
    "rollbackDeployment": Role.DEPLOYER,
    "retryTask": Role.DEPLOYER,
    "pauseDeployment": Role.DEPLOYER,
    "resumeDeployment": Role.DEPLOYER,
    "skipTask": Role.DEPLOYER,
    "cancelTask": Role.DEPLOYER,
    "promoteRollout": Role.DEPLOYER,
    "updateWorkflow": Role.DEPLOYER,
    "addTask": Role.DEPLOYER,
    "updateTask": Role.DEPLOYER,
    "removeTask": Role.DEPLOYER,
    "moveTask": Role.DEPLOYER,
    "connectTasks": Role.DEPLOYER,
    "disconnectTasks": Role.DEPLOYER,
    "setTaskPositions": Role.DEPLOYER,
    "restoreWorkflow": Role.DEPLOYER,
    "saveWorkflowTemplate": Role.DEPLOYER,
    "archiveWorkflowTemplate": Role.DEPLOYER,
    "approve": Role.VIEWER,  # whom the policy names: the use case asks, for each approval
    "reject": Role.VIEWER,  # as approve
    "setApprovalPolicy": Role.ADMIN,
    "createEnvironment": Role.ADMIN,
    "updateEnvironment": Role.ADMIN,
    "createFreezeWindow": Role.ADMIN,
    "deleteFreezeWindow": Role.ADMIN,
    "createServiceAccount": Role.ADMIN,
    "createApiToken": None,  # one's own within one's own scopes; for a service account the use case asks for ADMIN
    "revokeApiTokens": None,  # as revokeApiToken
    "revokeApiToken": None,  # one's own; for others the use case asks for ADMIN
    "grantRole": Role.ADMIN,
    "revokeRole": Role.ADMIN,
}
FOLLOWS = dict.fromkeys(
    ("deploymentEvents", "taskLogs", "deploymentLogs", "deploymentsChanged", "myApprovalsChanged"), Role.VIEWER
)
UNGUARDED = "says nothing"


def declared_roles(root: Any, guard: type[Guard] | type[MutationGuard]) -> dict[str, Any]:
    """Return the role that each field of a root type asks for, by the field's name."""
    roles: dict[str, Any] = {}
    for field in root.__strawberry_definition__.fields:
        guards = [extension for extension in field.extensions if isinstance(extension, guard)]
        name = schema.config.name_converter.get_graphql_name(field)
        roles[name] = guards[0].role if len(guards) == 1 else UNGUARDED
    return roles


def test_every_query_names_its_readers() -> None:
    assert declared_roles(Query, Guard) == READS


def test_every_mutation_names_its_role_and_returns_a_payload() -> None:
    assert declared_roles(Mutation, MutationGuard) == CHANGES


def test_every_subscription_names_its_readers() -> None:
    assert declared_roles(Subscription, Guard) == FOLLOWS


def test_a_field_without_a_role_is_found() -> None:
    assert set(declared_roles(Query, MutationGuard).values()) == {UNGUARDED}
