"""What people write to cut a model their own way: ``edgechain split --partition FILE``.

    stages:
      - {name: brighten, actor: "brighten:Brighten",
         inputs: [{name: photo, dtype: uint8, shape: [1, 300, 300, 3]}],
         outputs: [{name: normalized_input_image_tensor, dtype: uint8, shape: [1, 300, 300, 3]}]}
      - {name: backbone, operators: 0-30}
      - {name: left, operators: "31-40, 45"}
      - {name: right, operators: "41-44, 46-"}

An actor whose output is one of the model's inputs stands before the model, one whose input is a
model output behind it.
"""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from edgechain.spec.chain import ActorPath
from edgechain.spec.ids import Name
from edgechain.spec.tensor import Frozen, TensorSpec

_RANGE = re.compile(r"^\s*(\d+)\s*(?:(-)\s*(\d*))?\s*$")


class PartitionStage(Frozen):
    """A group of operators, or a Python actor with the tensors it takes and gives."""

    name: Name
    operators: str | int | None = None
    actor: ActorPath | None = None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.operators is None) == (self.actor is None):
            raise ValueError(f"stage {self.name!r} needs either operators or an actor")
        if self.actor is None and (self.inputs or self.outputs or self.options):
            raise ValueError(f"stage {self.name!r}: only an actor states inputs and outputs")
        if self.actor is not None and not (self.inputs and self.outputs):
            raise ValueError(f"stage {self.name!r}: an actor states its inputs and outputs")
        return self


class PartitionFile(Frozen):
    """The stages of a hand-made partition."""

    stages: tuple[PartitionStage, ...] = Field(min_length=1)


def parse_operators(text: str | int, count: int) -> tuple[int, ...]:
    """``"0-3, 7, 12-"`` as indexes below ``count``. Raises ``ValueError`` quoting a part."""
    found: list[int] = []
    for part in str(text).split(","):
        match = _RANGE.match(part)
        if match is None:
            raise ValueError(f"{part.strip()!r} is not a range of operators like 3-7")
        first = int(match[1])
        last = first if match[2] is None else int(match[3]) if match[3] else count - 1
        if not first <= last < count:
            raise ValueError(f"{part.strip()!r} is outside the model's operators 0-{count - 1}")
        found.extend(range(first, last + 1))
    return tuple(found)


def render_operators(operators: tuple[int, ...]) -> str:
    """Indexes as ``0-3, 7``; the inverse of ``parse_operators``."""
    runs: list[list[int]] = []
    for op in sorted(operators):
        if runs and op == runs[-1][1] + 1:
            runs[-1][1] = op
        else:
            runs.append([op, op])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
