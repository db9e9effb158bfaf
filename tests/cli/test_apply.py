"""`boreas apply` as real processes against a real API, and the format of declared files."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from graphql import build_schema, parse, validate

from app.cli.apply import queries
from app.cli.apply.diff import Difference, differences
from app.cli.apply.specs import json_schema
from tests.api.support.audit_client import entries
from tests.api.support.people import account
from tests.cli.test_commands import ROOT, Ran, boreas
from tests.support.system import System

NAMES = [name for name, value in vars(queries).items() if name.isupper() and "$" in value]
GUIDE = (ROOT / "docs/guides/files.md").read_text(encoding="utf-8")
BLOCK = "```yaml\n"
EXAMPLES = {
    "docs/guides/files.md": GUIDE.split(BLOCK, 1)[1].split("```", 1)[0],
    "examples/shop/boreas.yaml": (ROOT / "examples/shop/boreas.yaml").read_text(encoding="utf-8"),
}
STAGING = """
kind: Environment
name: staging
operator: SIMULATED
freezeWindows:
  - name: weekend
    reason: nobody is here
    startsAt: 2027-01-08T17:00:00+01:00
    endsAt: 2027-01-11T08:00:00+01:00
    recurrence: FREQ=WEEKLY;BYDAY=FR
    timezone: Europe/Berlin
"""
WEB = """
kind: Application
name: web
build: {command: [make], env: {MODE: fast}}
shell: {command: [./deploy.sh], instances: [web-1]}
healthCheck:
  metrics: [{name: errors, prometheusUrl: "http://p:9090", query: "up", max: 0.5}]
"""
RELEASE = """
kind: WorkflowTemplate
name: release
description: build, ask, ship
parameters:
  - {name: mode, default: fast, choices: [fast, slow]}
tasks:
  - {key: build, type: BUILD, application: web, command: {command: ["${{ parameters.mode }}"], timeoutSeconds: 60}}
  - {key: ask, type: CUSTOM, blockBy: [build], requireConfirm: true, command: {command: ["true"]}, payload: {a: 1}}
