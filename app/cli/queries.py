"""GraphQL documents of the short commands and of what all commands share."""

FOLLOWED_DEPLOYMENT = """query FollowedDeployment($id: ID!) { deployment(id: $id) {
  id status progress errorMessage duration version { name } environment { name }
  rollback { status automatic reason errorMessage } tasks { id key status } } }"""

EVENTS = """subscription Events($id: ID!, $after: Cursor) { deploymentEvents(id: $id, after: $after) {
  cursor events { __typename cursor at actor { name }
    ... on TaskStatusChanged { taskId taskFrom: previousTaskStatus taskTo: taskStatus reason }
    ... on DeploymentStatusChanged { from: previousDeploymentStatus to: deploymentStatus reason }
    ... on DeploymentPaused { paused }
    ... on ApprovalRequested { approval { subject rolloutStep requiredApprovals approverRoles expiresAt task { key } } }
    ... on ApprovalDecided { verdict comment approval { subject rolloutStep task { key } } }
    ... on WorkflowChanged { revision summary }
    ... on RolloutProgressed { taskId rollout { batch batches updated healthy total weight resumeAt } } } } }"""

LOGS = """subscription Logs($taskId: ID!, $after: Cursor, $levels: [LogLevel!], $contains: String) {
  taskLogs(taskId: $taskId, after: $after, levels: $levels, contains: $contains) {
    cursor lines { timestamp level message attempt } } }"""

ALL_LOGS = """subscription AllLogs($deploymentId: ID!, $after: Cursor, $levels: [LogLevel!], $contains: String) {
  deploymentLogs(deploymentId: $deploymentId, after: $after, levels: $levels, contains: $contains) {
    cursor caughtUp lines { task { key } line { timestamp level message attempt } } } }"""

LOG_PAGE = """query LogPage($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, $levels: [LogLevel!],
    $contains: String, $attempt: Int) {
  task(id: $id) { key logs(first: $first, after: $after, last: $last, before: $before, levels: $levels,
      contains: $contains, attempt: $attempt) {
    nodes { cursor timestamp level message attempt }
    pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }"""

_approval = """id status subject rolloutStep missing requiredApprovals expiresAt revision task { key }
  deployment { id status version { name } environment { name } }"""

_definitions = """definitions { application { name } differsFromRunning differsFromCurrent image
  deploy { __typename ... on ShellTarget { command rollbackCommand }
    ... on KubernetesTarget { workload container } } }"""

INBOX = f"""query Inbox($after: Cursor) {{ myApprovals(first: 100, after: $after) {{
  nodes {{ {_approval} deployment {{ {_definitions} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""

REVIEWED_DEPLOYMENT = f"""query ReviewedDeployment($id: ID!) {{ deployment(id: $id) {{ id status
  approvals {{ {_approval} }} workflow {{ revision }}
  tasks {{ key type requireConfirm command {{ command }} }} {_definitions} }} }}"""

WORKFLOW_DIFF = """query WorkflowDiff($id: ID!, $from: Int!, $to: Int!) { deployment(id: $id) {
  workflow { diff(from: $from, to: $to) {
  added { key } removed { key } changed { key fields } } } } }"""

TASK_KEY = """query TaskKey($id: ID!) { task(id: $id) { id key } }"""

VIEWER = """query Viewer { viewer { __typename id name
  ... on User { email grants { role environment { id name } application { id name } } }
  ... on ServiceAccount { grants { role environment { id name } application { id name } } } } }"""

DEPLOYMENT_IDS = """query DeploymentIds($first: Int) { deployments(first: $first) { nodes { id } } }"""

NEWEST = """query Newest($first: Int) { deployments(first: $first) {
  nodes { id status version { name } environment { name } } } }"""

APPLICATION_ID = """query ApplicationId($name: String!) { application(name: $name) { id } }"""

APPLICATION_NAMES = """query ApplicationNames($contains: String) {
  applications(first: 100, contains: $contains) { nodes { id name } } }"""

TEMPLATE_ID = """query TemplateId($name: String!) { workflowTemplate(name: $name) { id } }"""

APPROVE = f"""mutation Approve($input: DecideInput!) {{ approve(input: $input) {{
  approvals {{ {_approval} }} errors {{ code message path }} }} }}"""

REJECT = f"""mutation Reject($input: DecideInput!) {{ reject(input: $input) {{
  approvals {{ {_approval} }} errors {{ code message path }} }} }}"""

TASKS = """query Tasks($id: ID!) { deployment(id: $id) { tasks { id key } } }"""

ENVIRONMENTS = """query Environments { environments { id name approvalPolicy { requiredApprovals } } }"""

VERSIONS = """query Versions($contains: String, $after: Cursor) {
  versions(first: 100, after: $after, contains: $contains) {
  nodes { id name artifacts { application { id name } } } pageInfo { hasNextPage endCursor } } }"""

VERSION = """query Version($id: ID!) { version(id: $id) { id name artifacts { application { id name } } } }"""

TEMPLATE = """query Template($name: String) { workflowTemplate(name: $name) {
  versionsConnection(last: 500) { nodes { id number } } } }"""

TEMPLATES = """query Templates($contains: String) {
  workflowTemplates(first: 100, contains: $contains) { nodes { id name } } }"""

CREATE_DEPLOYMENT = """mutation CreateDeployment($input: CreateDeploymentInput!) { createDeployment(input: $input) {
  deployments { id status environment { name } } errors { code message path } } }"""

EVENT_CURSORS = """subscription EventCursors($id: ID!, $after: Cursor) { deploymentEvents(id: $id, after: $after) {
  cursor caughtUp } }"""
