"""GraphQL documents of `boreas apply`."""

JOB = """{ resources { requests limits } serviceAccountName nodeSelector
  tolerations { key operator value effect tolerationSeconds } imagePullSecrets labels annotations runAsUser }"""

STEP = f"{{ command image env timeoutSeconds maxAttempts job {JOB} }}"

APPLICATION = f"""query Application($name: String!) {{ application(name: $name) {{
  id archivedAt description repositoryUrl build {STEP} test {STEP}
  deploy {{ __typename ... on ShellTarget {{ command instances rollbackCommand }}
    ... on KubernetesTarget {{ workload container service httpRoute restart }} }}
  healthCheck {{ command httpUrl expectStatus intervalSeconds timeoutSeconds successThreshold failureThreshold
    metrics {{ name prometheusUrl query min max }} }} }} }}"""

CREATE_APPLICATION = """mutation CreateApplication($input: CreateApplicationInput!) {
  createApplication(input: $input) { application { id } errors { code message path } } }"""

UPDATE_APPLICATION = """mutation UpdateApplication($input: UpdateApplicationInput!) {
  updateApplication(input: $input) { application { id } errors { code message path } } }"""

ENVIRONMENT = f"""query Environment($name: String!) {{ environment(name: $name) {{
  id rank operator kubernetes {{ context namespace serviceAccounts job {JOB} }}
  workerPool buildPool maxConcurrentDeployments
  approvalPolicy {{ requiredApprovals approverRoles allowSelfApproval trustBuilds timeoutSeconds onTimeout }}
  freezeWindows {{ id name reason startsAt endsAt recurrence timezone }} }} }}"""

CREATE_ENVIRONMENT = """mutation CreateEnvironment($input: CreateEnvironmentInput!) {
  createEnvironment(input: $input) { environment { id } errors { code message path } } }"""

UPDATE_ENVIRONMENT = """mutation UpdateEnvironment($input: UpdateEnvironmentInput!) {
  updateEnvironment(input: $input) { environment { id } errors { code message path } } }"""

CREATE_FREEZE_WINDOW = """mutation CreateFreezeWindow($input: CreateFreezeWindowInput!) {
  createFreezeWindow(input: $input) { environment { id } errors { code message path } } }"""

DELETE_FREEZE_WINDOW = """mutation DeleteFreezeWindow($input: ByIdInput!) {
  deleteFreezeWindow(input: $input) { environment { id } errors { code message path } } }"""

SET_APPROVAL_POLICY = """mutation SetApprovalPolicy($input: SetApprovalPolicyInput!) {
  setApprovalPolicy(input: $input) { environment { id } errors { code message path } } }"""

APPLICATION_ID = """query ApplicationId($name: String!) { application(name: $name) { id } }"""

TEMPLATE = f"""query Template($name: String!) {{ workflowTemplate(name: $name) {{ archivedAt description latest {{
  parameters {{ name description default required choices }}
  tasks {{ key name type applicationName blockBy requireConfirm command {STEP} payload timeoutSeconds maxAttempts
    position {{ x y }} }} }} }} }}"""

SAVE_TEMPLATE = """mutation SaveTemplate($input: SaveWorkflowTemplateInput!) {
  saveWorkflowTemplate(input: $input) { version { number } errors { code message path } } }"""
