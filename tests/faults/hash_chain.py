"""Chains of hashing stages: their manifests on disk, questions, and the answers they must give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.document import render
from edgechain.spec.tensor import DType, TensorSpec
from tests.chain.chains import connected
from tests.faults.hash_actors import DIGEST, HEAD, NUMBER, RECORD, RUN, digest

Array = NDArray[Any]

Options = Mapping[str, bool | int | float | str]
"""Of one ``HashStage``."""

SOURCE = Path(__file__).with_name("hash_actors.py")

LINE = {"first": ("x", "a"), "last": ("a", "y")}
"""Stage name to what it takes and gives."""

JOIN = {"head": ("x", "a"), "side": ("a", "b"), "tail": ("a b", "y")}
"""A fork, a join and a tensor that skips a stage, on as few processes as that needs."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a stage: in which worker process, its how many-th, and when (monotonic)."""

    pid: int
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says: the digest, whose it claims to be, and the runs that made it."""

    digest: bytes
    number: int
    runs: tuple[Run, ...]


def read_answer(value: Array, stages: int) -> Answer:
    """Take an answer apart."""
    content = value.tobytes()
    runs = (content[HEAD + n * RUN.size : HEAD + (n + 1) * RUN.size] for n in range(stages))
    (number,) = NUMBER.unpack(content[DIGEST:HEAD])
    return Answer(content[:DIGEST], number, tuple(map(_run, runs)))


def _run(content: bytes) -> Run:
    pid, count, nanoseconds = RUN.unpack(content)
    return Run(pid, count, nanoseconds / 1e9)


@dataclass(frozen=True)
class HashChain:
    """A chain of hashing stages. ``seed`` makes its questions unlike those of any other."""

    manifest: ChainManifest
    ways: Mapping[str, tuple[str, str]]
    label: str
    width: int
    seed: str

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in the manifest's order."""
        return tuple(self.ways)

    def question(self, number: int) -> Array:
        """The input of a request."""
        value = np.zeros(self.width, np.uint8)
        value[:HEAD] = np.frombuffer(self._asked(number), np.uint8)
        return value

    def answer(self, number: int) -> bytes:
        """The digest that the only right answer has."""
        heads = {"x": self._asked(number)}
        tail = NUMBER.pack(number)
        for stage, (takes, gives) in self.ways.items():
            made = digest(stage, self.label, *(heads[tensor] for tensor in takes.split()))
            heads[gives] = made + tail
        return heads["y"][:DIGEST]

    def read(self, value: Array) -> Answer:
        """Take an answer apart."""
        return read_answer(value, len(self.ways))

    def _asked(self, number: int) -> bytes:
        return hashlib.sha256(f"{self.seed}/{number}".encode()).digest() + NUMBER.pack(number)


def write_chain(
    directory: Path,
    ways: Mapping[str, tuple[str, str]],
    *,
    name: str = "faults",
    label: str = "old",
    width: int = 0,
    seed: str = "",
    options: Mapping[str, Options] | None = None,
) -> HashChain:
    """A chain directory, as ``split`` would leave it. ``ways`` is in an order that can be run.

    ``label`` stands for the generation in every digest. ``width`` is a tensor's bytes where they
    are to be more than needed. ``options`` go to the stages of their name.
    """
    width = max(width, HEAD + len(ways) * RUN.size)
    stages = [
        _stage(stage, takes, gives, place, label, (options or {}).get(stage, {}))
        for place, (stage, (takes, gives)) in enumerate(ways.items())
    ]
    tensors = {tensor for way in ways.values() for tensor in " ".join(way).split()}
    specs = {t: TensorSpec(name=t, dtype=DType.UINT8, shape=(width,)) for t in tensors}
    manifest = connected(name, *stages, specs=specs)
    directory.mkdir(parents=True)
    (directory / "chain.yaml").write_text(render(manifest))
    (directory / SOURCE.name).write_bytes(SOURCE.read_bytes())
    return HashChain(manifest, ways, label, width, seed or manifest.generation)


def slow(stages: Iterable[str], seconds: float, runs: Path | None = None) -> dict[str, Options]:
    """Options for stages that take so long for a run, and write down what they run."""
    log: Options = {"runs": str(runs)} if runs else {}
    return {stage: {"seconds": seconds, **log} for stage in stages}


def _stage(
    name: str,
    takes: str,
    gives: str,
    place: int,
    label: str,
    options: Options,
) -> Stage:
    return Stage(
        name=name,
        inputs=tuple(takes.split()),
        outputs=(gives,),
        actor=f"{SOURCE.stem}:HashStage",
        file=SOURCE.name,
        sha256=hashlib.sha256(SOURCE.read_bytes()).hexdigest(),
        options={"stage": name, "generation": label, "place": place, **options},
    )


def runs_in(folder: Path, pids: Iterable[int] | None = None) -> list[tuple[int, Run]]:
    """Every run that workers have written down, with the request's number; of all, or of some."""
    paths = folder.iterdir() if pids is None else (folder / str(pid) for pid in pids)
    found = []
    for path in paths:
        content = path.read_bytes() if path.is_file() else b""
        for start in range(0, len(content) - RECORD + 1, RECORD):
            (number,) = NUMBER.unpack_from(content, start)
            found.append((number, _run(content[start + NUMBER.size : start + RECORD])))
    return found
