"""What is sent to a port that is not meant for it: bytes, HTTP/2, frames. Pure, seeded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from edgechain.spec.chain import ChainManifest
from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import Generation, RequestKey, new_client_id
from edgechain.spec.message import Beat, Cancel, Hello, Hop, Lease, Leased, Role, TensorSend
from edgechain.transport.codec import encode_chunk, encode_control, join
from tests.faults.fuzz.mutate import change_bytes, change_fields, mutations

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
HTTP2_TYPES = 12
"""One and two more than RFC 9113 knows."""

CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(180))
BEGINNINGS = (
    b"",
    PREFACE,
    PREFACE + SETTINGS,
    CLIENT_HELLO,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00" * 9,
)
WAYS = (change_bytes, change_fields)


def any_bytes(chance: random.Random) -> bytes:
    """Something that a port scanner, a browser or nobody would say."""
    start = chance.choice(BEGINNINGS)
    changed = change_bytes(start, chance) if chance.random() < 0.5 else start
    return changed + chance.randbytes(chance.choice((0, 1, 9, 100, 5000)))


def http2(chance: random.Random) -> bytes:
    """The beginning of a connection, then frames of any type for any stream."""
    frames = [PREFACE, SETTINGS]
    for _ in range(chance.randrange(1, 20)):
        body = chance.randbytes(chance.choice((0, 1, 4, 5, 8, 40)))
        size = len(body) + chance.choice((0, 0, 0, 0, 0, 0, -1, 1, 1 << 14, (1 << 24) - 50))
        kind, flags = chance.randrange(HTTP2_TYPES), chance.choice((0, 1, 4, 5, 255))
        stream = chance.choice((0, 0, 1, 3, (1 << 31) - 1, chance.getrandbits(31)))
        head = max(0, size).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
        frames.append(head + body)
    return b"".join(frames)


class Peer:
    """A member of the fleet that has lost its mind: greetings and frames of one chain."""

    def __init__(self, manifest: ChainManifest, namespace: str, challenge: bytes) -> None:
        self._manifest = manifest
        self._client = new_client_id()
        self._generation = Generation(manifest.generation)
        self.hello = Hello(
            *(Role.CLIENT, "mad", namespace, manifest.name, self._generation),
            client=self._client,
            session=1,
            want_slots=2,
            challenge=challenge,
        )

    def greeting(self, chance: random.Random) -> bytes:
        """A Hello with something wrong in it."""
        return mutations([encode_control(self.hello)], WAYS, chance)

    def frames(self, hop: Hop, chance: random.Random) -> Sequence[bytes]:
        """What it says once it was let in: real frames, most of them changed."""
        real = self._real(hop, chance)
        changed = (mutations(real, WAYS, chance) for _ in range(chance.randrange(1, 12)))
        return [one if chance.random() < 0.8 else chance.choice(real) for one in changed]

    def _real(self, hop: Hop, chance: random.Random) -> list[bytes]:
        key = RequestKey(self._generation, self._client, 1, chance.randrange(4), 1)
        controls = (Leased(2, 1), Leased(1, 2), Cancel(key), Beat(100), Lease(4, 1), self.hello)
        frames = [encode_control(control) for control in controls]
        for number in self._manifest.input_edges:
            shape = self._manifest.edges[number].tensor.shape
            payload = memoryview(bytes(self._manifest.edges[number].tensor.max_bytes))
            route = (hop,) * len(self._manifest.stages)
            send = TensorSend(key, number, shape, route, Deadline(5.0), payload, _nothing)
            for one in (send, replace(send, packed=True)):  # no input of a chain may be packed
                frames += [encode_chunk(one, at, 64, 5.0) for at in range(0, len(payload), 64)]
        return [*frames, join(frames)]


def _nothing(_whole: bool) -> None:
    """Nobody waits for it."""
