"""Descriptions of the fields of inputs."""

from collections.abc import Mapping

COMMON: Mapping[str, str] = {
    "idempotencyKey": "1 to 200 characters; the same key and input again return the first result. Null: no key.",
    "expectedRevision": "The revision that the edit was made from; RevisionConflict where there is a newer one.",
    "deploymentId": "The deployment.",
    "environmentId": "The environment.",
}
"""What a field of this name means in every input that does not say otherwise."""

STEP = {
    "command": "The program and its arguments, run without a shell.",
    "image": "The container image that it runs in on KUBERNETES; null: that of the version's artifact.",
    "timeoutSeconds": "Seconds that one attempt may take; null: 1800.",
    "maxAttempts": "How often it is tried, the first time included; null: once.",
}
HEALTH_CHECK = {
    "command": "A program and its arguments; exit status 0 means healthy. Null: health is told another way.",
    "httpUrl": "An address that is asked; it may hold {instance}, {version}, {color} and {service}. Null: another way.",
    "expectStatus": "The HTTP status that httpUrl answers with when it is healthy; null: 200.",
    "intervalSeconds": "Seconds from one check to the next; null: 5.",
    "timeoutSeconds": "Seconds that one check may take; null: 5.",
    "successThreshold": "Successes in a row that make it healthy; null: 1.",
    "failureThreshold": "Failures in a row that fail it; null: 3.",
    "metrics": "Queries whose values must all lie within their bounds; null: none.",
}
TYPES: Mapping[str, Mapping[str, str]] = {
    "AddTaskInput": {"task": "The new task. It comes last in the list, and waits for the tasks in its blockBy."},
    "ArtifactInput": {
        "applicationId": "The application; each one at most once in a version.",
        "image": "A container image reference, which commands see as BOREAS_IMAGE; null: there is none.",
    },
    "AuditFilter": {
        "actorId": "Only what this person or service account did; null: whoever did it.",
        "targetId": "Only changes of the object with this id; null: of any.",
    },
    "ByIdInput": {"id": "The object."},
    "CommandStepInput": STEP,
    "ConnectTasksInput": {
        "from": "The key of the task that is waited for.",
        "to": "The key of the task that waits.",
    },
    "CreateApiTokenInput": {
        "name": "A name for people, 1 to 100 characters.",
        "expiresAt": "When it ends by itself, in the future; null: as late as the token that makes it.",
    },
    "CreateApplicationInput": {
        "name": "A DNS label that no application has: lower case letters, digits and hyphens, at most 63. NAME_TAKEN.",
        "description": "What it is, for people; null: empty.",
        "repositoryUrl": "Where its source is kept; null: nobody says.",
        "build": "What its build task runs; null: it has no build task.",
        "test": "What its test task runs; null: it has no test task.",
        "kubernetes": "How it is deployed to a cluster: exactly one of shell and kubernetes.",
        "healthCheck": "How its health is told after a deploy; null: it has no health check task.",
    },
    "CreateDeploymentInput": {
        "versionId": "What to deploy.",
        "environmentIds": "Where to: one deployment is made for each, or none at all.",
        "autoStart": "Whether to start once the queue and freezes let it; false: startDeployment does. Null: yes.",
    },
    "CreateEnvironmentInput": {
        "name": "A DNS label that no environment has: lower case letters, digits and hyphens, at most 63. NAME_TAKEN.",
        "operator": "Who carries out what is deployed here. It never changes.",
        "rank": "Its place in lists, the lowest first: dev 0, staging 1, production 2. Null: 0.",
        "workerPool": "The pool of workers that serve it; null: default.",
        "maxConcurrentDeployments": "How many deployments run here at the same time at most; null: 10.",
    },
    "CreateFreezeWindowInput": {
        "name": "A name for people, 1 to 100 characters.",
        "reason": "Why, shown to whom it holds up.",
        "startsAt": "When it begins; of a recurring one, its first occurrence.",
        "endsAt": "When it ends, after startsAt; of a recurring one, its first occurrence.",
    },
    "CreateServiceAccountInput": {"name": "A name that nobody has, 1 to 100 characters. NAME_TAKEN where it is taken."},
    "CreateVersionInput": {
        "name": "Such as v1.2.5, at most 100 characters. NAME_TAKEN where one of the applications has another such.",
        "artifacts": "The applications of the version, 1 to 500 of them.",
        "commit": "The commit that it is made from, at most 100 characters; null: nobody says.",
    },
    "DecideInput": {
        "approvalIds": "The approvals. Each is answered on its own.",
        "comment": "Why, for people; null: nothing is said.",
    },
    "DeploymentFilter": {
        "statuses": "Only deployments in one of these; null: in any. An empty list admits none.",
        "environmentIds": "Only deployments to one of these; null: to any. An empty list admits none.",
        "versionId": "Only deployments of this version; null: of any.",
        "createdById": "Only what this person or service account created; null: whoever did.",
        "createdAfter": "Only what was created at or after this moment; null: there is no such bound.",
        "createdBefore": "Only what was created before this moment; null: there is no such bound.",
    },
    "EditTaskInput": {"key": "The key of the task."},
    "GrantInput": {
        "actorId": "The person or service account.",
        "role": "The role.",
        "environmentId": "The environment that it is for; null: all environments.",
        "applicationId": "The application that it is for; null: all applications.",
    },
    "HealthCheckInput": HEALTH_CHECK,
    "KubernetesAccessInput": {
        "context": "A context of the kubeconfig; null: the current one.",
        "namespace": "The namespace that the applications run in; null: default.",
    },
    "KubernetesTargetInput": {"container": "The container of its pods whose image is changed."},
    "MetricCheckInput": {
        "name": "A name for people, unique within the health check.",
        "prometheusUrl": "The address of the Prometheus server that is asked.",
        "min": "The least healthy value; null: there is no lower bound.",
        "max": "The greatest healthy value; null: there is no upper bound.",
    },
    "MoveTaskInput": {
        "key": "The key of the task.",
        "direction": "Whether it goes towards the start or the end of the list.",
    },
    "PositionInput": {
        "x": "Units to the right, as the editor counts them.",
        "y": "Units down, as the editor counts them.",
    },
    "PromoteRolloutInput": {"taskId": "The deploy task whose rollout waits."},
    "ReasonInput": {"id": "The object.", "reason": "Why, for people and the audit log."},
    "RestoreWorkflowInput": {"revision": "The number of the revision to bring back."},
    "SaveWorkflowTemplateInput": {
        "tasks": "The graph; null: that of fromDeploymentId.",
        "parameters": "Values that its users may give, which tasks refer to; null: none.",
    },
    "SetApprovalPolicyInput": {
        "allowSelfApproval": "Whether whoever started a deployment, or edited it, may approve it; null: no.",
        "timeoutSeconds": "Seconds until an approval expires that nobody decides; null: it never does.",
        "onTimeout": "What comes of an approval that expires; null: REJECT.",
    },
    "SetTaskPositionsInput": {"positions": "Where tasks are drawn; those that are not named stay where they are."},
    "ShellTargetInput": {
        "command": "The program and its arguments, run once for each instance.",
        "instances": "Names of the instances, which the command gets as BOREAS_INSTANCE; null: one, named local.",
        "rollbackCommand": "Run for each instance to roll back; null: the deploy command with the version before.",
    },
    "StrategyInput": {
        "kind": "How instances are changed.",
        "steps": "What is done, one step after another.",
    },
    "StrategyStepInput": {
        "autoRollback": "Whether a deployment that fails while the step is in force rolls back by itself; null: yes.",
    },
    "TaskPositionInput": {"key": "The key of the task.", "position": "Where it is drawn."},
    "TemplateParameterInput": {
        "name": "Unique within the template: letters, digits and underscores.",
        "description": "What it is for; null: empty.",
        "default": "The value where none is given; null: there is none.",
    },
    "UpdateApplicationInput": {
        "id": "The application.",
        "description": "What it is, for people; null: empty.",
        "repositoryUrl": "Where its source is kept; null: nobody says.",
        "build": "What its build task runs; null: it has no build task any more.",
        "test": "What its test task runs; null: it has no test task any more.",
        "kubernetes": "How it is deployed to a cluster; given alone, it takes the place of shell.",
        "healthCheck": "How its health is told after a deploy; null: it has no health check task any more.",
    },
    "UpdateEnvironmentInput": {
        "id": "The environment.",
        "rank": "Its place in lists, the lowest first; null: it stays.",
        "workerPool": "The pool of workers that serve it; null: it stays.",
        "maxConcurrentDeployments": "How many deployments run here at the same time at most; null: it stays.",
    },
    "UpdateTaskInput": {
        "key": "The key of the task, which stays.",
        "name": "A name for people; null: it stays.",
        "requireConfirm": "Whether people are asked before it starts; null: it stays.",
        "payload": "Values of its author's own, as a JSON object; null: none any more.",
        "timeoutSeconds": "Seconds that one attempt may take; null: it stays.",
        "maxAttempts": "How often it is tried, the first time included; null: it stays.",
    },
    "UpdateWorkflowInput": {"tasks": "All tasks of the new graph. Tasks that it does not name are removed."},
    "WorkflowTaskInput": {
        "key": "Unique within its graph, such as user-service/build. Others name it by this.",
        "name": "A name for people.",
        "type": "What it does.",
        "applicationId": "The application that it is for; null: none.",
        "command": "What it runs, for PREPARE, BUILD, TEST and CUSTOM; null: nothing.",
        "payload": "Values of its author's own, as a JSON object; the SIMULATED operator reads them. Null: none.",
        "position": "Where the editor draws it; null: wherever it likes.",
    },
}
