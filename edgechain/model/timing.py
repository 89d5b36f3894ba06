"""How long the parts of a model take, each fed with what the parts before it gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    def outputs(self) -> Sequence[Array]:
        """In the order of the part's outputs."""


class TimedModel(Protocol):
    """A loaded model that can be run again and again on the same inputs."""

    def time(self, inputs: Sequence[Array], seconds: float) -> Timing:
        """Run for so many seconds."""


OpenTimed = Callable[[bytes], TimedModel]


def part_seconds(
    cut: Cut, sample: Mapping[int, Array], *, open_timed: OpenTimed, seconds: float
) -> list[float]:
    """Seconds of one run of every part, in the order of ``cut.submodels``.

    ``sample`` is the model's input by tensor index; every part is run for ``seconds``. Raises
    ``InvalidModel`` when the interpreter refuses a part.
    """
    values, taken = dict(sample), []
    for part in cut.submodels:
        timing = open_timed(part.content).time([values[t] for t in part.inputs], seconds)
        values.update(zip(part.outputs, timing.outputs, strict=True))
        taken.append(timing.mean)
    return taken
