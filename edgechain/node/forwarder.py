"""Where an attempt's tensors go: from chunks into its slot, and on to whoever wants them.

Plain and synchronous. Who may begin, and how an attempt ends, the exchange decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from edgechain.errors import ProtocolError
from edgechain.runtime.router import Destinations, Router
from edgechain.runtime.slots import Arrival, Attempt, Tenant, tenant_of
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import RequestKey, StageName
from edgechain.spec.message import Chunk, Hop, Route, TensorSend
from edgechain.transport.packing import unpack
from edgechain.transport.pulse import MAX_CHUNK_BYTES


class Actor(Protocol):
    """What is needed of a stage's actor."""

    def deliver(self, attempt: Attempt, tensor: int) -> None:
        """One of the stage's inputs lies in the attempt's slot."""

    def forget(self, attempt: Attempt) -> None:
        """The attempt has ended."""


class Memory(Protocol):
    """The slots' memory."""

    def region(self, slot: int, tensor: int, size: int) -> memoryview:
        """``size`` bytes of a tensor in a slot."""


class Peers(Protocol):
    """The way to other nodes."""

    def send_tensor(self, hop: Hop, send: TensorSend) -> None:
        """Send, now or as soon as that life of that node is reachable; ``done`` tells."""

    def forget(self, key: RequestKey) -> None:
        """Give up what waits to be sent for an attempt that has ended; ``done`` tells."""


class Sessions(Protocol):
    """The way to client sessions."""

    def send_tensor(self, tenant: Tenant, send: TensorSend) -> None:
        """Send a result tensor; ``done`` tells."""

    def forget(self, key: RequestKey) -> None:
        """Give up what waits to be sent for an attempt that has ended; ``done`` tells."""


class Judge(Protocol):
    """Who decides what becomes of an attempt."""

    def on_unsent(self, attempt: Attempt, stage: StageName) -> None:
        """A tensor did not get on to a stage, or perhaps not; the attempt may be over by now."""

    def settle(self, attempt: Attempt) -> None:
        """Something that used the attempt's slot is done with it."""


