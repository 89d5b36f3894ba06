"""A model's operators and the tensors between them, without the flatbuffer.

This is what the cut is decided on. Constants (weights) do not appear: they travel with the
operators that use them and never cross a cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the model's main subgraph.

    ``inputs`` and ``outputs`` are tensor indexes of activations only; omitted optional inputs
    and constants are left out. ``macs`` counts multiply-accumulates for batch 1,
    ``parameters`` the constant elements it reads and ``weight_bytes`` their size.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int = 0
    parameters: int = 0
    weight_bytes: int = 0

    def __str__(self) -> str:
        return f"operator {self.index} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Activation:
    """A tensor that is computed or fed, as the graph sees it.

    ``nbytes`` is its size for the shape stored in the model and 0 where the model states none.
    ``dtype`` is TFLite's own name in lower case; ``crosses`` is why it cannot leave a submodel
    (an empty string when it can).
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    crosses: str = ""


@dataclass(frozen=True)
class OpGraph:
    """Operators in execution order, which is a topological order (the schema demands it).

    ``inputs`` and ``outputs`` are the model's own. ``bound`` lists groups of operators that
    share state (variable tensors, resources) and must stay in one submodel, each with the
    reason in words.
    """

    operators: tuple[Operator, ...]
    tensors: Mapping[int, Activation]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    bound: tuple[tuple[frozenset[int], str], ...] = ()
    name: str = field(default="model", kw_only=True)

    @cached_property
    def producer(self) -> Mapping[int, int]:
        """Tensor index to the operator that computes it; model inputs are absent."""
        return {tensor: op.index for op in self.operators for tensor in op.outputs}

    @cached_property
    def consumers(self) -> Mapping[int, tuple[int, ...]]:
        """Tensor index to the operators that read it, in execution order."""
        found: dict[int, list[int]] = defaultdict(list)
        for op in self.operators:
            for tensor in dict.fromkeys(op.inputs):
                found[tensor].append(op.index)
        return {tensor: tuple(ops) for tensor, ops in found.items()}

    def predecessors(self, operator: int) -> tuple[int, ...]:
        """The operators whose outputs ``operator`` reads."""
        made = (self.producer.get(tensor) for tensor in self.operators[operator].inputs)
        return tuple(dict.fromkeys(op for op in made if op is not None))

    def crossing(self, after: int) -> tuple[int, ...]:
        """Tensors that cross the cut right after operator ``after``, in order of birth.

        A model input still wanted behind the cut does not count: the client sends it there.
        """
        return tuple(
            tensor
            for tensor, op in self.producer.items()
            if op <= after and any(user > after for user in self.consumers.get(tensor, ()))
        )

    def inputs_of(self, group: Iterable[int]) -> tuple[int, ...]:
        """Tensors a group of operators needs from outside, in order of first use."""
        members = frozenset(group)
        wanted = (t for index in sorted(members) for t in self.operators[index].inputs)
        return tuple(dict.fromkeys(t for t in wanted if self.producer.get(t) not in members))

    def outputs_of(self, group: Iterable[int]) -> tuple[int, ...]:
        """Tensors a group computes that someone outside wants, in order of birth."""
        members = frozenset(group)
        made = (t for index in sorted(members) for t in self.operators[index].outputs)
        return tuple(
            t
            for t in made
            if t in self.outputs or any(op not in members for op in self.consumers.get(t, ()))
        )
