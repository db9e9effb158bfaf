"""GraphQL documents of the nouns. -o json and -o yaml print exactly the fields that they select."""

_page = "pageInfo { hasNextPage endCursor } totalCount"
_errors = "errors { __typename code message path }"
_step = "{ command image env timeoutSeconds maxAttempts }"
_actor = "{ __typename id name }"
_named = "{ id name }"

_deployment = f"""id status progress paused attempt errorMessage createdAt updatedAt startedAt completedAt duration
  version {_named} environment {_named} applications {_named} createdBy {_actor}"""

_task = f"""id key name type status attempt maxAttempts errorMessage startedAt completedAt duration blockBy
  requireConfirm application {_named}"""

_approval = f"""id status subject rolloutStep missing requiredApprovals approverRoles revision requestedAt expiresAt
  task {{ id key }} deployment {{ id status version {_named} environment {_named} }}
  decisions {{ verdict comment at counts actor {_actor} }}"""

_blockers = "blockers { kind message until task { id key } approval { id } deployment { id } }"

_permission = "{ allowed reason }"

_full_deployment = f"""{_deployment} freezeOverrideReason manualApproval requireConfirm grayscaleRatio cursor
  strategy {{ kind steps {{ batchSize batchInterval canaryRatio autoRollback requireApproval }} }}
  template {{ id number template {_named} }} rollbackOf {{ id }}
  rollback {{ status automatic reason startedAt completedAt errorMessage requestedBy {_actor} }}
  gate {{ canProceed {_blockers} }} workflow {{ revision editable }}
  rollouts {{ stepIndex batch batches updated healthy total weight resumeAt task {{ id key }} application {_named} }}
  approvals {{ {_approval} }} tasks {{ {_task} }}
  viewerCan {{ start {_permission} cancel {_permission} pause {_permission} resume {_permission} retry {_permission}
    rollback {_permission} editWorkflow {_permission} approve {_permission} }}"""

DEPLOYMENTS = f"""query Deployments($first: Int, $after: Cursor, $filter: DeploymentFilter) {{
  deployments(first: $first, after: $after, filter: $filter) {{ nodes {{ {_deployment} cursor }} {_page} }} }}"""

DEPLOYMENTS_CHANGED = f"""subscription DeploymentsChanged($filter: DeploymentFilter) {{
  deploymentsChanged(filter: $filter) {{ {_deployment} cursor }} }}"""

DEPLOYMENT = f"""query Deployment($id: ID!) {{ deployment(id: $id) {{ {_full_deployment} }} }}"""

EVENTS = f"""query Events($id: ID!, $first: Int, $after: Cursor) {{ deployment(id: $id) {{
  events(first: $first, after: $after) {{ nodes {{ __typename cursor at deploymentId actor {_actor}
    ... on TaskStatusChanged {{ taskId previousTaskStatus taskStatus reason task {{ key }} }}
    ... on DeploymentStatusChanged {{ previousDeploymentStatus deploymentStatus reason }}
    ... on DeploymentPaused {{ paused }}
    ... on ApprovalRequested {{ approval {{ id subject rolloutStep task {{ key }} }} }}
    ... on ApprovalDecided {{ verdict comment approval {{ id subject rolloutStep task {{ key }} }} }}
    ... on WorkflowChanged {{ revision summary }}
    ... on RolloutProgressed {{ taskId rollout {{ batch batches updated healthy total weight task {{ key }} }} }} }}
    {_page} }} }} }}"""

PLAN = f"""query Plan($input: CreateDeploymentInput!) {{ deploymentPlan(input: $input) {{
  levels criticalPath gate {{ canProceed {_blockers} }} faults {{ kind message taskKeys path }}
  approvals {{ subject taskKey rolloutStep requiredApprovals approverRoles }}
  definitions {{ application {_named} differsFromRunning differsFromCurrent }}
  tasks {{ key name type applicationName blockBy requireConfirm command {_step} timeoutSeconds maxAttempts }} }} }}"""

_changed = f"deployment {{ {_deployment} }} {_errors}"

