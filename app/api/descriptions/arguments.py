"""Descriptions of the root types, of arguments, and of fields that many types have."""

from collections.abc import Mapping

SCHEMA = (
    "Boreas deploys versions of applications to environments. Every operation needs a bearer token; without one, the "
    "server answers with HTTP 401. The roles of the token's owner decide what the token may do. A refused mutation "
    "changes nothing and returns `errors` in its payload. A refused query or subscription is a GraphQL error with the "
    "code in its `extensions`. Fields and values are marked with @deprecated before they are removed."
)
ARGUMENTS: Mapping[str, str] = {
    "first": "The maximum number of items, counted from the start of the list: 0 to 500.",
    "after": "The cursor after which the page starts. Null means the start of the list.",
    "last": "The maximum number of items, counted from the end of the list: 0 to 500. Excludes `first` and `after`.",
    "before": "The cursor before which the page ends. Use it with `last`. Null means the end of the list.",
    "contains": "Only items whose name contains this text, ignoring case. Null matches all.",
    "filter": "The conditions that the items must meet. Null matches all that you may see.",
    "input": "The input of the mutation.",
    "id": "The id of the object.",
    "name": "The name of the object, as an alternative to its id.",
    "by": "The id or the name of the object, as an alternative to `id` and `name` that clients can check by its type.",
}
"""The meaning of an argument by its name, used where no other description is given."""

LEVELS = "Only lines of these levels. Null matches all levels; an empty list matches none."
CONTAINS = "Only lines that contain this text, ignoring case. Null matches all lines."
TYPES: Mapping[str, Mapping[str, str]] = {
    "Query": {
        "": "Everything that can be read. Reading takes VIEWER on the object, unless a field says otherwise.",
        "applications(archived)": "True returns the archived applications instead. Default: false.",
        "deploymentPlan(input)": "The input that createDeployment would get.",
        "versions(applicationId)": "Only versions that contain this application. Null matches all.",
        "versions(commit)": "Only versions of a commit that starts with this text. Null matches all.",
        "workflowTemplates(archived)": "True returns the archived templates instead. Default: false.",
    },
    "Mutation": {
        "": "Everything that can be changed. A mutation takes one input and returns the changed object or errors. "
        "Each description names the role that you need on every object that the mutation changes.",
    },
    "Subscription": {
        "": "Everything that can be followed live, over a WebSocket or a stream. Your access is checked again for "
        "each message.",
        "deploymentEvents(after)": "The cursor of the last event that you received. Null means the first event.",
        "taskLogs(taskId)": "The id of the task.",
        "taskLogs(after)": "The cursor of the last batch that you received. Null means the first line.",
        "taskLogs(levels)": LEVELS,
        "taskLogs(contains)": CONTAINS,
        "deploymentLogs(deploymentId)": "The id of the deployment.",
        "deploymentLogs(after)": "The cursor of the last batch that you received. Null means the first line.",
        "deploymentLogs(levels)": LEVELS,
        "deploymentLogs(contains)": CONTAINS,
        "deploymentsChanged(filter)": "The deployments to follow. Null means all that you may see.",
    },
}
CONNECTION = {
    "edges": "The items of the page, each with its cursor.",
    "nodes": "The items of the page, without cursors.",
    "pageInfo": "The cursors of the page, and whether there are more pages.",
}
EDGE = {
    "cursor": "The position of the item. Send it as `after` or `before`.",
    "node": "The item.",
}
PAYLOAD = {
    "actor": "The person or service account after the change. Null if the change was refused.",
    "application": "The application after the change. Null if the change was refused.",
    "approvals": "The approvals that were decided, after the decision.",
    "deployment": "The deployment after the change. Null if the change was refused.",
    "deployments": "The new deployments, one for each environment. Empty if the mutation was refused.",
    "environment": "The environment after the change. Null if the change was refused.",
    "errors": "The reasons for the refusal. Empty if the mutation succeeded.",
    "serviceAccount": "The new service account. Null if the mutation was refused.",
    "task": "The task after the change. Null if the change was refused.",
    "template": "The template after the change. Null if the change was refused.",
    "token": "The token after the change. Null if the change was refused.",
    "tokens": "The tokens that were revoked.",
    "version": "The version after the change. Null if the change was refused.",
    "workflow": "The workflow after the change. Null if the change was refused.",
}
SUFFIXES: Mapping[str, Mapping[str, str]] = {"Connection": CONNECTION, "Edge": EDGE, "Payload": PAYLOAD}
"""The meaning of fields by the suffix of the name of their type."""
