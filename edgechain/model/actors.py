"""Python actors around a cut model: who feeds whom, by tensor name.

An actor that gives one of the model's inputs stands before the model, and the chain then takes
what the actor takes. One that takes a model output stands behind, and the chain gives what the
actor gives. Names are those of the tensors or those of the model's signature.
"""

from __future__ import annotations

import graphlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgechain.errors import InvalidChain
from edgechain.spec.chain import Port, Stage
from edgechain.spec.partition_file import PartitionStage
from edgechain.spec.tensor import TensorSpec


@dataclass(frozen=True)
class Actor:
    """An actor stage as people wrote it, with its source when that lies beside the file."""

    stage: PartitionStage
    source: bytes | None = None

    @property
    def file(self) -> str | None:
        """The file the source goes to, beside ``chain.yaml``."""
        return None if self.source is None else f"{str(self.stage.actor).partition(':')[0]}.py"


@dataclass(frozen=True)
class Wiring:
    """All stages in topological order, every tensor between them, and the chain's ends."""

    stages: tuple[Stage, ...]
    specs: Mapping[str, TensorSpec]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def wire(
    stages: Sequence[Stage],
    specs: Mapping[str, TensorSpec],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    actors: Sequence[Actor],
) -> Wiring:
    """Join actors to a model's stages. Raises ``InvalidChain`` naming actor and tensor."""
    table = _Table(dict(specs), inputs, outputs)
    made = [table.place(actor) for actor in actors]
    every = _in_order([*stages, *made])
    given = {tensor for stage in made for tensor in stage.outputs}
    taken = {tensor for stage in made for tensor in stage.inputs}
    known = {port.tensor for port in inputs} | {
        tensor for stage in every for tensor in stage.outputs
    }
    own = [Port(tensor=t, name=t) for stage in made for t in stage.inputs if t not in known]
    left = [Port(tensor=t, name=t) for s in made for t in s.outputs if t not in table.model_inputs]
    return Wiring(
        stages=tuple(every),
        specs=table.specs,
        inputs=tuple(_once([*(p for p in inputs if p.tensor not in given), *own])),
        outputs=(
            *(port for port in outputs if port.tensor not in taken),
            *(port for port in left if port.tensor not in taken),
        ),
    )


class _Table:
    """The tensors known so far; actors are placed one after the other, in any order."""

    def __init__(
        self, specs: dict[str, TensorSpec], inputs: Sequence[Port], outputs: Sequence[Port]
    ):
        self.specs = specs
        self._inner = frozenset(specs)
        self.model_inputs = {port.tensor for port in inputs}
        self._model_outputs = {port.tensor for port in outputs}
        self._input = {port.name: port.tensor for port in inputs}
        self._output = {port.name: port.tensor for port in outputs}

    def place(self, actor: Actor) -> Stage:
        written = actor.stage
        return Stage(
            name=written.name,
            inputs=tuple(self._taken(written.name, spec) for spec in written.inputs),
            outputs=tuple(self._given(written.name, spec) for spec in written.outputs),
            actor=written.actor,
            options=written.options,
            file=actor.file,
            sha256=None if actor.source is None else hashlib.sha256(actor.source).hexdigest(),
        )

    def _taken(self, actor: str, spec: TensorSpec) -> str:
        name = self._output.get(spec.name) or self._input.get(spec.name) or spec.name
        if name in self._inner - self.model_inputs - self._model_outputs:
            raise InvalidChain(
                f"actor {actor!r} takes {name!r}, which stays inside the model; "
                "an actor can take the model's inputs and outputs"
            )
        return self._agree(actor, name, spec)

    def _given(self, actor: str, spec: TensorSpec) -> str:
        name = self._input.get(spec.name, spec.name)
        if name in self._inner - self.model_inputs:
            raise InvalidChain(f"actor {actor!r} gives {name!r}, which the model computes itself")
        return self._agree(actor, name, spec)

    def _agree(self, actor: str, name: str, spec: TensorSpec) -> str:
        """The same tensor must look the same to everybody; the model's word counts."""
        known = self.specs.setdefault(name, spec)
        same = len(known.shape) == len(spec.shape) and all(
            a == b or -1 in (a, b) for a, b in zip(known.shape, spec.shape, strict=True)
        )
        if known.dtype != spec.dtype or not same:
            raise InvalidChain(
                f"actor {actor!r} says tensor {name!r} is {spec.dtype} {list(spec.shape)}, "
                f"but it is {known.dtype} {list(known.shape)}"
            )
        return name


def _in_order(stages: Sequence[Stage]) -> list[Stage]:
    source = {tensor: stage.name for stage in stages for tensor in stage.outputs}
    needs = {s.name: {source[t] for t in s.inputs if t in source} for s in stages}
    try:
        order = tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise InvalidChain(f"the stages need each other in a circle: {circle}") from None
    place = {name: number for number, name in enumerate(order)}
    return sorted(stages, key=lambda stage: place[stage.name])


def _once(ports: Sequence[Port]) -> list[Port]:
    return list(dict.fromkeys(ports))