START = f"""mutation Start($input: ByIdInput!) {{ startDeployment(input: $input) {{ {_changed} }} }}"""
PAUSE = f"""mutation Pause($input: ByIdInput!) {{ pauseDeployment(input: $input) {{ {_changed} }} }}"""
RESUME = f"""mutation Resume($input: ByIdInput!) {{ resumeDeployment(input: $input) {{ {_changed} }} }}"""
RETRY = f"""mutation Retry($input: ByIdInput!) {{ retryDeployment(input: $input) {{ {_changed} }} }}"""
CANCEL = f"""mutation Cancel($input: ReasonInput!) {{ cancelDeployment(input: $input) {{ {_changed} }} }}"""
ROLL_BACK = f"""mutation RollBack($input: ReasonInput!) {{ rollbackDeployment(input: $input) {{ {_changed} }} }}"""
PROMOTE = f"""mutation Promote($input: PromoteRolloutInput!) {{ promoteRollout(input: $input) {{ {_changed} }} }}"""

ROLLOUTS = f"""query Rollouts($id: ID!) {{ deployment(id: $id) {{ id status
  rollouts {{ application {_named} task {{ id key status viewerCan {{ promote {_permission} }} }} }} }} }}"""

TASKS = f"""query TasksOf($id: ID!) {{ deployment(id: $id) {{ id status cursor tasks {{ {_task} }} }} }}"""

TASK = f"""query Task($id: ID!) {{ task(id: $id) {{ {_task} timeoutSeconds payload result confirmedAt logsTruncated
  confirmedBy {_actor} command {_step}
  deployment {{ id status cursor version {_named} environment {_named} }}
  attempts {{ number status worker startedAt completedAt errorMessage exitCode }} {_blockers}
  viewerCan {{ retry {_permission} skip {_permission} cancel {_permission} approve {_permission}
    promote {_permission} }} }} }}"""

_task_changed = f"task {{ {_task} deployment {{ id status }} }} {_errors}"
RETRY_TASK = f"""mutation RetryTask($input: ByIdInput!) {{ retryTask(input: $input) {{ {_task_changed} }} }}"""
SKIP_TASK = f"""mutation SkipTask($input: ReasonInput!) {{ skipTask(input: $input) {{ {_task_changed} }} }}"""
CANCEL_TASK = f"""mutation CancelTask($input: ReasonInput!) {{ cancelTask(input: $input) {{ {_task_changed} }} }}"""

TASK_APPROVALS = f"""query TaskApprovals($id: ID!) {{ task(id: $id) {{ key
  deployment {{ id approvals {{ {_approval} }} }} }} }}"""

_release = f"""since version {_named} deployment {{ id status }}"""
_target = """deploy { __typename ... on ShellTarget { command instances rollbackCommand }
    ... on KubernetesTarget { workload container service httpRoute restart } }"""
_application = "id name description repositoryUrl archivedAt createdAt"
_full_application = f"""{_application} build {_step} test {_step} {_target}
  healthCheck {{ command httpUrl expectStatus intervalSeconds timeoutSeconds successThreshold failureThreshold
    metrics {{ name prometheusUrl query min max }} }}
  releases {{ {_release} environment {_named} }}"""

APPLICATIONS = f"""query Applications($first: Int, $after: Cursor, $contains: String, $archived: Boolean) {{
  applications(first: $first, after: $after, contains: $contains, archived: $archived) {{ nodes {{ {_application}
    releases {{ {_release} environment {_named} }} }} {_page} }} }}"""
APPLICATION = f"""query Application($id: ID!) {{ application(id: $id) {{ {_full_application} }} }}"""
ARCHIVE_APPLICATION = f"""mutation ArchiveApplication($input: ByIdInput!) {{
  archiveApplication(input: $input) {{ application {{ {_application} }} {_errors} }} }}"""
UNARCHIVE_APPLICATION = f"""mutation UnarchiveApplication($input: ByIdInput!) {{
  unarchiveApplication(input: $input) {{ application {{ {_application} }} {_errors} }} }}"""

_window = "id name reason startsAt endsAt recurrence timezone"
_freeze = f"freeze {{ frozen nextStart nextEnd window {{ {_window} }} }}"
_environment = f"""id name rank operator workerPool buildPool maxConcurrentDeployments
  kubernetes {{ context namespace }}
  approvalPolicy {{ requiredApprovals approverRoles allowSelfApproval trustBuilds timeoutSeconds onTimeout }}
  {_freeze}"""
_full_environment = f"""{_environment} freezeWindows {{ {_window} }} releases {{ {_release} application {_named} }}"""

ENVIRONMENTS = f"""query Environments {{ environments {{ {_environment} }} }}"""
ENVIRONMENT = f"""query Environment($id: ID!) {{ environment(id: $id) {{ {_full_environment} }} }}"""
UPDATE_ENVIRONMENT = f"""mutation UpdateEnvironment($input: UpdateEnvironmentInput!) {{
  updateEnvironment(input: $input) {{ environment {{ {_environment} }} {_errors} }} }}"""
