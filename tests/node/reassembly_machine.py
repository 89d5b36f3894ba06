"""A node's exchange beside a model of it: chunks of every kind, in any order.

The model knows what was sent and says of each chunk what must become of it. What a stage finds
in its slot is what was sent, to the byte, or the stage is told nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from math import prod
from typing import ClassVar, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgechain.node.exchange import Exchange
from edgechain.node.forwarder import Forwarder
from edgechain.runtime.clock import ManualClock
from edgechain.runtime.slots import Arrival, Attempt, Tenant, tenant_of
from edgechain.spec.chain import ChainManifest, Edge, Port
from edgechain.spec.ids import Generation, RequestKey
from edgechain.spec.message import Chunk, Failure, FailureKind, Lease, Released, Route
from edgechain.spec.tensor import DType, TensorSpec
from edgechain.transport.packing import pack, unpack
from tests.node.doubles import HERE, THERE, NotedActor, NotedWay
from tests.runtime.keys import client, hop
from tests.spec.manifests import stage

SLOTS = 4
BUDGET = 10.0
TENANTS: tuple[Tenant, ...] = ((client(0), 1), (client(1), 1))
LEASE = SLOTS // len(TENANTS)

Shape = tuple[int, ...]


def _edge(
    name: str,
    dtype: DType,
    shape: Shape,
    *targets: str,
    source: str | None = None,
    bound: int | None = None,
    codec: Literal["zstd"] | None = None,
) -> Edge:
    spec = TensorSpec(name=name, dtype=dtype, shape=shape, bound_bytes=bound)
    return Edge(tensor=spec, source=source, targets=targets, to_client=not targets, codec=codec)


MANIFEST = ChainManifest.sealed(
    name="sizes",
    inputs=tuple(Port(tensor=name, name=name) for name in ("photo", "mask", "flag", "none")),
    outputs=(Port(tensor="out", name="out"),),
    stages=(
        stage("head", ("photo", "flag"), ("middle",)),
        stage("tail", ("middle", "mask", "none", "photo"), ("out",)),
    ),
    edges=(
        _edge("photo", DType.FLOAT32, (2, 3), "head", "tail"),
        _edge("mask", DType.UINT16, (-1, 2), "tail", bound=24),
        _edge("flag", DType.BOOL, (), "head"),
        _edge("none", DType.INT8, (0, 3), "tail"),
        _edge("middle", DType.INT8, (24,), "tail", source="head", codec="zstd"),
        _edge("out", DType.INT8, (1,), source="tail"),
    ),
)
"""A shape of every kind: fixed, open, no dimension, nothing in it; a fork, a join, one packed."""

ROUTES: tuple[Route, ...] = ((HERE, HERE), (HERE, THERE), (THERE, HERE))
ODD_ROUTES: tuple[Route, ...] = ((), (HERE,), (HERE,) * 3, (hop("here", 2), hop("here", 2)))
HUGE = 1 << 63
HUGE_FRAME = bytes.fromhex("28b52ffde0") + (1 << 62).to_bytes(8, "little") + b"\x0b\0\0\7"
"""A good frame but for the bytes that it says it holds (RFC 8878, 3.1.1.1)."""


class Memory:
    """A slot's tensors, each in memory of exactly the size the manifest allows."""

    def __init__(self) -> None:
        self._regions = {
            (slot, number): bytearray(edge.tensor.max_bytes)
            for slot in range(SLOTS)
            for number, edge in enumerate(MANIFEST.edges)
        }

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        assert 0 <= size <= MANIFEST.edges[tensor].tensor.max_bytes, "more than the manifest says"
        return memoryview(self._regions[slot, tensor])[:size]


@dataclass
class Coming:
    """A tensor of which a part has come."""

    shape: Shape
    total: int
    data: bytearray = field(default_factory=bytearray)


@dataclass
class Asked:
    """What the model knows of an attempt that has a slot."""

    route: Route
    deadline: float
    coming: dict[int, Coming] = field(default_factory=dict)
    whole: dict[int, bytes] = field(default_factory=dict)
    ended: bool = False
    busy: bool = False
    """Whether a worker is at it, so that its slot is not free when it ends."""