"""
VERSIONS = """query($name: String) { workflowTemplate(name: $name) { description latest { number note
  tasks { key name applicationName timeoutSeconds requireConfirm } } } }"""
POLICY = "query($name: String) { environment(name: $name) { approvalPolicy { requiredApprovals approverRoles } } }"
FREEZES = "query($name: String) { environment(name: $name) { rank freezeWindows { id name reason } } }"


async def apply(system: System, folder: Path, text: str, *options: str) -> Ran:
    """Apply a file with this text."""
    file = folder / "boreas.yaml"
    file.write_text(text, encoding="utf-8")
    return await boreas(system, "apply", "-f", str(file), *options)


@pytest.mark.parametrize("name", NAMES)
def test_documents_fit_the_schema(name: str) -> None:
    built = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    assert validate(built, parse(getattr(queries, name))) == []


async def test_declared_objects_are_created_and_a_second_run_changes_nothing(system: System, tmp_path: Path) -> None:
    text = f"{STAGING}---{WEB}"
    tried = await apply(system, tmp_path, text, "--dry-run", "--exit-code")
    assert (tried.status, tried.out.splitlines()[-1]) == (1, "2 to create."), tried
    assert [line for line in tried.out.splitlines() if line[0] in "+~="] == [
        "+ Application web",
        "+ Environment staging",
    ]
    assert (await system.admin.query("{ environments { id } applications { totalCount } }")) == {
        "environments": [],
        "applications": {"totalCount": 0},
    }
    first_run = await apply(system, tmp_path, text)
    assert (first_run.status, first_run.out.splitlines()[-1]) == (0, "2 created.")
    entry_count = len(await entries(system.admin))
    second_run = await apply(system, tmp_path, text, "--exit-code")
    assert (second_run.status, second_run.out.splitlines()) == (
        0,
        ["= Application web", "= Environment staging", "2 as declared."],
    )
    assert len(await entries(system.admin)) == entry_count


async def test_differences_are_shown_and_applied(system: System, tmp_path: Path) -> None:
    await apply(system, tmp_path, f"{STAGING}---{WEB}")
    changed_text = (
        f"{STAGING}rank: 2\n---{WEB}".replace("fast", "slow")
        .replace("nobody is", "few are")
        .replace("max: 0.5", "max: 1")
    )
    ran = await apply(system, tmp_path, changed_text, "--exit-code")
    assert ran.status == 1
    lines = [line.strip() for line in ran.out.splitlines()]
    assert 'build.env.MODE: "fast" → "slow"' in lines
    assert "rank: 0 → 2" in lines
    assert 'freezeWindows.weekend.reason: "nobody is here" → "few are here"' in lines
    assert any(line.startswith("healthCheck.metrics: ") for line in lines)
    staging = (await system.admin.query(FREEZES, name="staging"))["environment"]
    assert (staging["rank"], [window["reason"] for window in staging["freezeWindows"]]) == (
        2,
        ["few are here"],
    )
    assert (await apply(system, tmp_path, changed_text, "--exit-code")).status == 0
    back = await apply(
        system, tmp_path, WEB.partition("build")[0] + "shell: {command: [./deploy.sh], instances: [web-1]}\n"
    )
    assert "healthCheck: " in back.out and " → nothing" in back.out


async def test_hidden_values_are_neither_compared_nor_overwritten(system: System, tmp_path: Path) -> None:
    template = RELEASE.replace('command: ["true"]', 'command: ["true"], env: {A: b}')
    await apply(system, tmp_path, f"{WEB}---{template}")
    somebody = await account(system.admin, {"role": "DEPLOYER"}, scopes=["VIEWER"])
    for text, place in ((WEB, "Application web: build.env.MODE"), (template, "release: ask.env.A")):
        ran = await apply_as(system, tmp_path, text, somebody.client.token)
        assert ran.status == 2 and f"{place}: Your token may not see the current value" in ran.err, ran
    deployer = await account(system.admin, {"role": "DEPLOYER"})
    ran = await apply_as(system, tmp_path, f"{WEB}---{template}", deployer.client.token)
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "2 as declared."), ran


async def apply_as(system: System, folder: Path, text: str, token: str) -> Ran:
    """Apply a file with the token of an account."""
    file = folder / "theirs.yaml"
    file.write_text(text, encoding="utf-8")
    return await boreas(system, "apply", "-f", str(file), BOREAS_TOKEN=token)


async def test_missing_windows_are_kept_and_an_empty_list_removes_them(system: System, tmp_path: Path) -> None:
    await apply(system, tmp_path, STAGING)
    plain = "kind: Environment\nname: staging\noperator: SIMULATED\n"
    assert (await apply(system, tmp_path, plain, "--exit-code")).status == 0
    ran = await apply(system, tmp_path, f"{plain}freezeWindows: []\n")
    assert "freezeWindows.weekend: " in ran.out and "→ nothing" in ran.out
    assert (await system.admin.query(FREEZES, name="staging"))["environment"]["freezeWindows"] == []


async def test_a_policy_is_set_changed_kept_and_removed(system: System, tmp_path: Path) -> None:
    plain = "kind: Environment\nname: staging\noperator: SIMULATED\n"
    for text, status, policy in (
        (
            f"{plain}approvalPolicy: {{requiredApprovals: 2}}",
            1,
            {"requiredApprovals": 2, "approverRoles": ["APPROVER", "ADMIN"]},
        ),
        (
            f"{plain}approvalPolicy: {{requiredApprovals: 1, approverRoles: [ADMIN, ADMIN]}}",
            1,
            {"requiredApprovals": 1, "approverRoles": ["ADMIN"]},
        ),
        (
            f"{plain}approvalPolicy: {{requiredApprovals: 1, approverRoles: [ADMIN]}}",
            0,
            {"requiredApprovals": 1, "approverRoles": ["ADMIN"]},
        ),
        (plain, 0, {"requiredApprovals": 1, "approverRoles": ["ADMIN"]}),
        (f"{plain}approvalPolicy: null", 1, None),
        (f"{plain}approvalPolicy: null", 0, None),
    ):
        assert (await apply(system, tmp_path, text, "--exit-code")).status == status, text
        assert (await system.admin.query(POLICY, name="staging"))["environment"]["approvalPolicy"] == policy


async def test_only_a_difference_makes_a_new_version_of_a_template(system: System, tmp_path: Path) -> None:
    first_run = await apply(system, tmp_path, f"{RELEASE}---{WEB}")
    assert first_run.status == 0 and [line for line in first_run.out.splitlines() if line[0] == "+"] == [
        "+ Application web",
        "+ WorkflowTemplate release",
    ]
    template = (await system.admin.query(VERSIONS, name="release"))["workflowTemplate"]
    assert (template["description"], template["latest"]["number"]) == ("build, ask, ship", 1)
    assert template["latest"]["tasks"] == [
        {"key": "build", "name": "build", "applicationName": "web", "timeoutSeconds": 60, "requireConfirm": False},
        {"key": "ask", "name": "ask", "applicationName": None, "timeoutSeconds": 1800, "requireConfirm": True},
    ]
    for same in (RELEASE, f"{RELEASE}note: only a word\n", RELEASE.replace("description: build, ask, ship\n", "")):
        assert (await apply(system, tmp_path, same, "--exit-code")).status == 0, same
    head, tasks = RELEASE.split("tasks:\n")
    moved = f"{head}tasks:\n" + "\n".join(reversed(tasks.strip("\n").split("\n"))) + "\n"
    for number, (text, expected) in enumerate(
        [
            (
                RELEASE.replace("timeoutSeconds: 60", "timeoutSeconds: 90"),
                "tasks.build.command.timeoutSeconds: 60 → 90",
            ),
            (RELEASE.replace("default: fast", "default: slow"), 'parameters.mode.default: "fast" → "slow"'),
            (moved, 'tasks: ["build", "ask"] → ["ask", "build"]'),
            (RELEASE, 'tasks: ["ask", "build"] → ["build", "ask"]'),
        ],
        2,
    ):
        ran = await apply(system, tmp_path, f"{text}note: a try\n")
        assert (ran.status, expected in ran.out) == (0, True), ran
        latest = (await system.admin.query(VERSIONS, name="release"))["workflowTemplate"]["latest"]
        assert (latest["number"], latest["note"]) == (number, "a try")


ODD = """kind: WorkflowTemplate
name: " odd "
tasks:
  - {key: "a ", type: CUSTOM, payload: {ports: {80: web}, n: 1e3, m: 1e23, t: 12:30, s: "\\ud83d\\ude80"}}
  - {key: b, name: "e\\u0301", type: CUSTOM, blockBy: ["a "], payload: {on: yes, z: -0.0}}