SET_POLICY = f"""mutation SetPolicy($input: SetApprovalPolicyInput!) {{
  setApprovalPolicy(input: $input) {{ environment {{ {_environment} }} {_errors} }} }}"""

FREEZES = f"""query Freezes {{ environments {{ id name {_freeze} freezeWindows {{ {_window} }} }} }}"""
CREATE_FREEZE = f"""mutation CreateFreeze($input: CreateFreezeWindowInput!) {{ createFreezeWindow(input: $input) {{
  environment {{ id name {_freeze} freezeWindows {{ {_window} }} }} {_errors} }} }}"""
DELETE_FREEZE = f"""mutation DeleteFreeze($input: ByIdInput!) {{ deleteFreezeWindow(input: $input) {{
  environment {{ id name {_freeze} freezeWindows {{ {_window} }} }} {_errors} }} }}"""

DEPLOYMENT_INPUT = f"""query DeploymentInput($id: ID!) {{ deployment(id: $id) {{ id status versionId environmentId
  applicationIds mustInOrder manualApproval gate {{ {_blockers} }} workflow {{ revision }}
  strategy {{ kind steps {{ batchSize batchInterval canaryRatio autoRollback requireApproval }} }} }} }}"""

_version = f"""id name commit createdAt createdBy {_actor} artifacts {{ image application {_named} }}"""
VERSIONS = f"""query Versions($first: Int, $after: Cursor, $contains: String) {{
  versions(first: $first, after: $after, contains: $contains) {{ nodes {{ {_version} }} {_page} }} }}"""
VERSION = f"""query Version($id: ID!, $first: Int) {{ version(id: $id) {{ {_version}
  deployments(first: $first) {{ nodes {{ {_deployment} }} totalCount }} }} }}"""
CREATE_VERSION = f"""mutation CreateVersion($input: CreateVersionInput!) {{ createVersion(input: $input) {{
  version {{ {_version} }} {_errors} }} }}"""

_workflow_task = f"""key name type applicationName blockBy requireConfirm command {_step} payload timeoutSeconds
  maxAttempts position {{ x y }}"""
PLAN_GRAPH = f"""query PlanGraph($input: CreateDeploymentInput!) {{ deploymentPlan(input: $input) {{
  tasks {{ {_workflow_task} }} }} }}"""
CREATE = f"""mutation Create($input: CreateDeploymentInput!) {{ createDeployment(input: $input) {{
  deployments {{ {_deployment} }} {_errors} }} }}"""
_template_version = f"id number createdAt note author {_actor}"
_template = f"id name description archivedAt latest {{ {_template_version} }}"
_diff = f"""added {{ key name type }} removed {{ key name type }}
  changed {{ key fields before {{ {_workflow_task} }} after {{ {_workflow_task} }} }}"""
TEMPLATES = f"""query Templates($first: Int, $after: Cursor, $contains: String, $archived: Boolean) {{
  workflowTemplates(first: $first, after: $after, contains: $contains, archived: $archived) {{
    nodes {{ {_template} }} {_page} }} }}"""
_whole_version = f"""{_template_version} parameters {{ name description default required choices }}
  tasks {{ {_workflow_task} }}"""
TEMPLATE = f"""query Template($id: ID!) {{ workflowTemplate(id: $id) {{ id name description archivedAt
  latest {{ {_whole_version} }} versionsConnection(last: 50) {{ nodes {{ {_template_version} }} totalCount }} }} }}"""
TEMPLATE_VERSION = (
    f"""query TemplateVersion($id: ID!) {{ node(id: $id) {{ ... on TemplateVersion {{ {_whole_version} }} }} }}"""
)
TEMPLATE_DIFF = f"""query TemplateDiff($id: ID!, $from: Int!, $to: Int!) {{ workflowTemplate(id: $id) {{
  id name diff(from: $from, to: $to) {{ {_diff} }} }} }}"""
TEMPLATE_NUMBERS = """query TemplateNumbers($id: ID!) { workflowTemplate(id: $id) { latest { number }
  versionsConnection(last: 500) { nodes { id number } } } }"""
ARCHIVE_TEMPLATE = f"""mutation ArchiveTemplate($input: ByIdInput!) {{ archiveWorkflowTemplate(input: $input) {{
  template {{ {_template} }} {_errors} }} }}"""
