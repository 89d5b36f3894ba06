"""A board behind a real sshd, a project on a laptop, and the commands that go between them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgechain
from edgechain.deploy.device.process_service import ProcessService
from tests.commands import Arrays, Said, same_bits, whole_model
from tests.deploy.installed_wheels import pack_wheels
from tests.deploy.sshd import Sshd, sshd
from tests.ports import free_port
from tests.watch.needs import ROOT as REPOSITORY

DIGITS = REPOSITORY / "tools" / "demo" / "digits.tflite"
NAME = "pi-a"
PATIENCE = 300.0
"""Seconds for one command; the first flash takes 20 on a quiet machine."""

ON_A_BOARD = [
    pytest.mark.once,
    pytest.mark.sshd,
    pytest.mark.processes,
    pytest.mark.may_block,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("sshd"),
]
"""The marks of tests that share the one board which is flashed."""


@dataclass(frozen=True)
class Board:
    """``root`` is the board's; ``project`` the laptop's."""

    server: Sshd
    root: Path
    project: Path
    wheels: Path
    port: int
    story: dict[str, Any] = field(default_factory=dict)
    """What happened to it before a test got it."""
    patience: float = PATIENCE

    @property
    def target(self) -> str:
        """Where it is."""
        return f"{self.server.url}{self.root}"

    @property
    def config(self) -> Path:
        """Its file."""
        return self.project / "device_configs" / f"{NAME}.yaml"

    @property
    def current(self) -> str:
        """The generation that it runs."""
        return (self.root / "current").readlink().name

    def write_config(self, name: str = NAME, **more: object) -> Path:
        """Write a device's file, this board's or another's; what is given last counts."""
        keys = {
            "name": name,
            "chain": "../digits",
            "host": "127.0.0.1",
            "port": self.port,
            "discovery": "static",
            "threads": 1,
            "slots": 4,
            "flash": {"target": self.target},
        }
        file = self.config.with_stem(name)
        file.parent.mkdir(exist_ok=True)
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in (keys | more).items())
        file.write_text(text)
        return file

    def __call__(self, *arguments: str | Path, status: int | None = 0) -> Said:
        """Run ``edgechain`` on the laptop to its end."""
        words = [str(word) for word in arguments]
        done = subprocess.run(
            [sys.executable, "-m", "edgechain", *words],
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
        said = Said(" ".join(words), done.returncode, done.stdout, done.stderr)
        assert status is None or said.status == status, said
        return said

    def environment(self) -> dict[str, str]:
        """The laptop's user: own keys, and packages without a network."""
        kept = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"}
        packages = {
            "XDG_CACHE_HOME": str(self.wheels.parent / "cache"),
            "UV_FIND_LINKS": str(self.wheels),
            "UV_NO_INDEX": "1",
            "UV_OFFLINE": "1",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }
        return {**kept, **packages, "HOME": str(self.server.home), "PYTHONPATH": str(REPOSITORY)}

    def flash(self, *more: str) -> dict[str, Any]:
        """Flash it; what is told of it."""
        return one_device(self("flash", self.config, "--yes", "--json", *more))

    async def ask(self, peers: Sequence[str] = (), seed: int = 7) -> tuple[Arrays, Arrays]:
        """A question, and the answer of the board or of those at ``peers``."""
        image = np.random.default_rng(seed).integers(0, 255, (1, 160, 160, 3), np.uint8)
        addresses = list(peers) or [f"127.0.0.1:{self.port}"]
        identity = self.project / "identities" / "laptop"
        async with edgechain.connect(
            "digits", namespace="default", peers=addresses, identity=identity, timeout=60.0
        ) as chain:
            result = await chain.infer({"image": image}, deadline=60.0)
            return {"image": image}, dict(result.outputs)

    async def answers(self, peers: Sequence[str] = ()) -> bool:
        """Whether it answers what the whole model answers, to the last bit."""
        asked, answer = await self.ask(peers)
        return same_bits(answer, whole_model(DIGITS, list(asked.values())))

    def stop(self) -> None:
        """End its node."""
        ProcessService(self.root).stop()


def one_device(said: Said) -> dict[str, Any]:
    """What ``--json`` tells of the only device."""
    (told,) = said.json()["devices"]
    assert isinstance(told, dict)
    return told


@contextmanager
def board(folder: Path, wheels: Path) -> Iterator[Board]:
    """A board that nothing was flashed to yet, and a project with a chain of two stages."""
    with sshd(folder / "sshd") as server:
        project = folder / "project"
        made = Board(server, folder / "board" / "root", project, wheels, free_port())
        made.root.parent.mkdir()
        project.mkdir()
        made("init", project, NAME, "--client", "laptop")
        made("split", DIGITS, "-o", "digits", "--stages", "2")
        made.write_config()
        try:
            yield made
        finally:
            made.stop()


def tree(folder: Path) -> dict[str, str]:
    """Everything below a folder: kinds, modes, contents, times of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        what = f"{about.st_mode:o} {about.st_mtime_ns} {about.st_size}"
        if path.is_symlink():
            what += f" -> {path.readlink()}"
        elif path.is_file():
            what += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
        found[str(path.relative_to(folder))] = what
    return found


def make_wheels(folder: Path) -> Path:
    """Wheels for this machine."""
    (folder / "wheels").mkdir(parents=True)
    pack_wheels(folder / "wheels")
    return folder / "wheels"
