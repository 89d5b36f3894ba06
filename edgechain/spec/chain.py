"""The chain manifest: what ``chain.yaml`` says, and the only truth about sizes and edges.

A manifest that exists holds together: names are unique, every tensor has one source, the stage
graph is acyclic, and the generation is the hash of everything else in it.
"""

from __future__ import annotations

import graphlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from edgechain.spec.ids import Generation, Name, StageName
from edgechain.spec.tensor import Frozen, TensorSpec

MAX_STAGES = 256
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
"""A file beside ``chain.yaml``: no directories, so nothing can point outside."""

ActorPath = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""``module:Class``, found beside ``chain.yaml`` or on the device's Python path."""


class Stage(Frozen):
    """A submodel or a Python actor in its place in the chain.

    ``inputs`` and ``outputs`` are tensor names in the order in which the submodel's subgraph
    (or the actor's ``__call__``) takes and returns them. A stage has a ``file`` with its hash, or
    is an ``actor`` with ``options``; an actor may have a file too, its source.
    """

    name: Name
    inputs: tuple[str, ...] = Field(min_length=1)
    outputs: tuple[str, ...] = Field(min_length=1)
    file: FileName | None = None
    sha256: Sha256 | None = None
    actor: ActorPath | None = None
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    operators: str = ""
    """Which operators of the whole model it holds, for people: ``0-12, 15``."""

    @model_validator(mode="after")
    def _runnable(self) -> Self:
        if (self.file is None) != (self.sha256 is None):
            raise ValueError(f"stage {self.name!r}: a file and its sha256 come together")
        if self.file is None and self.actor is None:
            raise ValueError(f"stage {self.name!r} has neither a file nor an actor")
        if self.options and self.actor is None:
            raise ValueError(f"stage {self.name!r}: only an actor takes options")
        return self


class Port(Frozen):
    """A tensor that enters or leaves the chain, and the name the model's signature gives it."""

    tensor: str
    name: str = Field(min_length=1, max_length=1024)