SAVE_TEMPLATE = f"""mutation SaveTemplate($input: SaveWorkflowTemplateInput!) {{ saveWorkflowTemplate(input: $input) {{
  template {{ {_template} }} version {{ {_template_version} }} {_errors} }} }}"""

WORKFLOW = f"""query Workflow($id: ID!) {{ deployment(id: $id) {{ id status workflow {{ revision editable
  revisionsConnection(last: 500) {{ nodes {{ number at summary author {_actor} }} totalCount }} }} }} }}"""
WORKFLOW_AT = f"""query WorkflowAt($id: ID!, $number: Int!) {{ deployment(id: $id) {{ workflow {{
  revisionAt(number: $number) {{ number at summary author {_actor} tasks {{ {_workflow_task} }} }} }} }} }}"""
WORKFLOW_DIFF = f"""query WorkflowDiff($id: ID!, $from: Int!, $to: Int!) {{ deployment(id: $id) {{
  workflow {{ diff(from: $from, to: $to) {{ {_diff} }} }} }} }}"""
UPDATE_WORKFLOW = f"""mutation UpdateWorkflow($input: UpdateWorkflowInput!) {{ updateWorkflow(input: $input) {{
  workflow {{ revision editable tasks {{ {_task} }} }} {_errors} }} }}"""
RESTORE_WORKFLOW = f"""mutation RestoreWorkflow($input: RestoreWorkflowInput!) {{ restoreWorkflow(input: $input) {{
  workflow {{ revision editable tasks {{ {_task} }} }} {_errors} }} }}"""

INBOX = f"""query Inbox($first: Int, $after: Cursor) {{ myApprovals(first: $first, after: $after) {{
  nodes {{ {_approval} }} {_page} }} }}"""
INBOX_CHANGED = f"""subscription InboxChanged {{ myApprovalsChanged {{ cursor: id {_approval} }} }}"""
APPROVAL = f"""query Approval($id: ID!) {{ node(id: $id) {{ __typename ... on Approval {{ {_approval}
  viewerCanDecide {_permission} }} }} }}"""
DEPLOYMENT_APPROVALS = f"""query DeploymentApprovals($id: ID!) {{ deployment(id: $id) {{
  approvals {{ {_approval} }} }} }}"""

AUDIT = f"""query Audit($first: Int, $after: Cursor, $filter: AuditFilter) {{
  auditLog(first: $first, after: $after, filter: $filter) {{ nodes {{ id at action targetId reason sourceIp before after
    actor {_actor} target {{ __typename id }} }} {_page} }} }}"""

_grants = f"grants {{ role environment {_named} application {_named} }}"
_token = "id name prefix scopes createdAt expiresAt lastUsedAt revokedAt"
_tokens = f"tokensConnection(first: 500) {{ nodes {{ {_token} }} totalCount }}"
VIEWER = f"""query Whoami {{ viewer {{ __typename id name ... on User {{ email {_grants} }}
  ... on ServiceAccount {{ {_grants} }} }} }}"""
ACTOR = f"""query ActorById($id: ID!) {{ node(id: $id) {{ __typename
  ... on User {{ id name email {_grants} {_tokens} }}
  ... on ServiceAccount {{ id name {_grants} {_tokens} }} }} }}"""
CREATE_TOKEN = """mutation CreateToken($input: CreateApiTokenInput!) { createApiToken(input: $input) {
  token { id name prefix scopes expiresAt } secret errors { code message path } } }"""

REVOKE_TOKEN = """mutation RevokeToken($input: ByIdInput!) { revokeApiToken(input: $input) {
  token { id name revokedAt } alsoRevoked { id name } errors { code message path } } }"""
CREATE_ACCOUNT = f"""mutation CreateServiceAccount($input: CreateServiceAccountInput!) {{
  createServiceAccount(input: $input) {{ serviceAccount {{ id name }} {_errors} }} }}"""
REVOKE_TOKENS = f"""mutation RevokeTokens($input: ByIdInput!) {{ revokeApiTokens(input: $input) {{
  tokens {{ {_token} }} {_errors} }} }}"""
GRANT = f"""mutation Grant($input: GrantInput!) {{ grantRole(input: $input) {{ actor {_actor} {_errors} }} }}"""
REVOKE = f"""mutation Revoke($input: GrantInput!) {{ revokeRole(input: $input) {{ actor {_actor} {_errors} }} }}"""
