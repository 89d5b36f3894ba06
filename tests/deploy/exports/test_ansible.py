"""`edgechain export ansible`: a playbook that Ansible takes, and a node that starts from it."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from edgechain.deploy.exports.ansible import ansible
from edgechain.deploy.exports.devices import read_exported
from edgechain.errors import InvalidDocument
from edgechain.node.settings import load_settings
from tests.commands import Edgechain
from tests.deploy.exports.fleet import project

pytestmark = pytest.mark.once

TOOLS = Path(sys.executable).parent


@pytest.fixture
def configs(tmp_path: Path) -> list[Path]:
    return project(tmp_path)


def hosts(files: dict[str, str]) -> dict[str, dict[str, Any]]:
    inventory = YAML(typ="safe").load(files["inventory.yaml"])
    found: dict[str, dict[str, Any]] = inventory["all"]["children"]["edgechain"]["hosts"]
    return found


def test_where_devices_are_and_what_they_get(configs: list[Path], tmp_path: Path) -> None:
    files = ansible(read_exported(configs), tmp_path / "out", "1.2.3")
    found = hosts(files)
    assert found["pi-a"]["ansible_host"] == "pi-a.local"
    assert {k: v for k, v in found["pi-b"].items() if k.startswith("ansible")} == {
        "ansible_host": "pi-b.example",
        "ansible_user": "pi",
        "ansible_port": 2222,
    }
    assert found["pi-a"]["edgechain_chain"] == "{{ playbook_dir }}/../digits"
    assert found["pi-b"]["edgechain_identity"] == "{{ playbook_dir }}/../identities/pi-b"
    unit = files["roles/edgechain/files/pi-a/edgechain.service"]
    assert "MemoryMax=400M" in unit
    assert "SupplementaryGroups=video" in unit
    assert "video" not in files["roles/edgechain/files/pi-b/edgechain.service"]


def test_another_configuration_is_another_generation(configs: list[Path], tmp_path: Path) -> None:
    before = hosts(ansible(read_exported(configs), tmp_path, "1"))
    configs[0].write_text(configs[0].read_text().replace("slots: 4", "slots: 5"))
    after = hosts(ansible(read_exported(configs), tmp_path, "1"))
    assert before["pi-a"]["edgechain_generation"] != after["pi-a"]["edgechain_generation"]
    assert before["pi-b"] == after["pi-b"]


def test_a_path_that_ansible_would_fill_in(tmp_path: Path) -> None:
    folder = tmp_path / "{{ lookup }}"
    folder.mkdir()
    with pytest.raises(InvalidDocument, match="takes for a template"):
        ansible(read_exported(project(folder)), tmp_path, "1")


@pytest.mark.exports
@pytest.mark.once
@pytest.mark.timeout(240)
def test_a_node_starts_from_what_the_role_lays_out(
    configs: list[Path], tmp_path: Path, state_dir: Path
) -> None:
    """Played against this machine, without its packages, users and services."""
    Edgechain(tmp_path, state_dir)("export", "ansible", *configs, "-o", "out")
    assert played(tmp_path, "--syntax-check").returncode == 0
    root = tmp_path / "device"
    arguments = ["--connection", "local", "--tags", "files", "--limit", "pi-a"]
    changes = [f"edgechain_root={root}", f"edgechain_user={getpass.getuser()}"]
    changes += [
        "ansible_become=false",
        "edgechain_service=false",
        f"ansible_python_interpreter={sys.executable}",
    ]
    arguments += [word for change in changes for word in ("--extra-vars", change)]
    said = played(tmp_path, *arguments)
    assert said.returncode == 0, said
    key = root / "identity" / "identity.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().splitlines()[1] not in said.stdout + said.stderr
    settings = load_settings(root / "current" / "node.yaml")
    assert settings.security is not None
    assert (settings.config.name, settings.current.stages) == ("pi-a", ("one",))
    again = played(tmp_path, *arguments)
    assert "changed=0" in again.stdout, "nothing is done twice"


def played(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [TOOLS / "ansible-playbook", "-i", "inventory.yaml", "playbook.yaml", *arguments]
    own = {"ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder / "out",
        env={**os.environ, **own, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
