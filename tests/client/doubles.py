"""A submitter among doubles: nodes that note what they are told, and timers that run when told."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgechain.client.results import Result
from edgechain.client.session import Session
from edgechain.client.submit import Submitter
from edgechain.errors import RequestError
from edgechain.runtime.clock import ManualClock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import ClientId, RequestKey
from edgechain.spec.message import Cancel, Chunk, Control, Failure, FailureKind, Hop, TensorSend
from tests.runtime.keys import freed, hop
from tests.spec.manifests import diamond

MANIFEST = ChainManifest.sealed(**diamond())
NODE = hop("node")
CLIENT = ClientId("0" * 32)
PHOTO = MANIFEST.tensor_index["photo"]
VALUES = {PHOTO: np.zeros((1, 4), np.uint8)}
OUTPUTS = tuple(MANIFEST.output_edges)


@dataclass(order=True)
class _Timer:
    at: float
    number: int
    callback: Callable[..., object] = field(compare=False)
    arguments: tuple[Any, ...] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class ManualTimers:
    """Timers of a clock that moves when told to."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._timers: list[_Timer] = []

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> _Timer:
        timer = _Timer(self._clock.now() + delay, next(self._numbers), callback, args)
        heapq.heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Move the clock on; what is due happens at its instant."""
        end = self._clock.now() + seconds
        while self._timers and self._timers[0].at <= end:
            timer = heapq.heappop(self._timers)
            self._clock.advance(max(0.0, timer.at - self._clock.now()))
            if not timer.cancelled:
                timer.callback(*timer.arguments)
        self._clock.advance(end - self._clock.now())

    @property
    def waiting(self) -> int:
        """Timers that are still to come."""
        return sum(not timer.cancelled for timer in self._timers)


@dataclass
class NotedNodes:
    """What nodes were told and sent, and what was taken back."""

    told: list[tuple[Hop, Control]] = field(default_factory=list)
    sends: list[tuple[Hop, TensorSend]] = field(default_factory=list)
    forgotten: list[tuple[Hop, RequestKey]] = field(default_factory=list)
    gone: set[Hop] = field(default_factory=set)
    """Nodes whose stream is down, which nobody was told yet."""

    def tell(self, to: Hop, control: Control) -> None:
        self.told.append((to, control))

    def send_tensor(self, to: Hop, send: TensorSend) -> None:
        self.sends.append((to, send))
        if to in self.gone:
            send.done(False)

    def forget(self, at: Hop, key: RequestKey) -> None:
        self.forgotten.append((at, key))

    def cancelled(self) -> list[tuple[Hop, RequestKey]]:
        return [(to, said.key) for to, said in self.told if isinstance(said, Cancel)]


class Bench:
    """A submitter, its nodes, its clock, and how each request ended."""

    def __init__(self, slots: int = 0, nodes: tuple[Hop, ...] = (NODE,)) -> None:
        self.nodes = NotedNodes()
        self.clock = ManualClock(100.0)
        self.timers = ManualTimers(self.clock)
        self.session = Session(MANIFEST, CLIENT, 1, self.nodes)
        self.asked = Submitter(self.session, clock=self.clock, timers=self.timers)
        self.ends: list[Result | RequestError] = []
        for node in nodes if slots else ():
            self.join(node, slots)

    def join(self, node: Hop, slots: int = 4, *stages: str) -> None:
        self.asked.node_up(self.session, node, stages or MANIFEST.stage)
        self.asked.on_lease(self.session, node, slots, 1)

    def leave(self, node: Hop) -> None:
        self.asked.node_lost(self.session, node, "gone")

    def open(self, budget: float = 10.0, **more: Any) -> int:
        """Open a request; its number."""
        return self.asked.open(VALUES, budget, self.ends.append, **more).sequence

    def sent(self) -> list[tuple[Hop, RequestKey]]:
        """Every attempt that was sent, by node, in order."""
        return list(dict.fromkeys((to, send.key) for to, send in self.nodes.sends))

    @property
    def last(self) -> RequestKey:
        """The attempt that was sent last."""
        return self.nodes.sends[-1][1].key

    def route(self, key: RequestKey) -> tuple[Hop, ...]:
        return next(send.route for _, send in self.nodes.sends if send.key == key)

    def answer(self, key: RequestKey | None = None) -> None:
        """Every output arrives and every slot comes back."""
        key = key or self.last
        for tensor in OUTPUTS:
            self.asked.on_chunk(chunk(key, tensor))
        self.release(key)

    def release(self, key: RequestKey) -> None:
        for node in dict.fromkeys(self.route(key)):
            self.asked.on_released(node, freed(key))

    def fail(
        self, kind: FailureKind, key: RequestKey | None = None, *, stage: str = "head"
    ) -> None:
        """The node of a stage gives an attempt up."""
        key = key or self.last
        node = self.route(key)[list(MANIFEST.stage).index(stage)]
        self.asked.on_failure(node, Failure(key, kind, stage, "as told"))
        self.asked.on_released(node, freed(key))

    @property
    def error(self) -> RequestError:
        """How the last one ended."""
        assert isinstance(self.ends[-1], RequestError)
        return self.ends[-1]


def chunk(key: RequestKey, tensor: int, data: bytes = b"\x01\x02\x03\x04") -> Chunk:
    return Chunk(key, tensor, 0, len(data), 1.0, (1, 4), (), memoryview(data))
