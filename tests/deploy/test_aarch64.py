"""What is flashed to a Raspberry Pi: wheels without exception, and a node of them that answers.

The board's Python is Debian's, emulated on this machine with the instructions that a Pi 4 or a
Pi 5 has. Here the wheels are unpacked by this machine, which takes a second instead of a minute;
``make aarch64`` flashes such boards as people do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from packaging.tags import cpython_tags
from packaging.utils import parse_wheel_filename

import edgechain
from edgechain.deploy.bundle import Wheel, contents_of
from edgechain.deploy.device.ready_socket import ReadySocket
from edgechain.deploy.platform import Platform
from edgechain.deploy.wheelhouse import Wheelhouse
from edgechain.spec.config import NodeConfig
from tests.commands import Arrays, read_npz, same_bits
from tests.deploy.emulation import BOOKWORM, TRIXIE, System, board_python
from tests.ports import free_port
from tests.security.one_fleet import client_identity, node_identity
from tests.watch.needs import ROOT

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.aarch64,
    pytest.mark.processes,
    pytest.mark.may_block,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("aarch64"),
]

DIGITS = ROOT / "tools" / "demo" / "digits.tflite"
WHOLE_MODEL = Path(__file__).with_name("whole_model.py")
READY_SECONDS = 240.0
"""Three on a quiet machine."""

MOST_PACKAGES = 22
"""A node's whole closure is about 20 packages: it, pip, and what LiteRT brings."""

MOST_BYTES = 60_000_000

Wheels = Callable[[System, str], tuple[Wheel, ...]]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """From the package index, once for each kind of board."""
    house = Wheelhouse(tmp_path_factory.mktemp("house"))

    @cache
    def found(system: System, interpreter: str) -> tuple[Wheel, ...]:
        return house.wheels(Platform(system.python, "aarch64"), interpreter)

    return found


BOARDS = pytest.mark.parametrize(
    ("system", "interpreter"),
    [(BOOKWORM, "tflite"), (BOOKWORM, "auto"), (TRIXIE, "auto")],
    ids=str,
)


@BOARDS
def test_every_package_is_a_wheel_that_the_board_takes(
    wheels: Wheels, system: System, interpreter: str
) -> None:
    major, minor = map(int, system.python.split("."))
    glibc = [f"manylinux_2_{minor}_aarch64" for minor in range(36, 16, -1)]
    taken = set(cpython_tags((major, minor), platforms=[*glibc, "manylinux2014_aarch64"]))
    pure = {"py3-none-any", "py2.py3-none-any"}
    found = wheels(system, interpreter)
    for one in found:
        name, _, _, tags = parse_wheel_filename(one.name)
        assert tags & taken or one.name.split("-", 2)[2].removesuffix(".whl") in pure, one.name
        assert name not in ("typer", "rich", "opencv-python-headless", "tensorflow")
    names = {parse_wheel_filename(one.name)[0] for one in found}
    assert {"edgechain", "pip"} < names
    assert ("tflite-runtime" in names) == (interpreter == "tflite") != ("ai-edge-litert" in names)
    assert len(found) <= MOST_PACKAGES
    assert sum(one.blob.size for one in found) < MOST_BYTES


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chain of two stages."""
    folder = tmp_path_factory.mktemp("laptop")
    command = [sys.executable, "-m", "edgechain", "split", str(DIGITS), "-o", "digits"]
    subprocess.run([*command, "--stages", "2"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("system", "interpreter"),
    [(BOOKWORM, "tflite"), (TRIXIE, "auto")],
    ids=str,
)
async def test_a_node_of_these_wheels_answers(
    wheels: Wheels, digits: Path, tmp_path: Path, system: System, interpreter: str
) -> None:
    """By the real wire, with real keys: what the whole model says there, to the last bit."""
    python = board_python(system, tmp_path / "board")
    site = unpacked(wheels(system, interpreter), tmp_path, system)
    port = free_port()
    config = generation(tmp_path / "root", digits, interpreter, port)
    image = np.random.default_rng(5).integers(0, 255, (1, 160, 160, 3), np.uint8)
    with running([python, "-P", "-m", "edgechain.node", config], site, tmp_path / "log"):
        answer = await asked(port, image)
    assert same_bits(answer, whole_model_there(python, site, image, tmp_path))


def unpacked(wheels: Sequence[Wheel], folder: Path, system: System) -> Path:
    """The wheels as a board has them installed, unpacked without running anything of theirs."""
    shelf, site = folder / "wheels", folder / "site"
    shelf.mkdir()
    for one in wheels:
        (shelf / one.name).write_bytes(b"".join(one.blob.pieces()))
    there = ["--python-version", system.python, "--python-platform", "aarch64-manylinux_2_36"]
    offline = ["--offline", "--no-index", "--no-deps", "--quiet", "--target", str(site)]
    install = [sys.executable, "-m", "uv", "pip", "install", *there, *offline]
    subprocess.run([*install, *map(str, sorted(shelf.iterdir()))], check=True, cwd=folder)
    return site


def generation(root: Path, laptop: Path, interpreter: str, port: int) -> Path:
    """The files of a bundle in their places, and an identity; the node's configuration."""
    wanted = {
        "name": "pi-a",
        "chain": "digits",
        "interpreter": interpreter,
        "host": "127.0.0.1",
        "port": port,
        "discovery": "static",
        "threads": 1,
        "slots": 2,
    }
    place = root / "generations" / "000001-abc"
    for one in contents_of(NodeConfig.model_validate(wanted), laptop, file="pi-a.yaml").files:
        (place / one.path).parent.mkdir(parents=True, exist_ok=True)
        (place / one.path).write_bytes(b"".join(one.blob.pieces()))
    shutil.copytree(node_identity("pi-a"), root / "identity")
    return place / "node.yaml"


@contextmanager
def running(command: Sequence[str | Path], site: Path, log: Path) -> Iterator[None]:
    """The node, from when it says that it is ready."""
    with ReadySocket() as ready, log.open("wb") as out:
        told = {"PYTHONPATH": str(site), "NOTIFY_SOCKET": ready.address}
        with subprocess.Popen(command, env=os.environ | told, stdout=out, stderr=out) as node:
            handle = os.pidfd_open(node.pid)
            try:
                assert ready.wait(node.pid, handle, READY_SECONDS), log.read_text()
                yield
            finally:
                os.close(handle)
                node.terminate()


async def asked(port: int, image: NDArray[np.uint8]) -> Arrays:
    async with edgechain.connect(
        "digits",
        namespace="default",
        peers=[f"127.0.0.1:{port}"],
        identity=client_identity(),
        timeout=60.0,
    ) as chain:
        return dict((await chain.infer({"image": image}, deadline=60.0)).outputs)


def whole_model_there(python: Path, site: Path, image: NDArray[np.uint8], folder: Path) -> Arrays:
    """What the uncut model answers on that board."""
    np.save(folder / "image.npy", image)
    command = [python, WHOLE_MODEL, DIGITS, folder / "image.npy", folder / "whole.npz"]
    path = {"PYTHONPATH": str(site)}
    subprocess.run(command, check=True, capture_output=True, env=os.environ | path)
    return read_npz(folder / "whole.npz")
