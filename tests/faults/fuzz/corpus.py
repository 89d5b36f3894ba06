"""Real inputs, made when they are wanted: what peers, workers and people really say."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path

from edgechain.discovery.peers import PeerHint
from edgechain.runtime.worker_wire import pack_failure, pack_ran
from edgechain.security.identity import Identity, load_identity, write_throwaway
from edgechain.spec.deadline import Deadline
from edgechain.spec.document import render
from edgechain.spec.ids import Generation, RequestKey
from edgechain.spec.message import (
    Beat,
    Bye,
    Cancel,
    Control,
    Failure,
    FailureKind,
    Hello,
    Lease,
    Leased,
    RefusalKind,
    Refused,
    Released,
    Role,
    Route,
    Superseded,
    TensorSend,
    Welcome,
)
from edgechain.transport._pb import wire_pb2 as pb
from edgechain.transport.codec import encode_chunk, encode_control, join
from edgechain.transport.packing import pack
from tests.node.doubles import HERE, THERE
from tests.node.reassembly_machine import HUGE_FRAME, MANIFEST
from tests.runtime.keys import client

GENERATION = Generation(MANIFEST.generation)
ME = (client(0), 1)
NAMESPACE, CHAIN = "fuzz", MANIFEST.name
BUDGET = 5.0
CHALLENGE = bytes(range(32))
ROUTES: tuple[Route, ...] = ((HERE, HERE), (HERE, THERE), (THERE, HERE))
ROWS = 3


def key(sequence: int) -> RequestKey:
    """An attempt of the one client session that there is."""
    return RequestKey(GENERATION, ME[0], ME[1], sequence, 1)


def hello(role: Role = Role.CLIENT) -> Hello:
    """How a peer that belongs here greets."""
    me = ME if role is Role.CLIENT else (None, 0)
    return Hello(role, "peer", NAMESPACE, CHAIN, GENERATION, me[0], me[1], want_slots=4)


@cache
def members() -> tuple[Identity, Identity]:
    """A node and a client of a fleet that nobody can join."""
    with tempfile.TemporaryDirectory(prefix="edgechain-fuzz-") as folder:
        path = Path(folder)
        write_throwaway(path, "fuzz", (HERE.node,), "client")
        return load_identity(path / HERE.node), load_identity(path / "client")


def asked() -> Hello:
    """What a client of the fleet says, and wants a proof of."""
    _, client = members()
    return replace(hello(), challenge=CHALLENGE, caller=client.party.fingerprint)


def welcome() -> Welcome:
    """How it is answered."""
    node, _ = members()
    plain = Welcome(HERE, NAMESPACE, CHAIN, GENERATION, tuple(MANIFEST.stage))
    return node.sign_welcome(plain, asked())


CONTROLS: tuple[Control, ...] = (
    hello(),
    hello(Role.NODE),
    Refused(RefusalKind.BUSY, "as many clients as slots"),
    Lease(4, 1),
    Leased(4, 1),
    Released((key(0), key(1)), (0.0, 1.5)),
    Cancel(key(0)),
    *(Failure(key(1), kind, "head", "why") for kind in FailureKind),
    Superseded(GENERATION),
    Beat(1 << 20),
    Bye("enough"),
)


def tensor(sequence: int, number: int, route: Route) -> TensorSend:
    """A whole tensor of an attempt; rows where its shape is open."""
    spec = MANIFEST.edges[number].tensor
    shape = tuple(ROWS if side < 0 else side for side in spec.shape)
    size = prod(shape) * spec.dtype.itemsize
    packed = MANIFEST.edges[number].codec is not None
    payload = memoryview(bytes(size) if packed else bytes(range(size)))
    deadline = Deadline(BUDGET)
    send = TensorSend(key(sequence), number, shape, route, deadline, payload, lambda _whole: None)
    return replace(send, packed=packed)


def chunks(send: TensorSend, size: int) -> list[bytes]:
    """A tensor as frames."""
    places = range(0, max(1, len(send.payload)), size)
    return [encode_chunk(send, at, size, BUDGET) for at in places]


@cache
def packed() -> tuple[bytes, ...]:
    """What a packed chunk may hold; torn ones, bombs and garbage, which nobody sends."""
    good = [pack(memoryview(data)) for data in (bytes(24), bytes(range(24)), bytes(9), b"x")]
    torn = [good[0][:-1], good[0][:5], good[0] + b"\0", good[0] + good[1], b"", b"no frame at all"]
    bombs = [pack(memoryview(bytes(size))) for size in (0, 25, 64 << 20)]
    return (*good, *torn, *bombs, HUGE_FRAME)


def lies() -> list[bytes]:
    """Packed chunks of all kinds, also where the manifest says that none is.

    Each is the beginning of an attempt of its own, so that all of them are looked at.
    """
    middle, route = MANIFEST.tensor_index["middle"], ROUTES[2]
    elsewhere = [n for n, edge in enumerate(MANIFEST.edges) if edge.codec is None]
    said = [(middle, data) for data in packed()] + [(number, packed()[0]) for number in elsewhere]
    found = []
    for at, (number, data) in enumerate(said):
        (whole,) = chunks(replace(tensor(100 + at, number, route), packed=False), 4096)
        frame = pb.Frame.FromString(whole)
        frame.header.packed, frame.data = True, data
        found.append(bytes(frame.SerializeToString()))
    return found


@cache
def frames() -> tuple[bytes, ...]:
    """Every control message, tensors whole and in pieces, packed or not, and frames as one."""
    controls = [encode_control(control) for control in (*CONTROLS, welcome())]
    tensors = [
        frame
        for sequence, route in enumerate(ROUTES)
        for number in range(len(MANIFEST.edges))
        for size in (9, 4096)
        for frame in chunks(tensor(sequence, number, route), size)
    ]
    together = (join(controls[4:8] + tensors[:3]), join(tensors))
    return (*controls, *tensors, *lies(), *together)


@cache
def greetings() -> tuple[bytes, ...]:
    """Hello and Welcome."""
    return tuple(encode_control(one) for one in (hello(), hello(Role.NODE), welcome()))


@cache
def answers() -> tuple[bytes, ...]:
    """What a worker says."""
    shapes = ((1, 7), (), (0, 3), (2, 3, 4, 5))
    return (pack_ran(12345, shapes), pack_ran(0, ()), pack_failure("ValueError: no such class"))


@cache
def records() -> tuple[bytes, ...]:
    """What a node announces, as ``key=value`` lines."""
    hint = PeerHint("pi-1", NAMESPACE, CHAIN, GENERATION, 0x1234ABCD, ("10.0.0.1:5050",), 2)
    return ("\n".join(f"{k}={v}" for k, v in hint.to_txt().items()).encode(),)


@cache
def manifests() -> tuple[bytes, ...]:
    """A chain's manifest, and a few lines that YAML takes for more than they look."""
    odd = "a: &a [1, 2]\nb: [*a, *a]\nc: !!binary aGk=\nd: 2001-01-01\ne: .inf\n? [x]\n: y\n"
    return (render(MANIFEST).encode(), odd.encode())


CORPORA: Mapping[str, Callable[[], tuple[bytes, ...]]] = {
    "frames": frames,
    "clients": frames,
    "nodes": frames,
    "packed": packed,
    "greetings": greetings,
    "workers": answers,
    "txt": records,
    "manifests": manifests,
}
"""By the name of the target."""
