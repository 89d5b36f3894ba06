from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.model.graph import graph_of
from edgechain.model.samples import random_samples
from edgechain.model.split import split
from edgechain.model.timing import Array, Taken, part_seconds
from edgechain.runtime.interpreter import open_interpreter
from edgechain.spec.partition import contiguous
from tests.model.made import row


@dataclass(frozen=True)
class Told:
    """A timing that was made up."""

    mean: float
    processor: float
    outputs: Sequence[Array]


class Clock:
    """Runs models once, and says that each took a second longer than the one before."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._content = b""

    def open(self, content: bytes) -> Clock:
        self._content = content
        return self

    def time(self, inputs: Sequence[Array], seconds: float) -> Told:
        self.asked.append(seconds)
        number = len(self.asked)
        return Told(number, number / 2, open_interpreter(self._content).run(inputs))


def test_every_part_gets_what_the_parts_before_it_gave() -> None:
    model, clock = row(4).model(), Clock()
    cut = split(model, contiguous(graph_of(model), (0, 2)))
    (sample,) = random_samples(model, count=1, seed=0)
    taken = part_seconds(cut, sample, open_timed=clock.open, seconds=0.25)
    assert taken == [Taken(1, 0.5), Taken(2, 1.0), Taken(3, 1.5)]
    assert clock.asked == [0.25] * 3


def test_what_every_part_gave_is_shown() -> None:
    model, seen = row(4).model(), list[tuple[int, int]]()
    cut = split(model, contiguous(graph_of(model), (0, 2)))
    (sample,) = random_samples(model, count=1, seed=0)
    part_seconds(
        *(cut, sample),
        open_timed=Clock().open,
        seconds=0.25,
        look=lambda tensor, value: seen.append((tensor, value.nbytes)),
    )
    given = [tensor for part in cut.submodels for tensor in part.outputs]
    assert seen == [(tensor, cut.graph.tensors[tensor].nbytes) for tensor in given]
