"""``edgechain profile --on``: a running node's device is measured, found by name or address."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgechain.discovery.local import find_chain
from edgechain.node.measuring import MODULE
from edgechain.plan.files import read_profile
from tests.chain import chains
from tests.commands import Edgechain
from tests.model.made import row
from tests.watch import processes

pytestmark = [pytest.mark.processes, pytest.mark.once]

SHORT = ("--seconds", "0.05", "--no-node")
OPERATORS = 4
NODE = "one-only"
PATIENCE = 60.0


@contextmanager
def chain_of_one(folder: Path, state: Path) -> Iterator[Edgechain]:
    """A chain of one stage that runs, and a model beside it."""
    temporary_of(folder).mkdir()
    (folder / "row.tflite").write_bytes(row(OPERATORS).content())
    one = chains.connected("one", chains.actor("only", "Affine", "x", "y"))
    own = {"TMPDIR": str(temporary_of(folder)), "EDGECHAIN_IDENTITY": ""}
    ours = Edgechain(folder, state, own)
    ours("up", chains.write(folder / "one", one), "--detach")
    try:
        yield ours
    finally:
        ours("down", "one", status=None)  # a test may have killed it


def temporary_of(folder: Path) -> Path:
    """Where nodes and what they start put what is temporary."""
    return folder / "temporary"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edgechain]:
    """One for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("shared")
    with chain_of_one(folder, folder / "state") as ours:
        yield ours


together = pytest.mark.xdist_group("measured by name")


@pytest.fixture
def edgechain(tmp_path: Path, state_dir: Path) -> Iterator[Edgechain]:
    """One of a test's own."""
    with chain_of_one(tmp_path, state_dir) as ours:
        yield ours


@pytest.fixture
def temporary(edgechain: Edgechain) -> Path:
    """What is temporary of a test's own."""
    return temporary_of(edgechain.folder)


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not in {PATIENCE} s: {what}"
        time.sleep(0.01)


def measuring(tag: str) -> set[int]:
    found = processes.tagged(tag)
    return {pid for pid in found if MODULE in processes.command_of(pid)}


@together
def test_a_node_is_named_as_status_shows_it(shared: Edgechain) -> None:
    (shown,) = shared("status", "--listen", "0", "--json").json()["nodes"]
    said = shared("profile", "row.tflite", "--on", shown["name"], *SHORT, "-o", "there.yaml")
    assert f"row.tflite on {NODE}: " in said.out
    found = read_profile(shared.folder / "there.yaml")
    assert (found.device, len(found.operator_ms)) == (NODE, OPERATORS)
    assert list(temporary_of(shared.folder).iterdir()) == []


@together
def test_or_by_its_address(shared: Edgechain) -> None:
    (shown,) = shared("status", "--listen", "0", "--json").json()["nodes"]
    words = ("profile", "row.tflite", "--on", shown["address"], *SHORT)
    found = shared(*words, "--device", "board", "--threads", "1", "--json").json()
    assert (found["device"], found["threads"]) == ("board", 1)


@together
@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("--on", "pi-x"), 1, "no node called 'pi-x' answers in namespace"),
        (("--on", "pi-x"), 1, f"there are {NODE}"),
        (("--on", "127.0.0.1:1", "--insecure"), 1, "127.0.0.1:1 does not answer"),
        (("--on", "127.0.0.1:1"), 1, "takes an identity"),
        (("--on", NODE, "--device", "\x1b"), 2, "device: has letters that cannot be printed"),
        (("--insecure",), 2, "--namespace, --identity and --insecure go with --on"),
    ],
)
def test_what_is_wrong_is_one_line(
    shared: Edgechain, words: tuple[str, ...], status: int, reason: str
) -> None:
    said = shared("profile", "row.tflite", *words, *SHORT, status=status)
    lines = [line for line in said.err.splitlines() if "INSECURE" not in line]
    assert len(lines) == 1, said.err
    assert reason in lines[0]


def begun(edgechain: Edgechain, tag: str) -> subprocess.Popen[str]:
    """A client whose model is being measured."""
    client = edgechain.start("profile", "row.tflite", "--on", NODE, "--seconds", "600")
    until(lambda: bool(measuring(tag)), "a process measures")
    return client


def test_a_client_that_is_killed_leaves_nothing(
    edgechain: Edgechain, temporary: Path, leaves_no_process: str
) -> None:
    client = begun(edgechain, leaves_no_process)
    until(lambda: list(temporary.iterdir()) != [], "what measures has its own folder")
    client.kill()
    client.communicate()
    until(lambda: not measuring(leaves_no_process), "what measured has ended")
    until(lambda: list(temporary.iterdir()) == [], "its folder is gone")
    edgechain("profile", "row.tflite", "--on", NODE, *SHORT)


def test_ctrl_c_is_a_clean_end(
    edgechain: Edgechain, temporary: Path, leaves_no_process: str
) -> None:
    client = begun(edgechain, leaves_no_process)
    client.send_signal(signal.SIGINT)
    _, words = client.communicate()
    assert client.returncode == 130
    assert "Traceback" not in words
    until(lambda: not measuring(leaves_no_process), "what measured has ended")
    until(lambda: list(temporary.iterdir()) == [], "its folder is gone")


def test_a_node_that_is_killed_leaves_nothing_either(
    edgechain: Edgechain, temporary: Path, leaves_no_process: str, state_dir: Path
) -> None:
    client = begun(edgechain, leaves_no_process)
    until(lambda: list(temporary.iterdir()) != [], "what measures has its own folder")
    chain = find_chain("one")
    assert chain is not None
    os.kill(chain.nodes[0].pid, signal.SIGKILL)
    _, words = client.communicate()
    assert client.returncode == 1
    assert f"{NODE} was lost while it measured" in words.splitlines()[-1]
    until(lambda: not measuring(leaves_no_process), "what measured has ended")
    until(lambda: list(temporary.iterdir()) == [], "its folder is gone")
