"""The clusters that a worker serves.

They are the kubeconfigs of its folder that only connect, and the namespaces in its configuration.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.attempt import Ending
from app.core.environment import KubernetesAccess
from app.gateways.operators.kubernetes import AllowedClusters, KubernetesOperator
from app.gateways.operators.kubernetes.connections import KUBECONFIG_REFUSED
from app.ports import Instruction, Origin
from tests.chaos.cluster.fake_cluster import Cast, play
from tests.gateways.kubernetes.support.operator import Bench, Lines


@pytest.fixture
async def fake_cluster(tmp_path: Path) -> Any:
    """A fake cluster, with its kubeconfig in a separate folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    async with play(folder) as fake_cluster:
        yield fake_cluster


async def refusal(allowed_clusters: AllowedClusters, access: KubernetesAccess) -> str | None:
    """Return why a worker cannot run a command in a cluster; None: it can.

    Reaping says nothing, and does no more.
    """
    operator = KubernetesOperator(allowed=allowed_clusters)
    try:
        instruction = Instruction(
            command=("true",),
            env={},
            workspace="dep/app",
            timeout_seconds=30,
            image="busybox:1.36",
            connection=access,
            origin=Origin(deployment_id="dep_01", task_id="tsk_01hzz", run="0"),
        )
        await operator.list_runs(access)
        outcome = await operator.start(instruction, Lines()).wait()
        return None if outcome.ending is Ending.SUCCEEDED else str(outcome.message)
    finally:
        await operator.close()


def edit_kubeconfig(fake_cluster: Cast, name: str, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Write another kubeconfig, of which a function changes user and cluster."""
    body = yaml.safe_load(fake_cluster.kubeconfig.read_text())
    change(body["users"][0]["user"], body["clusters"][0]["cluster"])
    (fake_cluster.kubeconfig.parent / name).write_text(yaml.safe_dump(body))


async def test_the_named_file_is_used_and_config_by_default(fake_cluster: Cast) -> None:
    allowed_clusters = AllowedClusters(fake_cluster.kubeconfig.parent)
    assert await refusal(allowed_clusters, KubernetesAccess(kubeconfig_path="kubeconfig")) is None
    assert await refusal(allowed_clusters, KubernetesAccess(kubeconfig_path="kubeconfig", context="played")) is None
    assert await refusal(allowed_clusters, KubernetesAccess(context="played")) == KUBECONFIG_REFUSED
    fake_cluster.kubeconfig.rename(fake_cluster.kubeconfig.parent / "config")
    assert await refusal(allowed_clusters, KubernetesAccess(context="played")) is None


async def test_every_invalid_file_gets_the_same_message(fake_cluster: Cast, tmp_path: Path) -> None:
    folder = fake_cluster.kubeconfig.parent
    (tmp_path / "outside").write_bytes(fake_cluster.kubeconfig.read_bytes())
    (tmp_path / "folder-2").mkdir()
    (tmp_path / "folder-2" / "outside").write_bytes(fake_cluster.kubeconfig.read_bytes())
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "folder").mkdir()
    (folder / "folder" / "inner").write_bytes(fake_cluster.kubeconfig.read_bytes())
    (folder / "text").write_text("root:x:0:0")
    (folder / "bytes").write_bytes(b"\0\xff")
    (folder / "deep").write_text("[" * 20_000)
    (folder / "large").write_bytes(b" " * (1 << 21))
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    names = [
        *("missing", "/etc/shadow", "/etc/no-such-file", "../outside", "../folder-2/outside", "link", "loop"),
        *("folder", "folder/inner", "text", "bytes", "deep", "large", "empty", "pipe", ".", "..", ""),
    ]
    messages = {name: await refusal(AllowedClusters(folder), KubernetesAccess(kubeconfig_path=name)) for name in names}
    assert messages == dict.fromkeys(names, KUBECONFIG_REFUSED)
    message = await refusal(AllowedClusters(folder), KubernetesAccess(kubeconfig_path="kubeconfig", context="other"))
    assert message == KUBECONFIG_REFUSED
    assert await refusal(AllowedClusters(), KubernetesAccess(kubeconfig_path="kubeconfig")) == KUBECONFIG_REFUSED


async def test_a_file_mounted_by_links_within_the_folder_is_used(fake_cluster: Cast) -> None:
    folder = fake_cluster.kubeconfig.parent
    (folder / "..data").mkdir()
    fake_cluster.kubeconfig.rename(folder / "..data" / "kubeconfig")
    fake_cluster.kubeconfig.symlink_to(Path("..data") / "kubeconfig")
    assert await refusal(AllowedClusters(folder), KubernetesAccess(kubeconfig_path="kubeconfig")) is None


async def test_a_kubeconfig_runs_a_program_only_where_the_worker_allows_it(fake_cluster: Cast, tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\ntouch {mark}\n"
        """echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential","""
        """ "status": {"token": "t"}}'\n"""
    )
    program.chmod(0o755)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "args": [], "env": []}
    edit_kubeconfig(fake_cluster, "evil", lambda user, _: user.update(exec=plugin))
    access = KubernetesAccess(kubeconfig_path="evil")
    assert await refusal(AllowedClusters(fake_cluster.kubeconfig.parent), access) == KUBECONFIG_REFUSED
    assert not mark.exists()
    await refusal(AllowedClusters(fake_cluster.kubeconfig.parent, trusts_kubeconfigs=True), access)
    assert mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda user, _: user.update({"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}}}),
        lambda user, _: (user.pop("token"), user.update(tokenFile="/etc/hostname")),
        lambda user, _: (user.pop("token"), user.update(tokenFile="../token")),
        lambda user, _: user.update({"client-key": "/etc/hostname"}),
        lambda user, _: user.update({"client-certificate": "/etc/hostname"}),
        lambda _, cluster: cluster.update({"certificate-authority": "/etc/hostname"}),
    ],
)
async def test_a_kubeconfig_reads_no_file_outside_the_folder(
    fake_cluster: Cast, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]
) -> None:
    (tmp_path / "token").write_text("a-secret-of-tests")
    edit_kubeconfig(fake_cluster, "evil", change)
    assert (
        await refusal(AllowedClusters(fake_cluster.kubeconfig.parent), KubernetesAccess(kubeconfig_path="evil"))
        == KUBECONFIG_REFUSED
    )