"""


async def test_a_second_run_changes_nothing_however_values_are_written(system: System, tmp_path: Path) -> None:
    first_run = await apply(system, tmp_path, ODD)
    assert (first_run.status, first_run.out.splitlines()[-1]) == (0, "1 created."), first_run
    second_run = await apply(system, tmp_path, ODD, "--exit-code")
    assert (second_run.status, second_run.out.splitlines()[-1]) == (0, "1 as declared."), second_run


async def test_concurrent_applies_create_one_version(system: System, tmp_path: Path) -> None:
    """Neither finds a version; the second gets the version that the first has created."""
    template = RELEASE.replace("application: web, ", "").replace("type: BUILD", "type: CUSTOM")
    file = tmp_path / "boreas.yaml"
    file.write_text(template, encoding="utf-8")
    runs = await asyncio.gather(*(boreas(system, "apply", "-f", str(file)) for _ in range(2)))
    assert [ran.status for ran in runs] == [0, 0], runs
    answer = await system.admin.query(VERSIONS, name="release")
    assert answer["workflowTemplate"]["latest"]["number"] == 1


async def test_a_cluster_and_its_workloads_are_declared(system: System, tmp_path: Path) -> None:
    cluster = """
kind: Environment
name: east
operator: KUBERNETES
kubernetes: {context: east, kubeconfigPath: kube, namespace: shop}
---
kind: Application
name: web
kubernetes: {workload: web, container: web, service: web}
"""
    assert (await apply(system, tmp_path, cluster)).status == 0
    assert (await apply(system, tmp_path, cluster, "--exit-code")).status == 0
    ran = await apply(system, tmp_path, cluster.replace("shop", "store").replace("service: web", "service: front"))
    assert 'kubernetes.namespace: "shop" → "store"' in ran.out
    assert 'kubernetes.service: "web" → "front"' in ran.out
    shell = cluster.replace("kubernetes: {workload: web, container: web, service: web}", "shell: {command: [x]}")
    ran = await apply(system, tmp_path, shell)
    assert (ran.status, "shell: " in ran.out, "kubernetes: {" in ran.out and "→ nothing" in ran.out) == (0, True, True)
    ran = await apply(system, tmp_path, "kind: Application\nname: api\n")
    assert (ran.status, "Give exactly one of shell and kubernetes." in ran.err) == (2, True), ran.err


JOBS = """
kind: Environment
name: west
operator: KUBERNETES
kubernetes:
  namespace: shop
  serviceAccounts: [tester]
  job:
    resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1.5}}
    tolerations: [{key: jobs, operator: EXISTS}]
    labels: {team: shop}
