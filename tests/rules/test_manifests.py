"""Example manifests: every field exists in the cluster's API, and references match."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chaos.cluster.schema import Schema

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
async def test_every_field_is_known(file: Path) -> None:
    async with aclosing(Schema()) as schema:
        for body in documents(file):
            assert schema.as_known(body) == body, (file.name, body["metadata"]["name"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_selectors_find_pods_and_services_find_ports(file: Path) -> None:
    bodies = documents(file)
    pods = [body["spec"]["template"] for body in bodies if body["kind"] == "Deployment"]
    for body in bodies:
        spec = body.get("spec") or {}
        selector = spec.get("selector") or {}
        labels = selector.get("matchLabels") or (selector if body["kind"] == "Service" else {})
        matching_pods = [pod for pod in pods if labels and labels.items() <= pod["metadata"]["labels"].items()]
        assert len(matching_pods) == bool(labels), body["metadata"]["name"]
        for port in spec.get("ports") or () if body["kind"] == "Service" else ():
            names = {container_port["name"] for container_port in matching_pods[0]["spec"]["containers"][0]["ports"]}
            assert port["targetPort"] in names


def test_manifests_exist() -> None:
    assert {file.name for file in FILES} == {"boreas.yaml", "rights.yaml", "shop.yaml"}
