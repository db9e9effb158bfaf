"""Workspaces are removed some days after their deployment has ended, and never before."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.core.application import ShellTarget
from app.core.workflow import TaskType
from app.gateways.operators.shell import ShellOperator
from app.services.worker.workspace_cleanup import remove_old_workspaces
from tests.services.support.commands import Gate, node, sh
from tests.services.support.engine import D, Engine, Site, eventually

DAYS = timedelta(days=7)


def age_workspaces(engine: Engine, days: float, *names: str) -> None:
    """Set the age in days of all files in the folder of workspaces, and of more folders."""
    for name in names:
        (engine.folder / "workspaces" / name / "web").mkdir(parents=True)
    modified_at = engine.runtime.clock.now().timestamp() - days * 86_400
    for path in (engine.folder / "workspaces").iterdir():
        os.utime(path, (modified_at, modified_at), follow_symlinks=False)


def folders(engine: Engine) -> set[str]:
    return {path.name for path in (engine.folder / "workspaces").iterdir()}


async def set_ended(engine: Engine, id_: str, days: float) -> None:
    async with engine.open_connection() as connection:
        await connection.execute(
            f"UPDATE deployments SET completed_at = now() - interval '{days} days' WHERE id = '{id_}'"
        )


def files(folder: Path) -> dict[str, list[str]]:
    return {path.name: [file.name for file in path.iterdir()] for path in folder.iterdir()}


async def test_only_old_workspaces_are_removed(engine: Engine, site: Site, gate: Gate) -> None:
    await engine.worker()
    await site.application("web")
    old_id = (await site.deployed("v1", node("task", command=sh("echo kept > file")))).deployment.id
    new_id = (await site.deployed("v1", node("task", command=sh("echo kept > file")))).deployment.id
    running_id = await site.deploy("v1", node("task", command=gate.wait))
    await engine.until_running(running_id, "task")
    age_workspaces(engine, 0, "dep_gone")
    age_workspaces(engine, 8)
    await set_ended(engine, old_id, 8)
    await set_ended(engine, new_id, 6)
    shell = ShellOperator(engine.folder / "workspaces")
    assert sorted(await remove_old_workspaces(engine.runtime, shell, DAYS)) == sorted([old_id, "dep_gone"])
    assert await remove_old_workspaces(engine.runtime, shell, DAYS) == []
    assert folders(engine) == {new_id, running_id}
    gate.open()
    await engine.until(running_id, D.SUCCESS)


async def test_a_retried_deployment_keeps_its_folder(engine: Engine, site: Site) -> None:
    """The deployment failed long ago; during the cleanup a retry locks it and fails again."""
    await engine.worker()
    await site.application("web")
    id_ = await site.deploy("v1", node("task", command=sh("exit 1")))
    await engine.until(id_, D.FAILED)
    age_workspaces(engine, 8)
    await set_ended(engine, id_, 8)
    shell = ShellOperator(engine.folder / "workspaces")
    async with engine.open_connection() as connection, connection.transaction():
        await connection.execute(f"UPDATE deployments SET completed_at = now() WHERE id = '{id_}'")
        removal = asyncio.create_task(remove_old_workspaces(engine.runtime, shell, DAYS))
        await eventually(lambda: has_lock_waiter(engine), "the deployment to be waited for")
    assert await removal == []
    assert folders(engine) == {id_}


async def has_lock_waiter(engine: Engine) -> bool:
    async with engine.open_connection() as connection:
        return bool(await connection.fetch("SELECT FROM pg_locks WHERE NOT granted"))


async def test_applications_do_not_share_the_folder_of_tasks_without_application(engine: Engine, site: Site) -> None:
    await engine.worker()
    application = await site.application("deployment", ShellTarget(sh("touch of-the-application"), ("one",)))
    deploy = replace(node("deploy", type=TaskType.DEPLOY, application_id=application), command=None)
    story = await site.deployed("v1", node("task", command=sh("touch of-none")), deploy)
    paths = files(engine.folder / "workspaces" / story.deployment.id)
    assert paths == {"_deployment": ["of-none"], "deployment": ["of-the-application"]}