class Forwarder:
    """Takes chunks of attempts that have a slot, and passes on what comes in and what stages make.

    A tensor that is whole already stays as it is. ``duplicates`` counts chunks of such tensors.
    """

    def __init__(
        self,
        manifest: ChainManifest,
        router: Router,
        judge: Judge,
        *,
        actors: Mapping[StageName, Actor],
        memory: Memory,
        peers: Peers,
        clients: Sessions,
    ):
        index = manifest.tensor_index
        self._made = {s.name: tuple(index[name] for name in s.outputs) for s in manifest.stages}
        self._edges = manifest.edges
        self._specs = tuple(edge.tensor for edge in manifest.edges)
        self._packed = frozenset(map(index.__getitem__, manifest.packed))
        self._router = router
        self._judge = judge
        self._actors = actors
        self._memory = memory
        self._peers = peers
        self._clients = clients
        self.duplicates = 0

    # In --------------------------------------------------------------------------------------

    def place(self, attempt: Attempt, chunk: Chunk) -> str | None:
        """Put a chunk where it belongs; why not, if it belongs nowhere."""
        if chunk.tensor in attempt.shapes:
            self.duplicates += 1
            return None
        if chunk.offset == 0:
            problem = self._expect(attempt, chunk)
            if problem:
                return problem
        arrival = attempt.arriving.get(chunk.tensor)
        if arrival is None or arrival.received != chunk.offset:
            return "a chunk is out of order"
        data: memoryview | bytes = chunk.data
        if chunk.packed:
            try:
                data = self._unpacked(chunk, arrival.total)
            except ProtocolError as error:
                return str(error)
        end = chunk.offset + len(data)
        if end > arrival.total or (not len(data) and arrival.total):
            return "a chunk does not fit its tensor"
        region = self._memory.region(attempt.slot, chunk.tensor, arrival.total)
        region[chunk.offset : end] = data
        arrival.received = end
        if end == arrival.total:
            del attempt.arriving[chunk.tensor]
            self._arrived(attempt, chunk.tensor, arrival.shape)
        return None

    def _unpacked(self, chunk: Chunk, total: int) -> bytes:
        """What a packed chunk holds: no more than its tensor has left, nor than a chunk may have.

        Raises ``ProtocolError``, also where our own manifest knows nothing of packing.
        """
        if chunk.tensor not in self._packed:
            name = self._specs[chunk.tensor].name
            raise ProtocolError(f"tensor {name!r} comes packed, which the manifest does not say")
        return unpack(chunk.data, min(MAX_CHUNK_BYTES, total - chunk.offset))

    def _expect(self, attempt: Attempt, chunk: Chunk) -> str | None:
        """Get ready for a tensor, its size judged by our own manifest."""
        if chunk.tensor >= len(self._specs):
            return "the chain has no such tensor"
        if not self._router.comes_here(attempt.route, chunk.tensor):
            return "nobody here waits for this tensor"
        spec = self._specs[chunk.tensor]
        problem = spec.misfit_bytes(chunk.shape, chunk.total)
        if problem:
            return f"tensor {spec.name!r} {problem}"
        attempt.arriving[chunk.tensor] = Arrival(chunk.shape, chunk.total)
        return None

    def _arrived(self, attempt: Attempt, tensor: int, shape: tuple[int, ...]) -> Destinations:
        """A whole tensor lies in the slot: the stages here get it. Everybody who wants it."""
        attempt.shapes[tensor] = shape
        destinations = self._router.destinations(attempt.route, tensor)
        for stage in destinations.local:
            self._actors[stage].deliver(attempt, tensor)
        return destinations

    # Out -------------------------------------------------------------------------------------

    def pass_on(
        self, attempt: Attempt, stage: StageName, shapes: Iterable[tuple[int, ...]]
    ) -> None:
        """What a stage made lies in the slot: everybody who wants it gets it."""
        for tensor, shape in zip(self._made[stage], shapes, strict=True):
            if attempt.ended:  # a peer that is gone answers at once, and the slot is given back
                return
            self._send(attempt, tensor, shape, self._arrived(attempt, tensor, shape))

    def _send(
        self, attempt: Attempt, tensor: int, shape: tuple[int, ...], destinations: Destinations
    ) -> None:
        packed = tensor in self._packed
        for hop, stage in destinations.remote:
            if attempt.ended:
                return
            outgoing = self._outgoing(attempt, tensor, shape, stage, attempt.route, packed=packed)
            self._peers.send_tensor(hop, outgoing)
        if destinations.to_client and not attempt.ended:
            source = self._edges[tensor].source or ""
            outgoing = self._outgoing(attempt, tensor, shape, source)
            self._clients.send_tensor(tenant_of(attempt.key), outgoing)

    def _outgoing(
        self,
        attempt: Attempt,
        tensor: int,
        shape: tuple[int, ...],
        stage: StageName,
        route: Route = (),
        *,
        packed: bool = False,
    ) -> TensorSend:
        """A tensor to send; who pinned the route need not be told it."""
        attempt.sending += 1
        size = self._specs[tensor].nbytes(shape)
        return TensorSend(
            key=attempt.key,
            tensor=tensor,
            shape=shape,
            route=route,
            deadline=attempt.deadline,
            payload=self._memory.region(attempt.slot, tensor, size),
            done=partial(self._sent, attempt, stage),
            lost=partial(self._judge.on_unsent, attempt, stage),
            packed=packed,
        )

    def _sent(self, attempt: Attempt, stage: StageName, whole: bool) -> None:
        attempt.sending -= 1
        if not whole:
            self._judge.on_unsent(attempt, stage)
        self._judge.settle(attempt)

    # Ends ------------------------------------------------------------------------------------

    def forget(self, attempt: Attempt) -> None:
        """It has ended: give up whatever of it waits, to run or to be sent."""
        for actor in self._actors.values():
            actor.forget(attempt)
        self._peers.forget(attempt.key)
        self._clients.forget(attempt.key)