class Edge(Frozen):
    """One tensor's way: from a stage, or from the client, to a stage, or to the client.

    ``codec`` says how its bytes cross between nodes: as they are, or packed (``zstd``), which only
    a tensor between stages can. Where it is not given it is not written, so that a chain without
    it keeps its text and its generation.
    """

    tensor: TensorSpec
    source: StageName | None = None
    targets: tuple[StageName, ...] = ()
    to_client: bool = False
    codec: Literal["zstd"] | None = None

    @model_validator(mode="after")
    def _between_stages(self) -> Self:
        if self.codec and (self.source is None or not self.targets or self.to_client):
            raise ValueError(
                f"tensor {self.tensor.name!r} cannot cross packed: only tensors between stages, "
                "that the client neither gives nor gets, can"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_silence(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if self.codec is None:
            fields.pop("codec", None)
        return fields


class ModelSource(Frozen):
    """The whole model a chain was cut from."""

    file: str
    sha256: Sha256


class ChainManifest(Frozen):
    """A whole chain: stages, ports and every edge between them.

    ``edges`` is in a fixed order; an edge's index is the tensor's number on the wire.
    """

    format: Literal[1]
    name: Name
    generation: Sha256
    model: ModelSource | None = None
    inputs: tuple[Port, ...] = Field(min_length=1)
    outputs: tuple[Port, ...] = Field(min_length=1)
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=MAX_STAGES)
    edges: tuple[Edge, ...] = Field(min_length=1)
    labels: tuple[str, ...] | None = None
    """Class names found inside the model's metadata; index is the class."""

    @classmethod
    def sealed(cls, **fields: Any) -> ChainManifest:
        """Make a manifest and compute its generation. Raises ``ValueError`` if it cannot hold."""
        draft = cls.model_construct(format=1, **fields, generation="")
        generation = content_hash(draft.model_dump(mode="json"))
        return cls(format=1, **fields, generation=generation)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        self._check_names()
        self._check_edges()
        self._check_acyclic()
        found = content_hash(self.model_dump(mode="json"))
        if found != self.generation:
            raise ValueError(
                f"the content was changed after it was sealed: generation says "
                f"{self.generation[:12]}, content is {found[:12]}; cut the model again"
            )
        return self

    def _check_names(self) -> None:
        for what, names in (
            ("stage", [stage.name for stage in self.stages]),
            ("tensor", [edge.tensor.name for edge in self.edges]),
            ("input", [port.name for port in self.inputs]),
            ("output", [port.name for port in self.outputs]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"two {what}s are called {twice[0]!r}")

    def _check_edges(self) -> None:
        made: dict[str, StageName] = {}
        for stage in self.stages:
            for tensor in stage.outputs:
                if made.setdefault(tensor, stage.name) != stage.name:
                    raise ValueError(f"tensor {tensor!r} is made by two stages")
        fed = {port.tensor for port in self.inputs}
        left = {port.tensor for port in self.outputs}
        known = {edge.tensor.name for edge in self.edges}
        wanted = {tensor for stage in self.stages for tensor in stage.inputs}
        for tensor in (wanted | made.keys() | fed | left) - known:
            raise ValueError(f"tensor {tensor!r} has no edge")
        for edge in self.edges:
            name = edge.tensor.name
            targets = tuple(stage.name for stage in self.stages if name in stage.inputs)
            if edge.source != made.get(name) or (edge.source is None) != (name in fed):
                raise ValueError(f"the edge of tensor {name!r} names the wrong source")
            if edge.targets != targets or edge.to_client != (name in left):
                raise ValueError(f"the edge of tensor {name!r} names the wrong targets")
            if not targets and not edge.to_client:
                raise ValueError(f"nobody wants tensor {name!r}")

    def _check_acyclic(self) -> None:
        needs: dict[str, set[str]] = {stage.name: set() for stage in self.stages}
        for edge in self.edges:
            for target in edge.targets:
                if edge.source is not None:
                    needs[target].add(edge.source)
        try:
            tuple(graphlib.TopologicalSorter(needs).static_order())
        except graphlib.CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise ValueError(f"the stages need each other in a circle: {circle}") from None

    @cached_property
    def stage(self) -> dict[StageName, Stage]:
        """Stages by name."""
        return {stage.name: stage for stage in self.stages}

    @cached_property
    def tensor_index(self) -> dict[str, int]:
        """A tensor's number on the wire, by its name."""
        return {edge.tensor.name: index for index, edge in enumerate(self.edges)}

    @cached_property
    def packed(self) -> tuple[str, ...]:
        """The tensors that cross packed between nodes, by name."""
        return tuple(edge.tensor.name for edge in self.edges if edge.codec is not None)

    @cached_property
    def input_edges(self) -> tuple[int, ...]:
        """Indexes of the edges the client feeds, in the order of ``inputs``."""
        return self.edges_of(port.tensor for port in self.inputs)

    @cached_property
    def input_names(self) -> dict[str, int]:
        """Indexes of the edges the client feeds, by every name that an input goes by.

        A signature's name wins over a tensor of the same name.
        """
        index = self.tensor_index
        tensors = {port.tensor: index[port.tensor] for port in self.inputs}
        return tensors | {port.name: index[port.tensor] for port in self.inputs}

    @cached_property
    def output_edges(self) -> tuple[int, ...]:
        """Indexes of the edges the client collects, in the order of ``outputs``."""
        return self.edges_of(port.tensor for port in self.outputs)

    def edges_of(self, tensors: Iterable[str]) -> tuple[int, ...]:
        """Indexes of the edges of these tensors, in their order."""
        return tuple(self.tensor_index[tensor] for tensor in tensors)

    def touched_by(self, stages: frozenset[StageName]) -> tuple[int, ...]:
        """Indexes of the edges that enter or leave any of ``stages``."""
        return tuple(
            index
            for index, edge in enumerate(self.edges)
            if edge.source in stages or not stages.isdisjoint(edge.targets)
        )


def content_hash(document: dict[str, Any]) -> Generation:
    """SHA-256 of a manifest's canonical JSON, without its own generation."""
    content = {key: value for key, value in document.items() if key != "generation"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Generation(hashlib.sha256(text.encode()).hexdigest())
