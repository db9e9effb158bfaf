"""Descriptions of tasks, workflows and templates."""

from collections.abc import Mapping

TYPES: Mapping[str, Mapping[str, str]] = {
    "Position": {
        "x": "The horizontal position in the units of the editor.",
        "y": "The vertical position in the units of the editor, downwards.",
    },
    "Task": {
        "deploymentId": "The id of `deployment`.",
        "appId": "The id of `application`. Null if the task belongs to no application.",
        "name": "The display name.",
        "type": "The type of the task.",
        "status": "The status of the task. `blockers` explains why it does not proceed.",
        "order": "The position in the list of tasks, counted from 0. It does not affect which task waits for which.",
        "confirmedAt": "When the last required approval was given. Null if it was not given, or none is required.",
        "payload": "Values set by the author of the workflow, as a JSON object. The SIMULATED operator reads them.",
        "result": "The result of the task, as a JSON object. Null if it has none.",
        "errorMessage": "Why the task failed. Null if it has not failed.",
        "maxAttempts": "How many attempts the task gets, including the first.",
        "timeoutSeconds": "How many seconds one attempt may take. A longer attempt fails.",
        "startedAt": "When the latest attempt started. Null if the task has not started.",
        "completedAt": "When the task ended. Null if it has not ended.",
        "position": "The position of the task in the editor. Null if none was set.",
        "deployment": "The deployment that the task belongs to.",
        "application": "The application that the task belongs to. Null if it belongs to none.",
        "attempts": "All attempts, oldest first.",
        "logs(levels)": "Only lines of these levels. Null matches all levels; an empty list matches none.",
        "logs(contains)": "Only lines that contain this text, ignoring case. Null matches all lines.",
        "logs(attempt)": "Only lines of the attempt with this number. Null matches all attempts.",
        "viewerCan": "What you may do with the task now, each with the reason if you may not.",
    },
    "TaskAttempt": {
        "number": "The number of the attempt within its task, counted from 1.",
        "status": "How the attempt ended. RUNNING until then.",
        "startedAt": "When the attempt started.",
        "completedAt": "When the attempt ended. Null if it still runs.",
        "errorMessage": "Why the attempt failed. Null if it has not failed.",
    },
    "TaskPermissions": {
        "retry": "Whether you may call retryTask. For DEPLOYER on the deployment.",
        "skip": "Whether you may call skipTask. For DEPLOYER on the deployment. A task that needs an approval can "
        "only be skipped by one of its approvers.",
        "cancel": "Whether you may call cancelTask. For DEPLOYER on the deployment.",
    },
    "TemplateParameter": {
        "description": "A description for people. It may be empty.",
        "default": "The value that is used if none is given. Null if there is no default.",
    },
    "TemplateVersion": {
        "createdAt": "When the version was saved.",
        "note": "A note on the version, such as what it changes. It may be empty.",
        "parameters": "The parameters that a deployment can set.",
        "template": "The template that the version belongs to.",
        "author": "The person or service account that saved the version.",
    },
    "Workflow": {
        "revision": "The number of the current revision, counted from 1. Send it as expectedRevision with an edit.",
        "edges": "The edges of the graph: which task waits for which.",
        "revisionAt(number)": "The number of the revision, counted from 1.",
        "diff(from)": "The number of the first revision.",
        "diff(to)": "The number of the second revision.",
    },
    "WorkflowDependency": {
        "from": "The id of the task that is waited for.",
        "to": "The id of the task that waits.",
    },
    "WorkflowDiff": {
        "added": "Tasks that only the second graph has.",
        "removed": "Tasks that only the first graph has.",
        "changed": "Tasks that differ between the graphs.",
    },
    "WorkflowRevision": {
        "number": "The number of the revision. It starts at 1 and grows by one with each edit.",
        "at": "When the revision was made.",
        "author": "The person or service account that made the revision.",
    },
    "WorkflowTask": {
        "key": "The key of the task, unique within its graph, such as user-service/build.",
        "name": "The display name.",
        "type": "The type of the task.",
        "applicationName": "The name of the application that the task belongs to. Null if it belongs to none.",
        "command": "The command of a PREPARE, BUILD, TEST or CUSTOM task. Null if it has none of its own.",
        "payload": "Values set by the author of the workflow, as a JSON object.",
        "timeoutSeconds": "How many seconds one attempt may take.",
        "maxAttempts": "How many attempts the task gets, including the first.",
        "position": "The position of the task in the editor. Null if none was set.",
    },
    "WorkflowTaskChange": {
        "key": "The key of the task in both graphs.",
        "before": "The task in the first graph.",
        "after": "The task in the second graph.",
    },
    "WorkflowTemplate": {
        "description": "A description for people. It may be empty.",
        "latest": "The latest version.",
        "diff(from)": "The number of the first version.",
        "diff(to)": "The number of the second version.",
    },
}