class Reassembly(RuleBasedStateMachine):
    """Good chunks, chunks that came before, and chunks with something wrong in them."""

    kind: ClassVar[type[Exchange]] = Exchange
    forwarder_kind: ClassVar[type[Forwarder]] = Forwarder

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(100.0)
        self.actors = {name: NotedActor() for name in MANIFEST.stage}
        self.memory, self.peers, self.clients = Memory(), NotedWay(), NotedWay()
        self.exchange = self.kind(
            MANIFEST,
            HERE,
            SLOTS,
            actors=self.actors,
            memory=self.memory,
            peers=self.peers,
            clients=self.clients,
            clock=self.clock,
        )
        self.exchange._forwarder.__class__ = self.forwarder_kind
        self.asked: dict[RequestKey, Asked] = {}
        self.over: list[RequestKey] = []
        self.delivered: Counter[tuple[RequestKey, str, int]] = Counter()
        self.failed: list[tuple[RequestKey, FailureKind]] = []
        self.freed: list[RequestKey] = []
        self.frames: dict[bytes, bytes] = {}
        self.born = 0

    @initialize()
    def two_clients(self) -> None:
        for tenant in TENANTS:
            assert self.exchange.join(tenant, SLOTS)
        said = [said.number for _, said in self.clients.told if isinstance(said, Lease)]
        for tenant, number in zip(TENANTS, (said[-1], 1), strict=True):
            self.exchange.confirm(tenant, number)
        self.clients.told.clear()

    # What is sent --------------------------------------------------------------------------

    @rule(
        data=st.data(),
        of=st.integers(0, len(TENANTS) - 1),
        route=st.sampled_from(ROUTES),
        rows=st.integers(0, 6),
        size=st.integers(1, 24),
        packs=st.booleans(),
    )
    def begin_an_attempt(
        self, data: st.DataObject, of: int, route: Route, rows: int, size: int, packs: bool
    ) -> None:
        self.born += 1
        key = RequestKey(Generation(MANIFEST.generation), client(of), 1, self.born, 1)
        tensor = data.draw(st.sampled_from(coming_here(route)))
        self.take(self.as_sent(first_chunk(key, tensor, route, rows, size), packs))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), rows=st.integers(0, 6), size=st.integers(1, 24), packs=st.booleans())
    def begin_a_tensor(self, data: st.DataObject, rows: int, size: int, packs: bool) -> None:
        """One that is awaited: for the first time, again from its start, or again as a whole."""
        key = data.draw(st.sampled_from(sorted(self.asked, key=str)))
        route = self.asked[key].route
        tensor = data.draw(st.sampled_from(coming_here(route)))
        self.take(self.as_sent(first_chunk(key, tensor, route, rows, size), packs))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), tensor=st.integers(0, len(MANIFEST.edges) - 1))
    def begin_any_tensor(self, data: st.DataObject, tensor: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.asked, key=str)))
        self.take(first_chunk(key, tensor, self.asked[key].route, 1, 24))

    @precondition(lambda self: any(asked.coming for asked in self.asked.values()))
    @rule(data=st.data(), size=st.integers(1, 24), packs=st.booleans())
    def go_on(self, data: st.DataObject, size: int, packs: bool) -> None:
        self.take(self.as_sent(self.next_chunk(data, size), packs))

    @precondition(lambda self: any(asked.coming for asked in self.asked.values()))
    @rule(data=st.data(), size=st.integers(0, 24), odd=st.integers(-4, 24))
    def go_on_wrongly(self, data: st.DataObject, size: int, odd: int) -> None:
        """Out of order, too long, empty, or of a tensor that is not coming."""
        chunk = self.next_chunk(data, size)
        change = data.draw(st.sampled_from(["skip", "offset", "data", "tensor"]))
        if change == "skip":
            self.take(replace(chunk, offset=chunk.offset + 1, data=chunk.data[1:]))
        elif change == "offset":
            self.take(replace(chunk, offset=max(0, chunk.offset + odd)))
        elif change == "data":
            self.take(replace(chunk, data=memoryview(bytes(max(0, size + odd)))))
        else:
            self.take(replace(chunk, tensor=max(0, odd)))

    @rule(
        data=st.data(),
        odd=st.sampled_from(
            [
                {"total": 0},
                {"total": HUGE},
                {"total": 25},
                {"shape": ()},
                {"shape": (2, 4)},
                {"shape": (HUGE, 2)},
                {"shape": (1 << 16, 1 << 16)},
                {"tensor": len(MANIFEST.edges)},
                {"tensor": (1 << 32) - 1},
                {"offset": 1},
                {"offset": HUGE},
                {"data": memoryview(bytes(30))},
                {"data": memoryview(b"")},
                *({"route": route} for route in ODD_ROUTES),
            ]
        ),
    )
    def begin_wrongly(self, data: st.DataObject, odd: dict[str, object]) -> None:
        """The first chunk of an attempt, or of a tensor, with something wrong in it."""
        self.born += 1
        new = RequestKey(Generation(MANIFEST.generation), client(0), 1, self.born, 1)
        key = data.draw(st.sampled_from([new, *sorted(self.asked, key=str)]))
        route = self.asked[key].route if key in self.asked else ROUTES[0]
        tensor = data.draw(st.integers(0, 4))
        self.take(replace(first_chunk(key, tensor, route, 1, 24), **odd))  # type: ignore[arg-type]

    @rule(
        data=st.data(),
        size=st.integers(1, 24),
        route=st.sampled_from(ROUTES),
        how=st.sampled_from(["elsewhere", "cut off", "more", "garbage", "too large", "huge"]),
    )
    def pack_wrongly(self, data: st.DataObject, size: int, route: Route, how: str) -> None:
        """Packed where the manifest knows nothing of it, or what cannot be unpacked."""
        goes_on: bool = data.draw(st.booleans())
        if goes_on and any(asked.coming for asked in self.asked.values()):
            plain = self.next_chunk(data, size)
        else:
            self.born += 1
            key = RequestKey(Generation(MANIFEST.generation), client(0), 1, self.born, 1)
            plain = first_chunk(key, data.draw(st.sampled_from(coming_here(route))), route, 1, size)
        if how == "elsewhere":
            if not is_packed(plain.tensor):
                self.take(self.packed(plain))
            return
        frame = pack(plain.data)
        left = plain.total - plain.offset
        spoiled = {
            "cut off": frame[:-1],
            "more": frame + b"\0",
            "garbage": bytes(plain.data),
            "too large": pack(memoryview(bytes(left + 1))),
            "huge": HUGE_FRAME,
        }
        self.take(replace(plain, data=memoryview(spoiled[how]), packed=True))

    @rule(odd=st.sampled_from(["", "", "generation", "client", "session"]))
    def somebody_else(self, odd: str) -> None:
        """Another generation, or a session that has no lease."""
        if not odd:
            return
        self.born += 1
        key = RequestKey(Generation(MANIFEST.generation), client(0), 1, self.born, 1)
        other = {"generation": "f" * 64, "client": client(7), "session": 2}
        self.take(first_chunk(key._replace(**{odd: other[odd]}), 0, ROUTES[0], 1, 24))  # type: ignore[arg-type]

    @precondition(lambda self: self.over)
    @rule(data=st.data(), tensor=st.integers(0, 5), size=st.integers(0, 24))
    def a_late_one(self, data: st.DataObject, tensor: int, size: int) -> None:
        key = data.draw(st.sampled_from(self.over))
        self.take(first_chunk(key, tensor, data.draw(st.sampled_from(ROUTES)), 1, size))

    def next_chunk(self, data: st.DataObject, size: int) -> Chunk:
        places = [(k, t) for k, asked in self.asked.items() for t in asked.coming]
        key, tensor = data.draw(st.sampled_from(sorted(places, key=str)))
        coming = self.asked[key].coming[tensor]
        at = len(coming.data)
        rest = content(key, tensor, coming.total)[at : at + size]
        return Chunk(key, tensor, at, coming.total, BUDGET, (), (), memoryview(rest))

    def as_sent(self, chunk: Chunk, packs: bool) -> Chunk:
        """Packed or as it is, where a sender may choose."""
        return self.packed(chunk) if packs and is_packed(chunk.tensor) else chunk

    def packed(self, chunk: Chunk) -> Chunk:
        """The same chunk packed; the model knows from then on what its frame holds."""
        frame = pack(chunk.data)
        self.frames[frame] = bytes(chunk.data)
        return replace(chunk, data=memoryview(frame), packed=True)

    # What happens beside -------------------------------------------------------------------

    @precondition(lambda self: any(asked.whole for asked in self.asked.values()))
    @rule(data=st.data())
    def a_worker_begins(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.asked, key=str)))
        for name in self.attempt(key).to_run & set(MANIFEST.stage):
            if not self.asked[key].ended and not self.asked[key].busy:
                self.attempt(key).running.add(name)
                self.attempt(key).to_run.discard(name)
                self.asked[key].busy = True

    @precondition(lambda self: any(asked.busy for asked in self.asked.values()))
    @rule(data=st.data())
    def a_worker_fails(self, data: st.DataObject) -> None:
        busy = [key for key, asked in self.asked.items() if asked.busy]
        key = data.draw(st.sampled_from(sorted(busy, key=str)))
        self.asked[key].busy = False
        attempt = self.attempt(key)
        name = attempt.running.pop()
        self.end(key, FailureKind.STAGE_ERROR)
        self.exchange.report(attempt, name, "broken")

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.asked, key=str)))
        self.end(key, None)
        self.exchange.cancel(key)

    @rule(seconds=st.floats(0.1, BUDGET / 2))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for key, asked in list(self.asked.items()):
            if asked.deadline <= self.clock.now():
                self.end(key, FailureKind.DEADLINE_EXCEEDED)
        self.exchange.expire()

    def attempt(self, key: RequestKey) -> Attempt:
        found = self.exchange._slots.get(key)
        assert found is not None, "an attempt with a slot is known"
        return found

    # The model -----------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> None:
        self.expect(chunk)
        self.exchange.take(chunk)

    def expect(self, chunk: Chunk) -> None:
        """Note what must become of a chunk."""
        if chunk.key in self.over:
            return
        if chunk.key not in self.asked:
            refusal = self.refusal(chunk)
            if refusal is not None:
                self.over.append(chunk.key)
                self.failed.append((chunk.key, refusal))
                self.freed.append(chunk.key)
                return
            deadline = self.clock.now() + chunk.budget
            self.asked[chunk.key] = Asked(chunk.route, deadline)
        asked = self.asked[chunk.key]
        if not asked.ended and chunk.tensor not in asked.whole and not self.fits(asked, chunk):
            self.end(chunk.key, FailureKind.INVALID_INPUT)

    def refusal(self, chunk: Chunk) -> FailureKind | None:
        if chunk.key.generation != MANIFEST.generation:
            return FailureKind.GENERATION_CHANGED
        if len(chunk.route) != len(MANIFEST.stages) or chunk.offset:
            return FailureKind.INVALID_INPUT
        if HERE not in chunk.route:
            return FailureKind.UNAVAILABLE
        tenant = tenant_of(chunk.key)
        held = sum(tenant_of(key) == tenant for key in self.asked)
        if tenant not in TENANTS or held >= LEASE:
            return FailureKind.OVERLOADED
        return None

    def fits(self, asked: Asked, chunk: Chunk) -> bool:
        """Whether a chunk is the next piece of a tensor that is wanted here; note it if so."""
        if chunk.offset == 0:
            if not wanted(asked.route, chunk):
                return False
            asked.coming[chunk.tensor] = Coming(chunk.shape, chunk.total)
        coming = asked.coming.get(chunk.tensor)
        data = self.held(chunk)
        if coming is None or len(coming.data) != chunk.offset or data is None:
            return False
        if chunk.offset + len(data) > coming.total or (coming.total and not data):
            return False
        coming.data += data
        if len(coming.data) == coming.total:
            self.is_whole(chunk.key, asked, chunk.tensor)
        return True

    def held(self, chunk: Chunk) -> bytes | None:
        """What a chunk holds, if anything."""
        if not chunk.packed:
            return bytes(chunk.data)
        return self.frames.get(bytes(chunk.data)) if is_packed(chunk.tensor) else None

    def is_whole(self, key: RequestKey, asked: Asked, tensor: int) -> None:
        asked.whole[tensor] = bytes(asked.coming.pop(tensor).data)
        for name in targets_here(asked.route, tensor):
            self.delivered[key, name, tensor] += 1

    def end(self, key: RequestKey, kind: FailureKind | None) -> None:
        asked = self.asked[key]
        if not asked.ended and kind is not None:
            self.failed.append((key, kind))
        asked.ended = True
        if not asked.busy:
            del self.asked[key]
            self.over.append(key)
            self.freed.append(key)

    # What always holds ---------------------------------------------------------------------

    @invariant()
    def the_node_does_what_the_model_says(self) -> None:
        told = [said for _, said in self.clients.told]
        failures = [(said.key, said.kind) for said in told if isinstance(said, Failure)]
        freed = [key for said in told if isinstance(said, Released) for key in said.keys]
        assert Counter(failures) == Counter(self.failed)
        assert Counter(freed) == Counter(self.freed)
        assert len(set(freed)) == len(freed), "a slot comes back once"
        assert self.exchange.statistics().in_use == len(self.asked) <= SLOTS

    @invariant()
    def stages_are_told_of_what_was_sent(self) -> None:
        found = Counter(
            (attempt.key, name, tensor)
            for name, actor in self.actors.items()
            for attempt, tensor in actor.delivered
        )
        assert found == self.delivered
        for key, asked in self.asked.items():
            for tensor, data in asked.whole.items():
                slot = self.attempt(key).slot
                assert bytes(self.memory.region(slot, tensor, len(data))) == data


