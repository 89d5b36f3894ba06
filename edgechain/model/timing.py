"""How long the parts of a model take, each fed with what the parts before it gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from edgechain.model.split import Cut

Array = NDArray[Any]


class Timing(Protocol):
    """What a part took, and what it gave."""

    @property
    def mean(self) -> float:
        """Seconds a run."""

    @property
    def processor(self) -> float:
        """The processor's seconds a run."""

    @property
    def outputs(self) -> Sequence[Array]:
        """In the order of the part's outputs."""


class TimedModel(Protocol):
    """A loaded model that can be run again and again on the same inputs."""

    def time(self, inputs: Sequence[Array], seconds: float) -> Timing:
        """Run for so many seconds."""


OpenTimed = Callable[[bytes], TimedModel]

Look = Callable[[int, Array], None]
"""Is shown a tensor, by its index, and a value that it had."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one run, on the clock and of the processor.

    They differ where several threads run, and where the processor is taken away now and then.
    """

    clock: float
    processor: float


def look_away(_tensor: int, _value: Array) -> None:
    """For who wants to see nothing."""


def part_seconds(
    cut: Cut,
    sample: Mapping[int, Array],
    *,
    open_timed: OpenTimed,
    seconds: float,
    look: Look = look_away,
) -> list[Taken]:
    """What one run of every part takes, in the order of ``cut.submodels``.

    ``sample`` is the model's input by tensor index; every part is run for ``seconds``, and what it
    gave is shown to ``look``. Raises ``InvalidModel`` when the interpreter refuses a part.
    """
    values, taken = dict(sample), []
    for part in cut.submodels:
        timing = open_timed(part.content).time([values[t] for t in part.inputs], seconds)
        for tensor, value in zip(part.outputs, timing.outputs, strict=True):
            values[tensor] = value
            look(tensor, value)
        taken.append(Taken(timing.mean, timing.processor))
    return taken
