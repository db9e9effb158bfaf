"""The GraphQL documents that register the shop in Boreas."""

ENVIRONMENT = """
query Environment($name: String!) {
  environment(name: $name) { id name }
}
"""

CURRENT_STATE = """
query CurrentState($name: String!, $filter: DeploymentFilter) {
  environment(name: $name) { id releases { application { name } version { name } } }
  deployments(first: 20, filter: $filter) { nodes { id status environment { name } version { name } } }
}
"""

CREATE_ENVIRONMENT = """
mutation CreateEnvironment($input: CreateEnvironmentInput!) {
  createEnvironment(input: $input) { environment { id name } errors { code message path } }
}
"""

APPLICATION = """
query Application($name: String!) {
  application(name: $name) {
    id
    name
    build { command }
    test { command }
    deploy { ... on ShellTarget { command instances rollbackCommand } }
    healthCheck { command }
  }
}
"""

CREATE_APPLICATION = """
mutation CreateApplication($input: CreateApplicationInput!) {
  createApplication(input: $input) { application { id name } errors { code message path } }
}
"""

UPDATE_APPLICATION = """
mutation UpdateApplication($input: UpdateApplicationInput!) {
  updateApplication(input: $input) { application { id name } errors { code message path } }
}
"""

VERSIONS = """
query Versions($contains: String!, $after: Cursor) {
  versions(first: 100, after: $after, contains: $contains) {
    nodes { id name }
    pageInfo { hasNextPage endCursor }
  }
}
"""

CREATE_VERSION = """
mutation CreateVersion($input: CreateVersionInput!) {
  createVersion(input: $input) { version { id name } errors { code message path } }
}
"""
