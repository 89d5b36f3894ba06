"""Random chains of hashing stages: forks, joins, tensors that skip stages, and who runs what.

What a stage gives is a hash of (generation, stage, attempt, inputs), so an answer that mixes
requests, attempts or generations, or misses a stage, is not the one that ``answer`` computes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from random import Random

from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.ids import Generation, NodeName, StageName
from edgechain.spec.tensor import DType, TensorSpec

SIZES = (8, 8, 32, 40, 80)
"""Bytes of a tensor: one chunk, or some."""

MOST_ROWS = 4
"""Of a tensor whose size the stage decides; it may have none."""


@dataclass(frozen=True)
class Graph:
    """A chain's manifest and its stages in an order in which they can be run."""

    manifest: ChainManifest
    order: tuple[StageName, ...]

    @property
    def generation(self) -> Generation:
        """Its generation."""
        return Generation(self.manifest.generation)

    @cached_property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """What the client feeds, by the tensor's name."""
        edges = self.manifest.edges
        return {edges[e].tensor.name: edges[e].tensor for e in self.manifest.input_edges}

    @cached_property
    def specs(self) -> Mapping[str, TensorSpec]:
        """Every tensor."""
        return {edge.tensor.name: edge.tensor for edge in self.manifest.edges}

    def run(
        self, stage: StageName, values: Sequence[bytes], attempt: int
    ) -> list[tuple[tuple[int, ...], bytes]]:
        """What a stage gives for its inputs: shapes and bytes; another for every attempt."""
        what = f"{self.manifest.generation}\0{stage}\0{attempt}\0{len(values)}"
        made = hashlib.sha256(what.encode())
        for value in values:
            made.update(b"%d\0" % len(value))
            made.update(value)
        digest = made.digest()
        outputs = self.manifest.stage[stage].outputs
        return [self._output(digest, n, name) for n, name in enumerate(outputs)]

    def _output(self, digest: bytes, number: int, name: str) -> tuple[tuple[int, ...], bytes]:
        shape = self.specs[name].shape
        if shape[0] < 0:
            shape = (digest[number] % (MOST_ROWS + 1), *shape[1:])
        content = hashlib.shake_128(digest + bytes((number,))).digest(prod(shape))
        return shape, content

    def answer(self, fed: Mapping[str, bytes], attempt: int) -> dict[str, bytes]:
        """The only right answer of an attempt: content by the output's name."""
        values = dict(fed)
        for name in self.order:
            stage = self.manifest.stage[name]
            made = self.run(name, [values[tensor] for tensor in stage.inputs], attempt)
            values.update(zip(stage.outputs, (content for _, content in made), strict=True))
        return {port.name: values[port.tensor] for port in self.manifest.outputs}


def random_graph(random: Random, *, stages: int, like: Graph | None = None) -> Graph:
    """A chain of so many stages; ``like`` another one it takes the same inputs."""
    fed = dict(like.inputs) if like else _random_inputs(random)
    specs, outputs, inputs = dict(fed), {}, {}
    order = tuple(f"s{number}" for number in range(stages))
    unwanted = list(fed)
    for name in order:
        inputs[name] = _pick(random, list(specs), unwanted)
        made = [f"{name}.{port}" for port in range(random.choice((1, 1, 1, 2)))]
        outputs[name] = made
        specs.update({tensor: _random_spec(random, tensor) for tensor in made})
        unwanted += made
    left = dict.fromkeys(unwanted)
    left.update(dict.fromkeys(tensor for tensor in specs if random.random() < 0.05))
    names = list(order)
    random.shuffle(names)  # a stage's place in the manifest says nothing of when it runs
    made_stages = tuple(_stage(name, inputs[name], outputs[name], random) for name in names)
    return Graph(_manifest(made_stages, specs, tuple(fed), tuple(left)), order)


def _pick(random: Random, known: list[str], unwanted: list[str]) -> tuple[str, ...]:
    """What a stage takes; what nobody takes yet comes first, so that the graph hangs together."""
    count = min(len(known), random.choice((1, 1, 2, 2, 3)))
    first = random.sample(unwanted, min(len(unwanted), random.choice((1, 1, count))))
    rest = random.sample(known, count)
    picked = tuple(dict.fromkeys((*first, *rest)))[: max(count, 1)]
    for tensor in picked:
        if tensor in unwanted:
            unwanted.remove(tensor)
    return picked


def _random_inputs(random: Random) -> dict[str, TensorSpec]:
    count = random.choice((1, 1, 2))
    return {f"in{n}": _fixed(f"in{n}", random.choice(SIZES)) for n in range(count)}


def _random_spec(random: Random, name: str) -> TensorSpec:
    if random.random() < 0.15:
        return TensorSpec(name=name, dtype=DType.UINT8, shape=(-1, 16), bound_bytes=MOST_ROWS * 16)
    return _fixed(name, random.choice(SIZES))


def _fixed(name: str, size: int) -> TensorSpec:
    return TensorSpec(name=name, dtype=DType.UINT8, shape=(size,))


def _stage(name: str, inputs: Sequence[str], outputs: Sequence[str], random: Random) -> Stage:
    nonce = {"nonce": random.getrandbits(48)}  # two chains of one shape are two generations
    return Stage(
        name=name,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        actor="module:Hash",
        options=nonce,
    )


def _manifest(
    stages: tuple[Stage, ...],
    specs: Mapping[str, TensorSpec],
    fed: tuple[str, ...],
    left: tuple[str, ...],
) -> ChainManifest:
    source = {tensor: stage.name for stage in stages for tensor in stage.outputs}
    edges = tuple(
        Edge(
            tensor=spec,
            source=source.get(name),
            targets=tuple(stage.name for stage in stages if name in stage.inputs),
            to_client=name in left,
        )
        for name, spec in specs.items()
    )
    return ChainManifest.sealed(
        name="sim",
        inputs=tuple(Port(tensor=name, name=name) for name in fed),
        outputs=tuple(Port(tensor=name, name=f"out.{name}") for name in left),
        stages=stages,
        edges=edges,
    )


Placement = dict[NodeName, tuple[StageName, ...]]
"""Who runs what."""

Known = dict[Generation, tuple[Graph, Placement]]
"""Every generation there is, and where it runs."""


def place(random: Random, graph: Graph, nodes: Sequence[NodeName], replicas: int) -> Placement:
    """Every stage on so many nodes (or all there are), every node with something to do."""
    placed: dict[NodeName, set[StageName]] = {node: set() for node in nodes}
    for stage in graph.order:
        for node in random.sample(list(nodes), min(replicas, len(nodes))):
            placed[node].add(stage)
    for node in nodes:
        if not placed[node]:
            placed[node].add(random.choice(graph.order))
    return {
        node: tuple(stage.name for stage in graph.manifest.stages if stage.name in some)
        for node, some in placed.items()
    }
