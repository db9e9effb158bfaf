"""Descriptions of the root types and their arguments, and of what many types have in common."""

from collections.abc import Mapping

SCHEMA = (
    "Boreas deploys versions of applications to environments. Every operation takes a bearer token. Without one the "
    "answer is HTTP 401. What the token may do depends on its owner's roles. A refused mutation answers with `errors` "
    "in its payload and changes nothing; a refused query or subscription is a GraphQL error with the code in its "
    "`extensions`. Fields and values that are to be removed are marked with @deprecated first."
)
ARGUMENTS: Mapping[str, str] = {
    "first": "How many items the page holds at most, from its start: 0 to 500.",
    "after": "The cursor behind which the page begins; null: at the start of the list.",
    "last": "How many items the page holds at most, from its end: 0 to 500. It excludes first and after.",
    "before": "The cursor before which the page ends, with `last`; null: at the end of the list.",
    "contains": "Only names that have this text in them, in any letters; null: all names.",
    "filter": "Which of them the list holds; null: all that you may see.",
    "input": "What to do, and to what.",
    "id": "The id of the object.",
    "name": "The name of the object, instead of its id.",
    "by": "The object by its id or its name, instead of id and name: generated clients know that it takes just one.",
}
"""What an argument of this name means everywhere that does not say otherwise."""

TYPES: Mapping[str, Mapping[str, str]] = {
    "Query": {
        "": "What can be read. For VIEWER on what is read, except where a field says otherwise.",
        "applications(archived)": "True: those that are archived instead; null: false.",
        "deploymentPlan(input)": "What createDeployment would get.",
        "versions(applicationId)": "Only versions that hold this application; null: all.",
        "versions(commit)": "Only versions of this commit, or of commits that begin so; null: all.",
        "workflowTemplates(archived)": "True: those that are archived instead; null: false.",
    },
    "Mutation": {
        "": "What can be changed. Each takes one input and answers with what it changed, or with errors. "
        "A field names the role that it takes, on everything that it touches.",
    },
    "Subscription": {
        "": "What can be followed live, over a WebSocket or a stream. Whether you may is asked again with each event.",
        "deploymentEvents(after)": "The cursor of the last event that was seen; null: from the first event on.",
        "taskLogs(taskId)": "The id of the task.",
        "taskLogs(after)": "The cursor of the last batch that was seen; null: from the first line on.",
        "taskLogs(levels)": "Only lines of these levels; null: of all. An empty list admits none.",
        "taskLogs(contains)": "Only lines with this text, in just these letters; null: all.",
        "deploymentLogs(deploymentId)": "The id of the deployment.",
        "deploymentLogs(after)": "The cursor of the last batch that was seen; null: from the first line on.",
        "deploymentLogs(levels)": "Only lines of these levels; null: of all. An empty list admits none.",
        "deploymentLogs(contains)": "Only lines with this text, in just these letters; null: all.",
        "deploymentsChanged(filter)": "Which of them to follow; null: all that you may see.",
    },
}
CONNECTION = {
    "edges": "The items of the page, each with its cursor.",
    "nodes": "The items of the page, without their cursors.",
    "pageInfo": "Where the page stands in the list, and whether there is more.",
}
EDGE = {
    "cursor": "The place of the item: send it as `after` or `before`.",
    "node": "The item.",
}
PAYLOAD = {
    "actor": "The person or service account, as it is now; null: the change was refused.",
    "application": "The application, as it is now; null: the change was refused.",
    "approvals": "Those that were decided, as they are now.",
    "deployment": "The deployment, as it is now; null: the change was refused.",
    "deployments": "The new deployments, one for each environment; empty: they were refused.",
    "environment": "The environment, as it is now; null: the change was refused.",
    "errors": "Why it was refused; empty: it was done.",
    "serviceAccount": "The new service account; null: it was refused.",
    "task": "The task, as it is now; null: the change was refused.",
    "template": "The template, as it is now; null: the change was refused.",
    "token": "The token, as it is now; null: the change was refused.",
    "tokens": "Those that were revoked, as they are now.",
    "version": "The version, as it is now; null: the change was refused.",
    "workflow": "The graph, as it is now; null: the edit was refused.",
}
FAMILIES: Mapping[str, Mapping[str, str]] = {"Connection": CONNECTION, "Edge": EDGE, "Payload": PAYLOAD}
"""What fields mean in types whose names end so."""