async def test_a_token_in_the_folder_is_read(fake_cluster: Cast) -> None:
    (fake_cluster.kubeconfig.parent / "token").write_text("a-secret-of-tests")
    edit_kubeconfig(fake_cluster, "good", lambda user, _: (user.pop("token"), user.update(tokenFile="token")))
    assert (
        await refusal(AllowedClusters(fake_cluster.kubeconfig.parent), KubernetesAccess(kubeconfig_path="good")) is None
    )


async def test_another_user_of_the_same_file_may_have_a_program(fake_cluster: Cast) -> None:
    body = yaml.safe_load(fake_cluster.kubeconfig.read_text())
    body["users"].append({"name": "other", "user": {"exec": {"command": "true"}}})
    fake_cluster.kubeconfig.write_text(yaml.safe_dump(body))
    assert (
        await refusal(AllowedClusters(fake_cluster.kubeconfig.parent), KubernetesAccess(kubeconfig_path="kubeconfig"))
        is None
    )


async def test_only_the_namespaces_of_the_worker_are_served(fake_cluster: Cast) -> None:
    allowed_clusters = AllowedClusters(fake_cluster.kubeconfig.parent, frozenset({"shop"}))
    assert await refusal(allowed_clusters, KubernetesAccess(kubeconfig_path="kubeconfig", namespace="shop")) is None
    message = await refusal(allowed_clusters, KubernetesAccess(kubeconfig_path="kubeconfig", namespace="prod"))
    assert message and "does not serve the namespace prod" in message
    assert await refusal(AllowedClusters(), KubernetesAccess()) != KUBECONFIG_REFUSED


async def test_reaping_opens_only_served_namespaces(bench: Bench) -> None:
    lines = Lines()
    execution = bench.start("sleep", "60", lines=lines)
    while not await bench.operator.list_runs(bench.connection):
        await asyncio.sleep(0.05)
    restricted = KubernetesOperator(allowed=AllowedClusters(bench.file.parent, frozenset({"other"})))
    assert list(await restricted.list_runs(bench.connection)) == []
    (run,) = await bench.operator.list_runs(bench.connection)
    assert not await restricted.end_run(bench.connection, run)
    assert await bench.operator.list_runs(bench.connection)
    await restricted.close()
    execution.stop()
    await execution.wait()
