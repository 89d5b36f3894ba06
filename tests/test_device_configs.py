"""Every example in device_configs/ is a config a node accepts, beside the chain it names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgechain.node.settings import NodeSettings, load_settings
from tests.watch.needs import ROOT

EXAMPLES = sorted((ROOT / "device_configs").glob("*.yaml"))
DEMO_MODEL = ROOT / "tools" / "demo" / "digits.tflite"


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for every example, with what README copies to its board."""
    laptop = tmp_path_factory.mktemp("laptop")
    command = [sys.executable, "-m", "edgechain"]
    split = ["split", str(DEMO_MODEL), "-o", "digits", "--stages", "2"]
    subprocess.run([*command, *split], cwd=laptop, check=True)
    subprocess.run([*command, "init", ".", "pi-a", "pi-b", "zero"], cwd=laptop, check=True)
    for example in EXAMPLES:
        board = laptop / "boards" / example.stem
        shutil.copytree(laptop / "digits", board / "digits")
        shutil.copy(example, board)
        own = laptop / "identities" / example.stem.partition("2w")[0]
        if own.is_dir():
            shutil.copytree(own, board / "identity")
    return laptop / "boards"


def settings_of(boards: Path, name: str) -> NodeSettings:
    return load_settings(boards / name / f"{name}.yaml")


def test_there_are_examples() -> None:
    assert {"pi-a", "pi-b", "zero2w-static", "laptop-all"} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_node_accepts_it(example: Path, boards: Path) -> None:
    settings = settings_of(boards, example.stem)
    assert settings.chain_name == "digits"
    assert settings.current.stages


def test_only_the_one_for_a_single_machine_is_insecure(boards: Path) -> None:
    insecure = [e.stem for e in EXAMPLES if settings_of(boards, e.stem).security is None]
    assert insecure == ["laptop-all"]


def test_the_two_boards_of_the_readme_feed_each_other(boards: Path) -> None:
    first, second = (settings_of(boards, name) for name in ("pi-a", "pi-b"))
    assert first.current.successors == frozenset(second.current.stages)
    assert not second.current.successors
