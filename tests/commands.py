"""The command line as its users meet it: another process, its exit status and what it said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
PATIENCE = 200.0
"""Seconds after which a command that should have ended is killed; they take one or two, and on a
starved machine twenty times as long."""


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    command: str
    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON value it printed."""
        return json.loads(self.out)

    def json_lines(self) -> list[Any]:
        """The JSON values it printed, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def refusal(self) -> str:
        """The one line that a command which failed says; anything else fails the test."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert self.status in (1, 2), f"exit status {self.status}: {self}"
        assert len(lines) == 1, f"one line on stderr, not {len(lines)}: {self}"
        assert "Traceback" not in self.err + self.out, self
        return lines[0]


@dataclass(frozen=True)
class Edgechain:
    """Runs ``edgechain`` in a folder, with its own records of running chains."""

    folder: Path
    state: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, status: int | None = 0) -> Said:
        """Run to the end and check the exit status; ``None`` accepts any."""
        words = [str(word) for word in arguments]
        done = subprocess.run(
            self.words(words),
            cwd=self.folder,
            env=self.whole_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        said = Said(" ".join(words), done.returncode, done.stdout, done.stderr)
        assert status is None or said.status == status, f"{said}\n{self.logs()}"
        return said

    def namespace(self) -> str:
        """A fleet of its own for each folder of records: all tests share one loopback."""
        return f"test-{hashlib.sha256(str(self.state).encode()).hexdigest()[:16]}"

    def logs(self) -> str:
        """The last words of every node that runs, for the report of a failure."""
        found = sorted(self.state.rglob("*.log"))
        return "\n".join(f"{path.name}:\n{path.read_text()[-4000:]}" for path in found)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start, and leave it to the caller to end it."""
        return subprocess.Popen(
            self.words([str(word) for word in arguments]),
            cwd=self.folder,
            env=self.whole_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def words(self, arguments: Sequence[str]) -> list[str]:
        """The whole command, run by this very interpreter."""
        return [sys.executable, "-m", "edgechain", *arguments]

    def whole_environment(self) -> dict[str, str]:
        """Ours, with what this test adds."""
        own = {
            "EDGECHAIN_STATE_DIR": str(self.state),
            "EDGECHAIN_NAMESPACE": self.namespace(),
            "COLUMNS": "200",
        }
        return {**os.environ, **own, **self.environment}

    @contextmanager
    def up(self, chain: Path, name: str) -> Iterator[str]:
        """A running chain, taken down at the end."""
        self("up", chain, "--name", name, "--detach")
        try:
            yield name
        finally:
            self("down", name)


def whole_model(model: Path, inputs: Sequence[NDArray[Any]]) -> Arrays:
    """What the whole model answers, by tensor name, straight from the interpreter."""
    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return {
        detail["name"]: interpreter.get_tensor(detail["index"]).copy()
        for detail in interpreter.get_output_details()
    }


def same_bits(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> bool:
    """Whether both hold the same names, dtypes, shapes and bits."""
    return one.keys() == other.keys() and all(
        (one[name].dtype, one[name].shape, one[name].tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name in one
    )


def read_npz(path: Path) -> Arrays:
    """Every array of an archive."""
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}