def content(key: RequestKey, tensor: int, size: int) -> bytes:
    """What an attempt's tensor holds: unlike every other's."""
    start = 31 * key.sequence + 7 * tensor
    return bytes((start + index) % 251 for index in range(min(size, 64)))


def first_chunk(key: RequestKey, tensor: int, route: Route, rows: int, size: int) -> Chunk:
    """How a tensor begins; ``rows`` where its shape is open."""
    spec = MANIFEST.edges[tensor].tensor
    shape = tuple(rows if side < 0 else side for side in spec.shape)
    total = prod(shape) * spec.dtype.itemsize
    data = memoryview(content(key, tensor, total)[:size])
    return Chunk(key, tensor, 0, total, BUDGET, shape, route, data)


def is_packed(tensor: int) -> bool:
    """Whether a tensor may come packed."""
    return MANIFEST.edges[tensor].codec is not None


def coming_here(route: Route) -> list[int]:
    """The tensors that a route brings here."""
    every = range(len(MANIFEST.edges))
    return [n for n in every if not made_here(route, n) and targets_here(route, n)]


def made_here(route: Route, tensor: int) -> bool:
    """Whether a route has the tensor made here."""
    places = dict(zip(MANIFEST.stage, route, strict=True))
    source = MANIFEST.edges[tensor].source
    return source is not None and places[source] == HERE


