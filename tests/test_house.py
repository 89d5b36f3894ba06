"""What the whole promises about itself: its front door, its weight, what a node loads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import edgechain
from tests.commands import Edgechain
from tests.watch import processes
from tests.watch.needs import ROOT

FRONT_DOOR = [
    "Chain",
    "ChainManifest",
    "EdgechainError",
    "RequestError",
    "Result",
    "__version__",
    "connect",
]
MOST_PACKAGES = 22
"""What a node installs, ourselves included: each one is a download and a risk on a small board."""

NEVER = ("tensorflow", "keras", "torch", "ultralytics")
NOT_IN_A_NODE = (
    "cv2",
    "typer",
    "rich",
    "click",
    "matplotlib",
    "dns",
    "edgechain.model",
    "edgechain.client",
)


def test_the_front_door_is_small_and_pinned() -> None:
    assert sorted(edgechain.__all__) == FRONT_DOOR
    assert all(hasattr(edgechain, name) for name in edgechain.__all__)
    assert edgechain.__doc__
    assert "connect" in edgechain.__doc__, "its docstring is the guide to a running chain"


def test_the_version_is_the_packages() -> None:
    assert edgechain.__version__ == metadata.version("edgechain")
    assert re.fullmatch(r"\d+\.\d+\.\d+", edgechain.__version__)


def closure(package: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Every installed package that ``package`` needs here, itself included."""
    found: set[str] = set()
    waiting = [(package, extras)]
    while waiting:
        name, wanted = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in metadata.requires(name) or []:
            need = Requirement(text)
            if applies(need, wanted):
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    return found


def applies(need: Requirement, extras: frozenset[str]) -> bool:
    markers = [{"extra": extra} for extra in extras or {""}]
    return need.marker is None or any(need.marker.evaluate(marker) for marker in markers)


def test_a_node_needs_few_packages() -> None:
    needed = closure("edgechain")
    assert {"edgechain", "grpcio", "numpy", "zeroconf"} <= needed, "the walk finds what is needed"
    assert not {"typer", "opencv-python-headless", "pytest"} & needed
    assert len(needed) <= MOST_PACKAGES, sorted(needed)


def modules_of(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after running ``code``."""
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def loaded(modules: set[str], unwanted: tuple[str, ...]) -> set[str]:
    return {m for m in modules if any(m == name or m.startswith(f"{name}.") for name in unwanted)}


EVERYTHING = """
import importlib, pkgutil, edgechain
for found in pkgutil.walk_packages(edgechain.__path__, "edgechain."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""


def test_nothing_in_edgechain_imports_tensorflow() -> None:
    modules = modules_of(EVERYTHING)
    assert {"edgechain.vision.pictures", "edgechain.runtime.interpreter"} <= modules
    assert loaded(modules, NEVER) == set()


def test_what_a_node_imports_is_light() -> None:
    code = EVERYTHING.replace('edgechain.__path__, "edgechain."', 'p.__path__, "edgechain.node."')
    modules = modules_of(f"import edgechain.node as p\n{code}\nimport edgechain.node.__main__")
    assert "edgechain.node.daemon" in modules
    assert loaded(modules, NOT_IN_A_NODE + NEVER) == set()


def test_a_board_can_measure_without_the_command_lines_libraries() -> None:
    modules = modules_of("import edgechain.cli.profiler, edgechain.cli.measure")
    assert "edgechain.cli.trial" in modules
    assert loaded(modules, (*NEVER, "cv2", "typer", "rich")) == set()


def test_the_front_door_opens_without_the_command_lines_libraries() -> None:
    assert loaded(modules_of("import edgechain"), (*NEVER, "cv2", "typer", "rich")) == set()


@pytest.mark.models
@pytest.mark.processes
def test_a_running_node_has_mapped_nothing_heavy(
    tmp_path: Path, state_dir: Path, models: Path, leaves_no_process: str
) -> None:
    edgechain_ = Edgechain(tmp_path, state_dir)
    edgechain_(
        "split", models / "mobilenet_v2_1.0_224_quant.tflite", "-o", "chain", "--stages", "2"
    )
    with edgechain_.up(tmp_path / "chain", "light"):
        running = processes.tagged(leaves_no_process)
        maps = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in running}
    assert len(running) >= 2, "two stages, each on a node of its own"
    assert any("grpc" in text for text in maps.values()), "a node maps what it uses"
    for pid, text in maps.items():
        heavy = {name for name in ("cv2", "tensorflow/", "torch/") if f"/{name}" in text}
        assert not heavy, f"process {pid} mapped {heavy}"


def test_protos_speak_of_every_message() -> None:
    """A message, a service and a field's number stand under a comment."""
    sources = sorted((ROOT / "protos").rglob("*.proto"))
    assert sources
    for source in sources:
        lines = source.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.match(r"(message|service|enum) ", line):
                assert lines[number - 1].startswith("//"), f"{source.name}:{number + 1}: {line}"


def test_no_name_of_a_test_is_taken_by_the_environment() -> None:
    """The tests' own variables are in every process they start, and only there."""
    assert os.environ["EDGECHAIN_INTERFACES"] == "127.0.0.1"
    assert Path(os.environ["EDGECHAIN_STATE_DIR"]).is_dir()
