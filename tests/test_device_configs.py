"""Every example in device_configs/ holds, beside what it names, and a node accepts it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgechain.deploy.checked import Checked, check_devices
from edgechain.deploy.configs import read_device
from edgechain.node.settings import NodeSettings, load_settings
from edgechain.plan.files import read_devices
from edgechain.spec.schema import SCHEMA_FILE, device_schema
from tests.spec.json_schema import faults
from tests.watch.needs import ROOT

CONFIGS = ROOT / "device_configs"
EXAMPLES = sorted(path for path in CONFIGS.rglob("*.yaml") if not path.name.startswith("secrets"))
NAMES = [path.relative_to(CONFIGS).with_suffix("").as_posix() for path in EXAMPLES]
DEMO_MODEL = ROOT / "tools" / "demo" / "digits.tflite"
NODES = ("pi-a", "pi-b", "zero", "door-camera", "door-backbone", "door-heads")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as README has them: with the chains cut, the fleet made, secrets filled in."""
    laptop = tmp_path_factory.mktemp("laptop")
    shutil.copytree(CONFIGS, laptop / "device_configs")
    command = [sys.executable, "-m", "edgechain"]
    for name, stages in (("digits", "2"), ("detection", "3")):
        split = ["split", str(DEMO_MODEL), "-o", name, "--stages", stages]
        subprocess.run([*command, *split], cwd=laptop, check=True)
    subprocess.run([*command, "init", ".", *NODES], cwd=laptop, check=True)
    filled = laptop / "device_configs" / "secrets.yaml"
    shutil.copy(CONFIGS / "secrets.example.yaml", filled)
    return laptop


def settings_of(project: Path, name: str) -> NodeSettings:
    return load_settings(project / "device_configs" / f"{name}.yaml")


def test_there_are_examples() -> None:
    wanted = {"pi-a", "pi-b", "zero2w-static", "laptop-all"}
    three = {f"detection/{name}" for name in ("camera", "backbone", "heads")}
    assert set(NAMES) >= wanted | three


@pytest.mark.parametrize("name", NAMES)
def test_a_node_accepts_it(name: str, project: Path) -> None:
    settings = settings_of(project, name)
    three = name.startswith("detection/")
    assert settings.chain_name == ("door-detection" if three else "digits")
    assert settings.current.stages


def test_all_of_them_hold_beside_what_they_name(project: Path) -> None:
    files = [project / "device_configs" / f"{name}.yaml" for name in NAMES]
    for verdict in check_devices(files):
        assert isinstance(verdict, Checked), str(verdict)
        assert verdict.notes == ()


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_it_is_flashed_and_only_the_laptop_does_without_keys(
    name: str, project: Path
) -> None:
    config = read_device(project / "device_configs" / f"{name}.yaml").config
    assert config.insecure is (name == "laptop-all")
    assert config.flash is not None
    assert config.flash.target.partition(":")[0] == ("dir" if config.insecure else "ssh")


def test_the_planner_reads_all_of_them_without_secrets() -> None:
    devices = read_devices(EXAMPLES, "0" * 64)
    assert {device.name for device in devices} == {*NODES, "laptop"}


def test_the_two_boards_of_the_readme_feed_each_other(project: Path) -> None:
    first, second = (settings_of(project, name) for name in ("pi-a", "pi-b"))
    assert first.current.successors == frozenset(second.current.stages)
    assert not second.current.successors


def test_the_three_boards_are_a_whole_chain(project: Path) -> None:
    camera, *others = (
        settings_of(project, f"detection/{name}") for name in ("camera", "backbone", "heads")
    )
    run = (*camera.current.stages, *(stage for one in others for stage in one.current.stages))
    assert run == tuple(stage.name for stage in camera.current.manifest.stages)
    assert camera.config.camera
    assert not any(one.config.camera for one in others)


def test_the_schema_beside_them_is_the_one_of_this_version() -> None:
    """Made by ``edgechain config schema > device_configs/device.schema.json``."""
    assert json.loads((CONFIGS / SCHEMA_FILE).read_text()) == device_schema()


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_finds_nothing_wrong_with_it(name: str) -> None:
    path = CONFIGS / f"{name}.yaml"
    first = path.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == CONFIGS / SCHEMA_FILE
    assert faults(path.read_text(), device_schema()) == []