def targets_here(route: Route, tensor: int) -> list[str]:
    """The stages of a route that are here and want a tensor."""
    places = dict(zip(MANIFEST.stage, route, strict=True))
    return [name for name in MANIFEST.edges[tensor].targets if places[name] == HERE]


def wanted(route: Route, chunk: Chunk) -> bool:
    """Whether a first chunk begins a tensor that is made elsewhere and wanted here."""
    if chunk.tensor >= len(MANIFEST.edges):
        return False
    spec = MANIFEST.edges[chunk.tensor].tensor
    fits = len(chunk.shape) == len(spec.shape) and all(
        want in (-1, have) for have, want in zip(chunk.shape, spec.shape, strict=True)
    )
    size = prod(chunk.shape) * spec.dtype.itemsize
    is_right = fits and size == chunk.total and size <= spec.max_bytes
    return is_right and chunk.tensor in coming_here(route)


class _Trusting(Forwarder):
    """Believes the header."""

    def _expect(self, attempt: Attempt, chunk: Chunk) -> str | None:
        if chunk.tensor >= len(MANIFEST.edges):
            return super()._expect(attempt, chunk)
        attempt.arriving[chunk.tensor] = Arrival(chunk.shape, chunk.total)
        return None


class _Unordered(Forwarder):
    def place(self, attempt: Attempt, chunk: Chunk) -> str | None:
        arrival = attempt.arriving.get(chunk.tensor)
        if arrival is not None and chunk.offset:
            arrival.received = chunk.offset
        return super().place(attempt, chunk)


