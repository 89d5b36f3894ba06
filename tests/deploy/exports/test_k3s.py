"""`edgechain export k3s`: what Kubernetes' own schemas take, and nothing secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from edgechain.deploy.exports.devices import read_exported
from edgechain.deploy.exports.k3s import K3sOptions, dns_label, k3s
from edgechain.errors import InvalidDocument
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device
from edgechain.spec.dns import DnsConfig
from tests.commands import Edgechain
from tests.deploy.exports.fleet import project, secrets_of

OPTIONS = K3sOptions("registry.example/edgechain:1", "vision", "/srv/chains")


@pytest.fixture
def configs(tmp_path: Path) -> list[Path]:
    return project(tmp_path)


def documents(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(text))


def test_a_device_is_a_pod_on_its_own_machine(configs: list[Path]) -> None:
    files = k3s(read_exported(configs), OPTIONS, "1.2.3")
    config_map, stateful = documents(files["pi-a.yaml"])
    pod = stateful["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": "pi-a"}
    assert stateful["spec"]["replicas"] == 1
    (service,) = documents(files["services.yaml"])
    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["name"] == stateful["spec"]["serviceName"]
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (node,) = pod["containers"]
    assert node["image"] == "registry.example/edgechain:1"
    assert node["ports"][0] == {"name": "edgechain", "containerPort": 50600, "protocol": "TCP"}
    assert node["resources"] == {"limits": {"memory": "400M"}}
    assert config_map["metadata"]["name"] == pod["volumes"][0]["configMap"]["name"]
    assert pod["volumes"][1]["hostPath"]["path"] == "/srv/chains/digits"


def test_the_node_reads_what_its_file_says_and_finds_others_by_dns(configs: list[Path]) -> None:
    files = k3s(read_exported(configs), OPTIONS, "1.2.3")
    found = {}
    for name in ("pi-a", "pi-b"):
        config_map, _ = documents(files[f"{name}.yaml"])
        found[name] = parse_device(config_map["data"]["node.yaml"], file=name).config
    service = "_edgechain._tcp.edgechain-digits.vision.svc.cluster.local"
    usual: dict[str, Any] = {
        "identity": "/run/identity",
        "chain": "/chain",
        "chain_name": "digits",
        "discovery": "dns",
        "dns": DnsConfig(service=service),
    }
    assert found["pi-a"] == NodeConfig(
        name="pi-a", stages=("one",), slots=4, port=50600, camera=True, memory_max_mb=400, **usual
    )
    assert found["pi-b"] == NodeConfig(name="pi-b", stages=("two",), **usual)


def test_keys_are_referred_to_and_copied_where_only_the_node_reads_them(
    configs: list[Path],
) -> None:
    _, stateful = documents(k3s(read_exported(configs), OPTIONS, "1")["pi-b.yaml"])
    pod = stateful["spec"]["template"]["spec"]
    (secret,) = (volume["secret"] for volume in pod["volumes"] if "secret" in volume)
    assert secret == {"secretName": "pi-b-identity", "defaultMode": 0o400}
    (init,) = pod["initContainers"]
    assert "chmod 600" in init["command"][-1]
    mounts = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert "secret" not in mounts
    assert mounts["identity"]["mountPath"] == "/run/identity"


def test_names_that_kubernetes_would_mix_up(tmp_path: Path) -> None:
    first, second = project(tmp_path)
    for path, name in ((first, "Board.1"), (second, "board_1")):
        text = path.read_text().replace("name: pi-a", f"name: {name}")
        text = text.replace("name: pi-b", f"name: {name}")
        path.write_text(text.replace("identity: ../identities/pi-a\n", "insecure: true\n"))
    with pytest.raises(InvalidDocument, match=r"Board\.1 and board_1 would both be called board-1"):
        k3s(read_exported([first, second]), OPTIONS, "1")


@pytest.mark.parametrize(
    ("name", "label"), [("Pi_A.local", "pi-a-local"), ("x" * 60, "x" * 52), ("0-a", "0-a")]
)
def test_labels(name: str, label: str) -> None:
    assert dns_label(name) == label


@pytest.mark.exports
@pytest.mark.once
def test_kubernetes_schemas_take_it(configs: list[Path], tmp_path: Path, state_dir: Path) -> None:
    shell = Edgechain(tmp_path, state_dir)
    said = shell("export", "k3s", *configs, "-o", "out", "--namespace", "vision")
    assert "kustomization.yaml" in said.out
    out = tmp_path / "out"
    manifests = [str(out / name) for name in ("services.yaml", "pi-a.yaml", "pi-b.yaml")]
    assert validated(*manifests).returncode == 0, validated(*manifests)
    spoilt = out / "spoilt.yaml"
    spoilt.write_text((out / "pi-a.yaml").read_text().replace("replicas:", "replicos:"))
    assert validated(str(spoilt)).returncode != 0, "the tool sees a mistake"


def validated(*manifests: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", *manifests]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_secret_is_in_any_of_it(
    configs: list[Path], tmp_path: Path, state_dir: Path
) -> None:
    shell = Edgechain(tmp_path, state_dir)
    for kind in ("k3s", "ansible"):
        said = shell("export", kind, *configs, "-o", kind)
        written = [path for path in (tmp_path / kind).rglob("*") if path.is_file()]
        assert len(written) >= 5
        everything = said.out + said.err + "".join(path.read_text() for path in written)
        assert "pi-b" in everything
        assert [secret for secret in secrets_of(tmp_path) if secret in everything] == []
        assert "wifi" not in everything
