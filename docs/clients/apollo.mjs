// Written by `boreas schema --client-cache apollo` from the schema; do not edit.
import { relayStylePagination } from '@apollo/client/utilities';

export const possibleTypes = {
  "Actor": [
    "ServiceAccount",
    "User"
  ],
  "DeployTarget": [
    "KubernetesTarget",
    "ShellTarget"
  ],
  "DeploymentEvent": [
    "ApprovalDecided",
    "ApprovalRequested",
    "DeploymentPaused",
    "DeploymentStatusChanged",
    "RolloutProgressed",
    "TaskStatusChanged",
    "WorkflowChanged"
  ],
  "Node": [
    "ApiToken",
    "Application",
    "Approval",
    "AuditEntry",
    "Deployment",
    "Environment",
    "FreezeWindow",
    "ServiceAccount",
    "Task",
    "TemplateVersion",
    "User",
    "Version",
    "Workflow",
    "WorkflowTemplate"
  ],
  "UserError": [
    "Forbidden",
    "Frozen",
    "IdempotencyConflict",
    "InvalidInput",
    "NotFound",
    "RevisionConflict",
    "WorkflowFault",
    "WrongState"
  ]
};

export const typePolicies = {
  Application: {
    fields: {
      deployments: relayStylePagination(),
      versions: relayStylePagination(),
    },
  },
  ApprovalPolicy: {
    merge: true,
  },
  CommandStep: {
    merge: true,
  },
  Deployment: {
    fields: {
      approvalsConnection: relayStylePagination(),
      events: relayStylePagination(),
    },
  },
  DeploymentPermissions: {
    merge: true,
  },
  DeploymentPlan: {
    merge: true,
  },
  Environment: {
    fields: {
      deployments: relayStylePagination(),
    },
  },
  FreezeStatus: {
    merge: true,
  },
  Gate: {
    merge: true,
  },
  HealthCheck: {
    merge: true,
  },
  JobOptions: {
    merge: true,
  },
  JobResources: {
    merge: true,
  },
  KubernetesAccess: {
    merge: true,
  },
  KubernetesTarget: {
    merge: true,
  },
  LogLine: {
    merge: true,
  },
  Permission: {
    merge: true,
  },
  Position: {
    merge: true,
  },
  Query: {
    fields: {
      applications: relayStylePagination(['contains', 'archived']),
      environmentsConnection: relayStylePagination(),
      versions: relayStylePagination(['contains', 'applicationId', 'commit']),
      deployments: relayStylePagination(['filter']),
      myApprovals: relayStylePagination(),
      workflowTemplates: relayStylePagination(['contains', 'archived']),
      auditLog: relayStylePagination(['filter']),
    },
  },
  Rollback: {
    merge: true,
  },
  Rollout: {
    merge: true,
  },
  Server: {
    merge: true,
  },
  ServiceAccount: {
    fields: {
      tokensConnection: relayStylePagination(),
    },
  },
  ShellTarget: {
    merge: true,
  },
  Strategy: {
    merge: true,
  },
  Task: {
    fields: {
      logs: relayStylePagination(['levels', 'contains', 'attempt']),
    },
  },
  TaskPermissions: {
    merge: true,
  },
  User: {
    fields: {
      tokensConnection: relayStylePagination(),
    },
  },
  Version: {
    fields: {
      deployments: relayStylePagination(),
    },
  },
  Workflow: {
    fields: {
      revisionsConnection: relayStylePagination(),
    },
  },
  WorkflowDiff: {
    merge: true,
  },
  WorkflowRevision: {
    merge: true,
  },
  WorkflowTask: {
    merge: true,
  },
  WorkflowTemplate: {
    fields: {
      versionsConnection: relayStylePagination(),
    },
  },
};
