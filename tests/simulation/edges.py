"""What edgechain does not do: bounded buffers on every edge, and no slots from end to end. Pure.

A small model, and a generous one: a join takes any request whose inputs are all there, whatever
their order; the client always drains what comes out; a full buffer only makes its sender wait.
Still it locks up: replicas finish out of order, or a message is lost, and then one buffer of a
join is full of requests whose other halves wait behind a full buffer elsewhere.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

from tests.simulation.graphs import Graph

Buffer = tuple[str, str]
"""A tensor and the stage that takes it."""


@dataclass
class _Replica:
    """One worker of a stage; ``pending`` is what it made and could not put anywhere yet."""

    stage: str
    pending: list[tuple[Buffer, int]] = field(default_factory=list)
    busy: bool = False

    @property
    def free(self) -> bool:
        return not self.busy and not self.pending


@dataclass
class _Feeder:
    """The client's side of one edge: it feeds every request, in order."""

    buffer: Buffer
    requests: int
    next: int = 0


class EdgeBuffers:
    """A chain of stages with ``size`` places in every buffer, fed with requests 0, 1, 2 ..."""

    def __init__(self, graph: Graph, size: int, replicas: int, loss: float, random: Random):
        manifest = graph.manifest
        self._size = size
        self._loss = loss
        self._random = random
        self._inputs = {stage.name: stage.inputs for stage in manifest.stages}
        self._targets = {edge.tensor.name: edge.targets for edge in manifest.edges}
        self._outputs = {stage.name: stage.outputs for stage in manifest.stages}
        self._fed = tuple(manifest.edges[edge].tensor.name for edge in manifest.input_edges)
        self._buffers: dict[Buffer, list[int]] = {
            (tensor, stage): [] for stage, inputs in self._inputs.items() for tensor in inputs
        }
        self._replicas = [_Replica(stage) for stage in self._inputs for _ in range(replicas)]
        self._heap: list[tuple[float, int, _Replica, int]] = []
        self._now, self._order = 0.0, 0
        self._ran: dict[int, int] = {}
        self._hurt: set[int] = set()
        """Requests that lost a message: nobody expects an answer to those."""

    def stuck(self, requests: int) -> int:
        """How many requests are never finished though nothing of theirs was lost."""
        feeders = [
            _Feeder((tensor, stage), requests)
            for tensor in self._fed
            for stage in self._targets[tensor]
        ]
        while self._step(feeders):
            pass
        whole = len(self._inputs)
        return sum(
            self._ran.get(request, 0) < whole
            for request in range(requests)
            if request not in self._hurt
        )

    def _step(self, feeders: list[_Feeder]) -> bool:
        """Everything that can happen now, then the next end of a run; false when there is none."""
        moved = True
        while moved:
            moved = sum(map(self._feed, feeders)) > 0
            for replica in self._replicas:
                moved |= self._put(replica) or self._begin(replica)
        if not self._heap:
            return False
        self._now, _, replica, request = heapq.heappop(self._heap)
        replica.busy = False
        self._ran[request] = self._ran.get(request, 0) + 1
        replica.pending = [
            ((tensor, stage), request)
            for tensor in self._outputs[replica.stage]
            for stage in self._targets[tensor]
        ]
        return True

    def _feed(self, feeder: _Feeder) -> bool:
        """The client's next request goes in, where there is room on this edge."""
        if feeder.next == feeder.requests or self._is_full(feeder.buffer):
            return False
        self._hand_over(feeder.buffer, feeder.next)
        feeder.next += 1
        return True

    def _put(self, replica: _Replica) -> bool:
        """Hand over what there is room for; whether anything moved."""
        kept = [item for item in replica.pending if self._is_full(item[0])]
        moved = [item for item in replica.pending if item not in kept]
        for buffer, request in moved:
            self._hand_over(buffer, request)
        replica.pending = kept
        return bool(moved)

    def _is_full(self, buffer: Buffer) -> bool:
        return len(self._buffers[buffer]) >= self._size

    def _hand_over(self, buffer: Buffer, request: int) -> None:
        if self._random.random() < self._loss:
            self._hurt.add(request)
        else:
            self._buffers[buffer].append(request)

    def _begin(self, replica: _Replica) -> bool:
        """Start a run for the oldest request whose inputs are all there."""
        if not replica.free:
            return False
        buffers = [self._buffers[tensor, replica.stage] for tensor in self._inputs[replica.stage]]
        ready = set(buffers[0]).intersection(*buffers[1:])
        if not ready:
            return False
        request = min(ready)
        for buffer in buffers:
            buffer.remove(request)
        replica.busy = True
        self._order += 1
        end = self._now + self._random.uniform(0.5, 1.5)
        heapq.heappush(self._heap, (end, self._order, replica, request))
        return True