---
kind: Application
name: web
build: {command: [make], job: {serviceAccountName: tester, runAsUser: 1000, annotations: {note: any text}}}
kubernetes: {workload: web, container: web, service: web}
---
kind: WorkflowTemplate
name: nightly
tasks:
  - {key: sweep, type: CUSTOM, command: {command: [sweep], image: "x:1", job: {nodeSelector: {pool: jobs}}}}
"""


async def test_options_of_jobs_are_declared(system: System, tmp_path: Path) -> None:
    for document in yaml.safe_load_all(JOBS):
        jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert (await apply(system, tmp_path, JOBS)).status == 0
    same = await apply(system, tmp_path, JOBS, "--exit-code")
    assert same.status == 0, same
    changed = (
        JOBS.replace("cpu: 1.5", "cpu: 2").replace("runAsUser: 1000", "runAsUser: 1001").replace("pool: j", "pool: k")
    )
    ran = await apply(system, tmp_path, changed)
    assert 'kubernetes.job.resources.limits.cpu: "1.5" → "2"' in ran.out
    assert "build.job.runAsUser: 1000 → 1001" in ran.out
    assert 'tasks.sweep.command.job.nodeSelector.pool: "jobs" → "kobs"' in ran.out
    ran = await apply(system, tmp_path, JOBS.replace("memory: 1Gi", "memory: 512m"))
    assert (ran.status, "512m is not a whole number of bytes: write 512Mi" in ran.err) == (2, True), ran
    ran = await apply(system, tmp_path, JOBS.replace("operator: EXISTS", "operator: Exists"))
    assert (ran.status, "Invalid enum value 'Exists'" in ran.err) == (2, True), ran


async def test_a_past_window_is_not_created(system: System, tmp_path: Path) -> None:
    past = STAGING.replace("    recurrence: FREQ=WEEKLY;BYDAY=FR\n", "").replace("2027", "2020")
    ran = await apply(system, tmp_path, past)
    assert (ran.status, "weekend" in ran.out) == (0, False), ran
    assert (await apply(system, tmp_path, past, "--exit-code")).status == 0


async def test_files_are_read_together_and_json_is_one_object_a_line(system: System, tmp_path: Path) -> None:
    for name, text in (("a", STAGING), ("b", WEB)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = await boreas(system, "apply", "-f", str(tmp_path / "a"), "-f", str(tmp_path / "b"), "--json")
    results = [json.loads(line) for line in ran.out.splitlines()]
    assert [(result["kind"], result["name"], result["action"], result["applied"]) for result in results] == [
        ("Application", "web", "CREATE", True),
        ("Environment", "staging", "CREATE", True),
    ]
    assert {"field": "operator", "before": None, "after": "SIMULATED"} in results[1]["changes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WEB.replace("build", "bild"), "document 1 (line 2) (Application web): Object contains unknown field `bild`"),
        (WEB.replace("[make]", "make"), "build.command: Expected `array`, got `str`"),
        (WEB.replace("fast", "1"), "build.env.MODE: Expected `str`, got `int`"),
        (f"{WEB}---\nkind: Pipeline\nname: x\n", "document 2 (line 9) (Pipeline x): kind: Invalid value 'Pipeline'"),
        (f"{WEB}---{WEB}", "Application web is declared in"),
        (f"{WEB}name: other\n", "“name” is there twice (line 2)"),
        ("- a\n", "document 1 (line 1): Expected `object`, got `array`"),
        ("a: [\n", "document 1: it is not valid YAML"),
        ("a: !!python/object/apply:os.system [true]\n", "document 1: it is not valid YAML"),
        ("", "there is nothing declared"),
        (STAGING.replace("+01:00", ""), "freezeWindows[0].startsAt"),
        (STAGING.replace("FREQ=WEEKLY;", ""), "Environment staging: INVALID (recurrence)"),
        (RELEASE, "WorkflowTemplate release: tasks: There is no application “web”."),
        (f"{WEB}---{RELEASE}".replace("[build]", "[nobody]"), "WorkflowTemplate release: INVALID"),
        (f"{WEB}---{RELEASE}".replace("parameters.mode", "parameters.other"), "Done before: Application web."),
        (f"{WEB}---{STAGING}".replace("staging", "St"), "Environment St: INVALID (name)"),
        (f"{WEB}---{STAGING}".replace("staging", "St"), "Done before: Application web."),
    ],
)
async def test_errors_name_the_place(system: System, tmp_path: Path, text: str, message: str) -> None:
    ran = await apply(system, tmp_path, text)
    assert (ran.status, message in ran.err, "Traceback" in ran.err) == (2, True, False), ran.err


async def test_all_errors_of_files_are_listed_and_nothing_is_applied(system: System, tmp_path: Path) -> None:
    ran = await apply(system, tmp_path, f"{STAGING}---\nkind: Environment\n---\nkind: Application\nname: x\n")
    assert (ran.status, ran.err.count("document ")) == (2, 2)
    assert (await system.admin.query("{ environments { id } }"))["environments"] == []


async def test_unchangeable_fields_are_refused_before_anything_is_applied(system: System, tmp_path: Path) -> None:
    await apply(system, tmp_path, STAGING)
    ran = await apply(system, tmp_path, f"{WEB}---{STAGING}".replace("SIMULATED", "SHELL"))
    assert (ran.status, "operator: It is SIMULATED and cannot be changed." in ran.err) == (2, True)
    assert (await system.admin.query("{ applications { totalCount } }"))["applications"]["totalCount"] == 0


def examples() -> list[Any]:
    return [
        (name, number, document)
        for name, text in EXAMPLES.items()
        for number, document in enumerate(yaml.safe_load_all(text))
    ]


@pytest.mark.parametrize(("name", "number", "document"), examples())
def test_examples_fit_the_json_schema(name: str, number: int, document: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    plain = json.loads(json.dumps(document, default=lambda moment: moment.isoformat()))
    jsonschema.Draft202012Validator(json_schema()).validate(plain)


def test_invalid_documents_do_not_fit_the_json_schema() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    good = {"kind": "Environment", "name": "e", "operator": "SHELL"}
    assert validator.is_valid(good)
    faults: list[dict[str, Any]] = [
        {"kind": "Env"},
        {"rank": "1"},
        {"colour": "red"},
        {"name": ""},
        {"freezeWindows": [{}]},
    ]
    for wrong in faults:
        assert not validator.is_valid(good | wrong), wrong


async def test_the_schema_is_printed(system: System) -> None:
    ran = await boreas(system, "apply", "--schema", BOREAS_TOKEN="", BOREAS_URL="http://127.0.0.1:1")
    assert (ran.status, json.loads(ran.out)) == (0, json.loads(json.dumps(json_schema())))


@pytest.mark.parametrize("name", EXAMPLES)
async def test_examples_can_be_applied(system: System, tmp_path: Path, name: str) -> None:
    assert (await apply(system, tmp_path, EXAMPLES[name])).status == 0
    assert (await apply(system, tmp_path, EXAMPLES[name], "--exit-code")).status == 0


def test_differences_name_each_field() -> None:
    old = {"a": 1, "b": {"c": 1, "d": {"e": 2}}, "f": [1], "g": 1}
    new = {"a": 1, "b": {"c": 2, "d": {}}, "f": [1, 2], "h": 1}
    assert list(differences(old, new)) == [
        Difference("b.c", 1, 2),
        Difference("b.d.e", 2, None),
        Difference("f", [1], [1, 2]),
        Difference("h", None, 1),
        Difference("g", 1, None),
    ]
