"""``make aarch64``: `edgechain flash` over SSH to emulated boards, from nothing to an answer.

Everything there runs emulated: the agent, the environment that pip makes of the wheels, the key,
the signature's check, the service's start and the node. Minutes; ``test_aarch64`` is the short
version.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.commands import Arrays, read_npz, same_bits
from tests.deploy.board import DIGITS, NAME, Board
from tests.deploy.emulation import BOOKWORM, TRIXIE, System, board_python
from tests.deploy.sshd import sshd
from tests.deploy.test_aarch64 import WHOLE_MODEL
from tests.ports import free_port
from tests.watch.needs import ROOT

pytestmark = [
    pytest.mark.aarch64,
    pytest.mark.sshd,
    pytest.mark.processes,
    pytest.mark.may_block,
    pytest.mark.timeout(1800),
]


PATIENCE = 1200.0
"""Seconds for one command: 100 on a quiet machine, most of them pip's."""


@dataclass(frozen=True)
class EmulatedBoard(Board):
    """Its laptop has the package index, and a cache of its own."""

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"}
        cache = {"XDG_CACHE_HOME": str(self.wheels)}
        return {**kept, **cache, "HOME": str(self.server.home), "PYTHONPATH": str(ROOT)}


@contextmanager
def emulated(system: System, folder: Path) -> Iterator[EmulatedBoard]:
    """A board that nothing was flashed to yet."""
    python = board_python(system, folder / "python")
    with sshd(folder / "sshd", python) as server:
        made = EmulatedBoard(
            server,
            root=folder / "board" / "root",
            project=folder / "project",
            wheels=folder / "cache",
            port=free_port(),
            patience=PATIENCE,
        )
        made.root.parent.mkdir()
        made.project.mkdir()
        made("init", made.project, "--client", "laptop")
        made("split", DIGITS, "-o", "digits", "--stages", "2")
        try:
            yield made
        finally:
            made.stop()


@pytest.mark.parametrize(
    ("system", "interpreter"), [(BOOKWORM, "tflite"), (TRIXIE, "litert")], ids=str
)
async def test_a_board_is_flashed_and_answers(
    tmp_path: Path, system: System, interpreter: str
) -> None:
    with emulated(system, tmp_path) as board:
        board.write_config(interpreter=interpreter)
        first = board.flash()
        assert first["outcome"] == "flashed"
        machine_code = [
            name
            for name in first["difference"]["wheels"]["added"]
            if not name.endswith("none-any.whl")
        ]
        assert len(machine_code) >= 8
        assert all(name.endswith("aarch64.whl") for name in machine_code)
        assert (board.root / "identity" / "identity.key").stat().st_mode & 0o777 == 0o600
        assert not (board.project / "identities" / NAME).exists()
        await require_right(board, tmp_path)

        board.write_config(interpreter=interpreter, slots=3)
        second = board.flash()
        assert second["outcome"] == "flashed"
        assert second["bytes"] == (board.root / "current" / "node.yaml").stat().st_size
        await require_right(board, tmp_path)
        print(f"{system}: {first['bytes_sent']:,} bytes, then {second['bytes_sent']:,}")


async def require_right(board: Board, folder: Path) -> None:
    """It answers what the whole model answers there, to the last bit."""
    asked, answer = await board.ask()
    np.save(folder / "image.npy", asked["image"])
    assert same_bits(answer, whole_model_there(board, folder))


def whole_model_there(board: Board, folder: Path) -> Arrays:
    python = (board.root / "current" / "environment").resolve() / "bin" / "python"
    words = [python, WHOLE_MODEL, DIGITS, folder / "image.npy", folder / "whole.npz"]
    subprocess.run(words, check=True, capture_output=True)
    return read_npz(folder / "whole.npz")
