"""Every example in device_configs/ is a config a node accepts, beside the chain it names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgechain.node.settings import load_settings
from tests.watch.needs import ROOT

EXAMPLES = sorted((ROOT / "device_configs").glob("*.yaml"))
DEMO_MODEL = ROOT / "tools" / "demo" / "digits.tflite"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples and with the chain that README splits for them."""
    folder = tmp_path_factory.mktemp("board")
    command = [sys.executable, "-m", "edgechain", "split", str(DEMO_MODEL)]
    subprocess.run([*command, "-o", str(folder / "digits"), "--stages", "2"], check=True)
    for example in EXAMPLES:
        shutil.copy(example, folder)
    return folder


def test_there_are_examples() -> None:
    assert {"pi-a", "pi-b", "zero2w-static", "laptop-all"} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_node_accepts_it(example: Path, place: Path) -> None:
    settings = load_settings(place / example.name)
    assert settings.chain_name == "digits"
    assert settings.current.stages


def test_the_two_boards_of_the_readme_feed_each_other(place: Path) -> None:
    first, second = (load_settings(place / f"{name}.yaml") for name in ("pi-a", "pi-b"))
    assert first.current.successors == frozenset(second.current.stages)
    assert not second.current.successors
