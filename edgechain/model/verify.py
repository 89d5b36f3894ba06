"""Proof that a chain of parts computes what the whole model computes, bit for bit.

Both are run by the same interpreter with the same threads on the same inputs, and the outputs'
bytes are compared: NaN equals NaN only with the same payload, 0.0 is not -0.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgechain.errors import InvalidModel, NotEqual
from edgechain.spec.progress import Progress, silent

Array = NDArray[Any]


class Runner(Protocol):
    """A loaded model; ``run`` takes and gives arrays in the order of its inputs and outputs."""

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Compute once; results are the caller's own."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


OpenRunner = Callable[[bytes], Runner]


@dataclass(frozen=True)
class Part:
    """A submodel in its place: what it takes and gives, by the tensors' names in the manifest."""

    name: str
    content: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class RunFailed(InvalidModel):
    """A part was loaded and then failed on an input. ``part`` says which."""

    def __init__(self, part: Part, reason: str):
        self.part = part
        super().__init__(reason)


@dataclass(frozen=True)
class Difference:
    """The first place where an output of the chain is not the whole model's.

    ``place`` is the element's index, empty when shapes or dtypes differ; ``elements`` counts the
    differing ones.
    """

    run: int
    output: str
    place: tuple[int, ...]
    whole: str
    chain: str
    elements: int

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.place))}]" if self.place else ""
        return (
            f"run {self.run}, output {self.output!r}{where}: the whole model gives {self.whole}, "
            f"the chain {self.chain} ({self.elements} elements differ)"
        )


@dataclass(frozen=True)
class Comparison:
    """The outcome of a proof.

    ``shapes`` holds every shape each tensor had, one per run; ``undefined`` counts the elements
    that were not compared because no operator writes them.
    """

    runs: int
    difference: Difference | None
    shapes: Mapping[str, tuple[tuple[int, ...], ...]]
    undefined: int = 0

    @property
    def equal(self) -> bool:
        """Whether every output of every run was the same to the last bit."""
        return self.difference is None

    def require_equal(self) -> None:
        """Raise ``NotEqual`` naming the first difference."""
        if self.difference is not None:
            raise NotEqual(f"the parts do not equal the whole model: {self.difference}")


Values = dict[str, Array]


def compare(
    whole: Part,
    parts: Sequence[Part],
    samples: Sequence[Mapping[str, Array]],
    open_runner: OpenRunner,
    progress: Progress = silent,
    counts: Mapping[str, str] | None = None,
) -> Comparison:
    """Run ``samples`` through ``whole`` and through ``parts``, which are in topological order.

    ``counts`` names for an output the output that says how many of its rows (second dimension)
    are written: the others are whatever was in memory, in the whole model too. One model is
    loaded at a time; every run is compared and the first difference is kept. Raises
    ``InvalidModel`` when the interpreter refuses or fails.
    """
    total = (1 + len(parts)) * len(samples)
    expected = [dict(sample) for sample in samples]
    found = [dict(sample) for sample in samples]
    _run(whole, "the whole model", expected, open_runner, _Steps(progress, 0, total))
    shapes = {name: _shapes(found, name) for name in whole.inputs}
    for number, part in enumerate(parts, start=1):
        steps = _Steps(progress, number * len(samples), total)
        _run(part, f"stage {part.name}", found, open_runner, steps)
        shapes |= {name: _shapes(found, name) for name in part.outputs}
        _forget(found, parts[number:], whole.outputs)
    undefined = _drop_unwritten(expected, counts or {})
    _drop_unwritten(found, counts or {})
    difference = _first_difference(whole.outputs, expected, found)
    return Comparison(len(samples), difference, shapes, undefined)


@dataclass
class _Steps:
    report: Progress
    done: int
    total: int

    def next(self) -> None:
        self.done += 1
        self.report("proving equality", self.done, self.total)


def _run(
    part: Part, what: str, values: Sequence[Values], open_runner: OpenRunner, steps: _Steps
) -> None:
    """Add the part's outputs to the values of every run."""
    try:
        runner = open_runner(part.content)
    except InvalidModel as error:
        raise InvalidModel(f"{what}: {error}") from error
    try:
        for known in values:
            outputs = runner.run([known[name] for name in part.inputs])
            known.update(zip(part.outputs, outputs, strict=True))
            steps.next()
    except InvalidModel as error:
        raise RunFailed(part, f"{what}: {error}") from error
    finally:
        runner.close()


def _forget(values: Sequence[Values], later: Sequence[Part], outputs: Sequence[str]) -> None:
    wanted = {name for part in later for name in part.inputs}.union(outputs)
    for known in values:
        for name in known.keys() - wanted:
            del known[name]


def _shapes(values: Sequence[Values], name: str) -> tuple[tuple[int, ...], ...]:
    return tuple(known[name].shape for known in values)


def _drop_unwritten(values: Sequence[Values], counts: Mapping[str, str]) -> int:
    """Cut outputs to the rows that are written; how many elements that took away.

    The counts themselves are outputs and are compared, so both sides lose the same.
    """
    dropped = 0
    for known in values:
        for name, count in counts.items():
            written = known[name][:, : max(0, int(known[count].reshape(-1)[0]))]
            dropped += known[name].size - written.size
            known[name] = written
    return dropped


def _first_difference(
    outputs: Sequence[str], expected: Sequence[Values], found: Sequence[Values]
) -> Difference | None:
    for run, (whole, chain) in enumerate(zip(expected, found, strict=True)):
        for name in outputs:
            difference = difference_of(run, name, whole[name], chain[name])
            if difference is not None:
                return difference
    return None


def difference_of(run: int, output: str, whole: Array, chain: Array) -> Difference | None:
    """Where two values of one output differ first in their bytes, or ``None``."""
    if whole.shape != chain.shape or whole.dtype != chain.dtype:
        left, right = (f"{value.dtype} {list(value.shape)}" for value in (whole, chain))
        return Difference(run, output, (), left, right, max(whole.size, chain.size))
    unequal = np.flatnonzero((_rows(whole) != _rows(chain)).any(axis=1))
    if not unequal.size:
        return None
    place = tuple(int(i) for i in np.unravel_index(unequal[0], whole.shape))
    left, right = (str(value.reshape(-1)[unequal[0]]) for value in (whole, chain))
    return Difference(run, output, place, left, right, int(unequal.size))


def _rows(value: Array) -> NDArray[np.uint8]:
    """One row of bytes for every element."""
    raw = np.frombuffer(value.tobytes(), np.uint8)
    return raw.reshape(value.size, value.dtype.itemsize)
