"""What is fed to whoever unpacks chunks."""

from __future__ import annotations

from zstandard import ZstdDecompressor

from edgechain.node.exchange import Exchange
from edgechain.runtime.clock import ManualClock
from edgechain.runtime.slots import Attempt
from edgechain.spec.message import Chunk
from tests.faults.fuzz.corpus import BUDGET, ME, ROUTES, key
from tests.node.doubles import HERE, NotedActor, NotedWay
from tests.node.reassembly_machine import MANIFEST, SLOTS, Memory

MIDDLE = MANIFEST.tensor_index["middle"]
"""The tensor that crosses packed."""


class Packed:
    """The data of a packed chunk, each that of an attempt of its own, for an exchange that is real.

    What is taken is what the library finds in it by itself; what is not costs no slot.
    """

    def __init__(self) -> None:
        self._memory, self._clients = Memory(), NotedWay()
        self._actors = {name: NotedActor() for name in MANIFEST.stage}
        self._exchange = Exchange(
            MANIFEST,
            HERE,
            SLOTS,
            actors=self._actors,
            memory=self._memory,
            peers=NotedWay(),
            clients=self._clients,
            clock=ManualClock(),
        )
        self._exchange.join(ME, SLOTS)
        self._attempts = 0

    def feed(self, data: bytes) -> bool:
        self._attempts += 1
        name, size = key(self._attempts), MANIFEST.edges[MIDDLE].tensor.max_bytes
        view = memoryview(data)
        chunk = Chunk(name, MIDDLE, 0, size, BUDGET, (size,), ROUTES[2], view, packed=True)
        self._exchange.take(chunk)
        attempt = self._exchange._slots.get(name)
        if attempt is not None:
            self._judge(attempt, data, size)
            self._exchange.cancel(name)
        if self._exchange.statistics().in_use:
            raise AssertionError("a slot is left")
        self._clients.told.clear()
        self._actors.update((name, NotedActor()) for name in self._actors)
        return attempt is not None

    def _judge(self, attempt: Attempt, data: bytes, size: int) -> None:
        coming = attempt.arriving.get(MIDDLE)
        received = size if coming is None else coming.received
        held = bytes(self._memory.region(attempt.slot, MIDDLE, size)[:received])
        if held != ZstdDecompressor().decompress(data) or not held:
            raise AssertionError(f"{held!r} was found in it")

    def close(self) -> None:
        """Nothing is held."""
