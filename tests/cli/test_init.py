"""``edgechain init`` makes a project, and never replaces what is there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgechain.node.settings import load_settings
from edgechain.plan.files import read_devices
from edgechain.spec.device_file import parse_device
from edgechain.spec.schema import device_schema
from tests.commands import Edgechain
from tests.spec.json_schema import faults
from tests.watch.needs import ROOT

pytestmark = pytest.mark.once

DEMO_MODEL = ROOT / "tools" / "demo" / "digits.tflite"


def tree(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_project_has_what_its_readme_says(edgechain: Edgechain, tmp_path: Path) -> None:
    said = edgechain("init", "ours", "pi-a", "pi-b", "--client", "laptop")
    ours = tmp_path / "ours"
    for name in ("README.md", ".gitignore", "secrets.yaml", "secrets.example.yaml"):
        assert f"ours/{name}  new" in said.out.splitlines()
        assert (ours / name).is_file()
    assert (ours / "secrets.yaml").stat().st_mode & 0o777 == 0o600
    edgechain("split", DEMO_MODEL, "-o", "ours/chain", "--stages", "2")
    checked = edgechain("config", "check", "ours/device_configs/*.yaml")
    assert checked.out.splitlines() == [
        f"ours/device_configs/{name}.yaml: {name} runs stage0, stage1 of chain"
        for name in ("pi-a", "pi-b")
    ]
    settings = load_settings(ours / "device_configs" / "pi-a.yaml")
    assert settings.security is not None
    planned = edgechain("plan", DEMO_MODEL, "--devices", "ours/device_configs/*.yaml", "--json")
    assert planned.status == 0


def test_every_command_of_a_projects_readme_is_one_of_ours(
    edgechain: Edgechain, tmp_path: Path
) -> None:
    edgechain("init", "ours", "pi-a", "--client", "laptop")
    lines = (tmp_path / "ours" / "README.md").read_text().splitlines()
    commands = [line.split()[1] for line in lines if line.startswith("    edgechain ")]
    assert commands == ["split", "plan", "config", "flash", "status"]
    assert (tmp_path / "ours" / "identities" / "laptop").is_dir()
    assert any(line.endswith("--identity identities/laptop") for line in lines)


def test_git_takes_no_secret(edgechain: Edgechain, tmp_path: Path) -> None:
    edgechain("init", "ours", "pi-a")
    git = ["git", "-C", str(tmp_path / "ours")]
    subprocess.run([*git, "init", "-q"], check=True)
    told = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert sorted(told.stdout.split()) == [
        ".gitignore",
        "README.md",
        "device_configs/device.schema.json",
        "device_configs/pi-a.yaml",
        "secrets.example.yaml",
    ]


def test_what_is_there_is_never_replaced(edgechain: Edgechain, tmp_path: Path) -> None:
    edgechain("init", "ours", "pi-a", "--client", "laptop")
    for path in (tmp_path / "ours").rglob("*"):
        if path.is_file() and path.parent.name in ("ours", "device_configs"):
            with path.open("a") as file:
                file.write("\n")
    before = tree(tmp_path / "ours")
    said = edgechain("init", "ours", "pi-a", "--client", "laptop")
    assert tree(tmp_path / "ours") == before
    assert "  new" not in said.out
    edgechain("init", "ours", "pi-b", "--client", "laptop")
    after = tree(tmp_path / "ours")
    assert before.items() <= after.items()
    new = [name for name in after.keys() - before.keys() if not name.startswith("fleet")]
    assert sorted({name.split("/")[1] for name in new}) == ["pi-b", "pi-b.yaml"]


def test_a_node_with_a_file_by_another_name_gets_no_other(
    edgechain: Edgechain, tmp_path: Path
) -> None:
    folder = tmp_path / "ours" / "device_configs"
    folder.mkdir(parents=True)
    (folder / "hall.yaml").write_text("name: pi-a\nchain: c\n")
    (folder / "broken.yaml").write_text("name: [\n")
    edgechain("init", "ours", "pi-a")
    assert {path.name for path in folder.iterdir()} == {"hall.yaml", "broken.yaml"}


def test_an_old_gitignore_is_kept_and_what_it_lacks_is_said(
    edgechain: Edgechain, tmp_path: Path
) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / ".gitignore").write_text("*.pyc\n")
    said = edgechain("init", "ours")
    assert "ours/.gitignore  add to it: secrets.yaml" in said.out.splitlines()
    assert (tmp_path / "ours" / ".gitignore").read_text() == "*.pyc\n"
    (tmp_path / "ours" / ".gitignore").write_text("/secrets.yaml\n")
    assert "add to it" not in edgechain("init", "ours").out


@pytest.mark.parametrize("name", ["1.5", "true", "null", "1e3", "2001-01-01", "0x1F", "a_b.c"])
def test_any_name_is_a_name_in_its_file(edgechain: Edgechain, tmp_path: Path, name: str) -> None:
    edgechain("init", ".", name)
    path = tmp_path / "device_configs" / f"{name}.yaml"
    assert parse_device(path.read_text(), file=str(path)).config.name == name
    assert read_devices([path], "0" * 64)[0].name == name
    assert faults(path.read_text(), device_schema()) == []


def test_what_is_commented_out_works_as_it_is(edgechain: Edgechain, tmp_path: Path) -> None:
    """Who takes the signs away before wifi and the secrets has a file that holds."""
    edgechain("init", ".", "pi-a")
    path = tmp_path / "device_configs" / "pi-a.yaml"
    text = path.read_text()
    path.write_text(text.replace("\n# wifi:", "\nwifi:").replace("\n#   ", "\n  "))
    (tmp_path / "secrets.yaml").write_text((tmp_path / "secrets.example.yaml").read_text())
    shown = edgechain("config", "show", path).out
    assert "country: GB" in shown
    assert "my-network" not in shown


def test_where_nothing_can_be_written_it_says_so(edgechain: Edgechain, tmp_path: Path) -> None:
    (tmp_path / "device_configs").write_text("a file")
    assert (
        "device_configs: cannot be written: File exists"
        in edgechain("init", ".", "pi-a", status=1).refusal()
    )