class _Repeating(Forwarder):
    def place(self, attempt: Attempt, chunk: Chunk) -> str | None:
        attempt.shapes.pop(chunk.tensor, None)
        return super().place(attempt, chunk)


class _Gullible(Forwarder):
    """Unpacks whatever comes packed."""

    def _unpacked(self, chunk: Chunk, total: int) -> bytes:
        return unpack(chunk.data, total - chunk.offset)


class _Undying(Exchange):
    def _admit(self, chunk: Chunk) -> Attempt | None:
        self._slots._tombstones._sessions.clear()
        return super()._admit(chunk)


class TrustingReassembly(Reassembly):
    forwarder_kind = _Trusting


class UnorderedReassembly(Reassembly):
    forwarder_kind = _Unordered


class RepeatingReassembly(Reassembly):
    forwarder_kind = _Repeating


class GullibleReassembly(Reassembly):
    forwarder_kind = _Gullible


class UndyingReassembly(Reassembly):
    kind = _Undying


BROKEN: dict[str, type[Reassembly]] = {
    "a node that believes a header's size": TrustingReassembly,
    "a node that takes chunks in any order": UnorderedReassembly,
    "a node that takes a tensor twice": RepeatingReassembly,
    "a node that unpacks what no manifest says is packed": GullibleReassembly,
    "a node that works on what is over": UndyingReassembly,
}
