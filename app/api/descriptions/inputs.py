"""Descriptions of the fields of inputs."""

from collections.abc import Mapping

COMMON: Mapping[str, str] = {
    "idempotencyKey": "A key of 1 to 200 characters. A repeated call with the same key and input returns the first "
    "result. Null means no key.",
    "expectedRevision": "The revision that the edit is based on. REVISION_CONFLICT if there is a newer one.",
    "deploymentId": "The id of the deployment.",
    "environmentId": "The id of the environment.",
}
"""The meaning of an input field by its name, used where no other description is given."""

STEP = {
    "image": "The container image that the command runs in on KUBERNETES. Default: the image of the artifact.",
    "timeoutSeconds": "How many seconds one attempt may take. Default: 1800.",
    "maxAttempts": "How many attempts the command gets, including the first. Default: 1.",
}
HEALTH_CHECK = {
    "command": "The program and its arguments. Exit status 0 means healthy. Null means no command is used.",
    "httpUrl": "The URL to request. It may contain {instance}, {version}, {color} and {service}. Null means no URL is "
    "used.",
    "expectStatus": "The HTTP status that means healthy. Default: 200.",
    "intervalSeconds": "The seconds between two checks. Default: 5.",
    "timeoutSeconds": "How many seconds one check may take. Default: 5.",
    "successThreshold": "How many successes in a row mean healthy. Default: 1.",
    "failureThreshold": "How many failures in a row mean that the check has failed. Default: 3.",
    "metrics": "The metric checks. The value of each must be within its bounds. Default: none.",
}
TYPES: Mapping[str, Mapping[str, str]] = {
    "AddTaskInput": {
        "task": "The new task. It is added at the end of the list and waits for the tasks in its blockBy."
    },
    "ArtifactInput": {
        "applicationId": "The id of the application. A version has at most one artifact of each application.",
        "image": "A container image reference. Commands get it as BOREAS_IMAGE. Null means no image.",
    },
    "AuditFilter": {
        "actorId": "Only changes by this person or service account. Null matches all.",
        "targetId": "Only changes of the object with this id. Null matches all.",
    },
    "ByIdInput": {"id": "The id of the object."},
    "CommandStepInput": STEP,
    "ConnectTasksInput": {
        "from": "The key of the task that is waited for.",
        "to": "The key of the task that waits.",
    },
    "CreateApiTokenInput": {
        "name": "The display name, 1 to 100 characters.",
        "expiresAt": "When the token expires, in the future. Default: when the token that creates it expires.",
    },
    "CreateApplicationInput": {
        "name": "A unique DNS label: lower case letters, digits and hyphens, at most 63. NAME_TAKEN if it exists.",
        "description": "A description for people. Default: empty.",
        "repositoryUrl": "The URL of the source repository. Default: none.",
        "build": "The command of the build task. Null means no build task.",
        "test": "The command of the test task. Null means no test task.",
        "kubernetes": "How the application is deployed to a cluster. Set exactly one of shell and kubernetes.",
        "healthCheck": "How the health of the application is checked after a deploy. Null means no health check task.",
    },
    "CreateDeploymentInput": {
        "versionId": "The id of the version to deploy.",
        "environmentIds": "The ids of the environments. Either each gets a deployment, or none does.",
        "autoStart": "Whether the deployment starts as soon as the queue and freezes allow. False waits for "
        "startDeployment. Default: true.",
    },
    "CreateEnvironmentInput": {
        "name": "A unique DNS label: lower case letters, digits and hyphens, at most 63. NAME_TAKEN if it exists.",
        "operator": "How deployments to this environment are carried out. It cannot be changed later.",
        "rank": "The position in lists, lowest first, such as dev 0, staging 1, production 2. Default: 0.",
        "workerPool": "The pool of workers that serves the environment. Default: default.",
        "maxConcurrentDeployments": "The maximum number of deployments that run here at the same time. Default: 10.",
    },
    "CreateFreezeWindowInput": {
        "name": "The display name, 1 to 100 characters.",
        "reason": "The reason. People whose deployments wait see it.",
        "startsAt": "When the window starts. For a recurring window, when its first occurrence starts.",
        "endsAt": "When the window ends, after startsAt. For a recurring window, when its first occurrence ends.",
    },
    "CreateServiceAccountInput": {"name": "A unique name, 1 to 100 characters. NAME_TAKEN if it exists."},
    "CreateVersionInput": {
        "name": "The name, such as v1.2.5, at most 100 characters. NAME_TAKEN if one of the applications has a "
        "different version of this name.",
        "artifacts": "One artifact for each application of the version, 1 to 500.",
        "commit": "The source commit, at most 100 characters. Default: none.",
    },
    "DecideInput": {
        "approvalIds": "The ids of the approvals. Each is decided independently of the others.",
        "comment": "A comment on the decision. Default: empty.",
    },
    "DeploymentFilter": {
        "statuses": "Only deployments with one of these statuses. Null matches all; an empty list matches none.",
        "environmentIds": "Only deployments to these environments. Null matches all; an empty list matches none.",
        "versionId": "Only deployments of this version. Null matches all.",
        "createdById": "Only deployments created by this person or service account. Null matches all.",
        "createdAfter": "Only deployments created at this time or later. Null means no limit.",
        "createdBefore": "Only deployments created before this time. Null means no limit.",
    },
    "EditTaskInput": {"key": "The key of the task."},
    "GrantInput": {
        "actorId": "The id of the person or service account.",
        "role": "The role.",
        "environmentId": "The id of the environment that the grant covers. Null means all environments.",
        "applicationId": "The id of the application that the grant covers. Null means all applications.",
    },
    "HealthCheckInput": HEALTH_CHECK,
    "KubernetesAccessInput": {
        "context": "A context of the kubeconfig. Default: its current context.",
        "namespace": "The namespace of the applications. Default: default.",
    },
    "MetricCheckInput": {
        "name": "The display name, unique within the health check.",
        "prometheusUrl": "The URL of the Prometheus server.",
        "min": "The lowest healthy value. Null means no lower bound.",
        "max": "The highest healthy value. Null means no upper bound.",
    },
    "MoveTaskInput": {
        "key": "The key of the task.",
        "direction": "Whether the task moves towards the start or the end of the list.",
    },
    "PositionInput": {
        "x": "The horizontal position in the units of the editor.",
        "y": "The vertical position in the units of the editor, downwards.",
    },
    "PromoteRolloutInput": {"taskId": "The id of the deploy task whose rollout waits."},
    "ReasonInput": {"id": "The id of the object.", "reason": "The reason, for people and the audit log."},
    "RestoreWorkflowInput": {"revision": "The number of the revision to restore."},
    "SaveWorkflowTemplateInput": {
        "tasks": "The graph. Null means the graph of fromDeploymentId.",
        "parameters": "The parameters that a deployment can set, and that tasks refer to. Default: none.",
    },
    "SetApprovalPolicyInput": {
        "allowSelfApproval": "Whether people may approve deployments that they started or edited. Default: false.",
        "timeoutSeconds": "After how many seconds a pending approval expires. Null means never.",
        "onTimeout": "What happens when an approval expires. Default: REJECT.",
    },
    "SetTaskPositionsInput": {"positions": "The new positions. Tasks that are not listed keep theirs."},
    "ShellTargetInput": {
        "command": "The program and its arguments. It runs once for each instance.",
        "instances": "The names of the instances. The command gets one of them as BOREAS_INSTANCE. Default: local.",
        "rollbackCommand": "The command that rolls one instance back. Default: the deploy command with the previous "
        "version.",
    },
    "StrategyInput": {
        "kind": "The kind of strategy.",
        "steps": "The steps, in order.",
    },
    "StrategyStepInput": {
        "autoRollback": "Whether a deployment that fails during this step is rolled back automatically. Default: true.",
    },
    "TaskPositionInput": {"key": "The key of the task.", "position": "The position of the task."},
    "TemplateParameterInput": {
        "name": "The name, unique within the template: letters, digits and underscores.",
        "description": "A description for people. Default: empty.",
        "default": "The value that is used if none is given. Null means no default.",
    },
    "UpdateApplicationInput": {
        "id": "The id of the application.",
        "description": "The new description for people. Null makes it empty.",
        "repositoryUrl": "The new URL of the source repository. Null removes it.",
        "build": "The new command of the build task. Null removes the build task.",
        "test": "The new command of the test task. Null removes the test task.",
        "kubernetes": "How the application is deployed to a cluster. Given without shell, it replaces shell.",
        "healthCheck": "The new health check. Null removes the health check task.",
    },
    "UpdateEnvironmentInput": {
        "id": "The id of the environment.",
        "rank": "The new position in lists, lowest first. Null changes nothing.",
        "workerPool": "The new pool of workers. Null changes nothing.",
        "maxConcurrentDeployments": "The new maximum number of deployments that run at the same time. Null changes "
        "nothing.",
    },
    "UpdateTaskInput": {
        "key": "The key of the task. It does not change.",
        "name": "The new display name. Null changes nothing.",
        "requireConfirm": "Whether the task needs an approval before it starts. Null changes nothing.",
        "payload": "New values of your choice, as a JSON object. Null removes them.",
        "timeoutSeconds": "How many seconds one attempt may take. Null changes nothing.",
        "maxAttempts": "How many attempts the task gets, including the first. Null changes nothing.",
    },
    "UpdateWorkflowInput": {"tasks": "All tasks of the new graph. Tasks that are not listed are removed."},
    "WorkflowTaskInput": {
        "key": "The key of the task, unique within its graph, such as user-service/build. Other tasks refer to it.",
        "name": "The display name.",
        "type": "The type of the task.",
        "applicationId": "The id of the application that the task belongs to. Null means none.",
        "command": "The command of a PREPARE, BUILD, TEST or CUSTOM task. Null means none.",
        "payload": "Values of your choice, as a JSON object. The SIMULATED operator reads them. Default: none.",
        "position": "The position of the task in the editor. Default: none.",
    },
}
