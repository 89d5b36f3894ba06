"""An exchange among doubles that note what they are told, and a client's side of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgechain.node.exchange import Exchange
from edgechain.runtime.clock import ManualClock
from edgechain.runtime.layout import lay_out
from edgechain.runtime.slots import Attempt, Tenant
from edgechain.runtime.worker_wire import Outcome, Ran, Resting
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation, RequestKey, StageName
from edgechain.spec.message import (
    Chunk,
    Control,
    Failure,
    Hop,
    Lease,
    Released,
    Route,
    TensorSend,
)
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import client, hop
from tests.spec.manifests import diamond

MANIFEST = ChainManifest.sealed(**diamond())
TENSOR = MANIFEST.tensor_index
HERE, THERE = hop("here"), hop("there")
SLOTS = 4
BUDGET = 10.0
MINE: Tenant = (client(0), 1)
BYTES = b"\x01\x02\x03\x04"


@dataclass
class NotedActor:
    """What a stage's actor was told."""

    delivered: list[tuple[Attempt, int]] = field(default_factory=list)
    forgotten: list[Attempt] = field(default_factory=list)

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        self.delivered.append((attempt, tensor))

    def forget(self, attempt: Attempt) -> None:
        self.forgotten.append(attempt)


class SlotMemory:
    """Memory of one process."""

    def __init__(self) -> None:
        self.layout = lay_out(MANIFEST, frozenset(MANIFEST.stage))
        self.view = memoryview(bytearray(self.layout.slot_bytes * SLOTS))

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        start = self.layout.start(slot, tensor)
        return self.view[start : start + size]


@dataclass
class NotedWay:
    """The way to nodes and to clients: keeps what is sent until the test says it went out."""

    sends: list[tuple[Hop | Tenant, TensorSend]] = field(default_factory=list)
    told: list[tuple[Tenant, Control]] = field(default_factory=list)
    gives_up: bool = False
    """Whether what is sent still waits for a link, and is given up with its attempt."""

    def send_tensor(self, to: Hop | Tenant, send: TensorSend) -> None:
        self.sends.append((to, send))

    def forget(self, key: RequestKey) -> None:
        over = [send for _, send in self.sends if send.key == key and self.gives_up]
        self.sends = [(to, send) for to, send in self.sends if send not in over]
        for send in over:
            send.done(False)

    def tell(self, tenant: Tenant, control: Control) -> None:
        self.told.append((tenant, control))


class Inflow:
    """What another node sends, as a node takes it."""

    def __init__(self, exchange: Exchange):
        self._exchange = exchange

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        self._exchange.take(chunk)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        """Another node has nothing else to say that counts."""


class Bench:
    """One exchange and everything around it."""

    def __init__(
        self,
        slots: int = SLOTS,
        peers: NotedWay | None = None,
        manifest: ChainManifest = MANIFEST,
    ) -> None:
        self.clock = ManualClock(100.0)
        self.actors = {name: NotedActor() for name in MANIFEST.stage}
        self.memory, self.peers, self.clients = SlotMemory(), peers or NotedWay(), NotedWay()
        self.exchange = Exchange(
            manifest,
            HERE,
            slots,
            actors=self.actors,
            memory=self.memory,
            peers=self.peers,
            clients=self.clients,
            clock=self.clock,
        )
        self.exchange.join(MINE, slots)
        self.clients.told.clear()

    def take(self, key: RequestKey, tensor: str, route: Route, **more: object) -> None:
        self.exchange.take(chunk(key, tensor, route, **more))

    def delivered(self, stage: StageName) -> list[int]:
        return [tensor for _, tensor in self.actors[stage].delivered]

    def attempt(self, stage: StageName) -> Attempt:
        return self.actors[stage].delivered[-1][0]

    def begin(self, stage: StageName) -> Attempt:
        """The stage's worker takes the attempt, as an actor does."""
        attempt = self.attempt(stage)
        attempt.to_run.discard(stage)
        attempt.running.add(stage)
        return attempt

    def finish(self, stage: StageName, outcome: Outcome | Resting | None = None) -> None:
        """The worker is done: with outputs in the slot, or with a reason."""
        attempt = self.attempt(stage)
        attempt.running.discard(stage)
        shapes = tuple((1, 4) for _ in MANIFEST.stage[stage].outputs)
        self.exchange.report(attempt, stage, outcome or Ran(1, shapes))

    def run(self, stage: StageName, outcome: Outcome | Resting | None = None) -> None:
        self.begin(stage)
        self.finish(stage, outcome)

    def failures(self) -> list[Failure]:
        return [said for _, said in self.clients.told if isinstance(said, Failure)]

    def released(self) -> list[RequestKey]:
        said = [said for _, said in self.clients.told if isinstance(said, Released)]
        return [key for one in said for key in one.keys]

    def leases(self) -> list[tuple[Tenant, int]]:
        return [(who, s.slots) for who, s in self.clients.told if isinstance(s, Lease)]

    @property
    def in_use(self) -> int:
        return self.exchange.statistics().in_use


def request(sequence: int = 0, *, session: int = 1, of: int = 0) -> RequestKey:
    return RequestKey(Generation(MANIFEST.generation), client(of), session, sequence, 1)


def chunk(key: RequestKey, tensor: str | int, route: Route, **more: object) -> Chunk:
    """A whole tensor in one chunk, unless said otherwise."""
    data = more.pop("data", BYTES)
    assert isinstance(data, bytes)
    fields: dict[str, object] = {
        "offset": 0,
        "total": len(BYTES),
        "budget": BUDGET,
        "shape": (1, 4),
    }
    number = tensor if isinstance(tensor, int) else TENSOR[tensor]
    return Chunk(key, number, route=route, data=memoryview(data), **(fields | more))  # type: ignore[arg-type]
