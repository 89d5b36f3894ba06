"""What peers say to each other, free of any wire format.

A *chunk* carries part of one tensor of one attempt; everything else is *control*. Tensors are
named by their number in the manifest (``ChainManifest.edges``), stages by their position.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from edgechain.spec.deadline import Deadline
from edgechain.spec.ids import ClientId, Generation, Incarnation, NodeName, RequestKey, StageName

WIRE_VERSION = 3
"""Raised when a frame changes its meaning; a peer of another version is refused by name."""


class Hop(NamedTuple):
    """One life of one node: where a stage of an attempt runs."""

    node: NodeName
    incarnation: Incarnation


Route = tuple[Hop, ...]
"""One hop per stage, in the manifest's order; the client pins it, hops never choose."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Part of a tensor's bytes as received.

    ``shape`` comes with the first one, ``route`` too if it comes to a node. ``offset`` and
    ``total`` are bytes, ``budget`` is the seconds the attempt had left when it was sent. ``data``
    lives as long as the frame it points into; where it is ``packed`` it is no part of the tensor
    but what one was made smaller to, and nobody has looked at it yet.
    """

    key: RequestKey
    tensor: int
    offset: int
    total: int
    budget: float
    shape: tuple[int, ...]
    route: Route
    data: memoryview
    packed: bool = False


def _unheard() -> None:
    """Nobody asked to be told."""


@dataclass(slots=True)
class TensorSend:
    """A tensor to be sent. ``payload`` must stay untouched until ``done`` was called, once.

    ``done(True)`` says that every byte was copied, *before* the last of them is handed to the
    stream: whoever receives the whole tensor may rely on it. ``done(False)`` says that the stream
    ended or the deadline passed first. ``lost`` is called after ``done(True)`` where the stream
    ended before its peer had said that all of it arrived; perhaps it did. A ``packed`` one is made
    smaller chunk by chunk, where that makes a chunk smaller: its edge's codec allows it.
    """

    key: RequestKey
    tensor: int
    shape: tuple[int, ...]
    route: Route
    deadline: Deadline
    payload: memoryview
    done: Callable[[bool], None]
    lost: Callable[[], None] = _unheard
    packed: bool = False


class Role(StrEnum):
    """Who opens a stream."""

    NODE = "node"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Hello:
    """The first word on a stream, from the side that opened it."""

    role: Role
    name: str
    namespace: str
    chain: str
    generation: Generation | None
    """What the caller runs; ``None`` when it will take the answerer's."""
    client: ClientId | None = None
    session: int = 0
    want_slots: int = 0
    version: int = WIRE_VERSION
    challenge: bytes = b""
    """Random bytes that the answerer signs in its ``Welcome``; empty in a fleet without keys."""
    caller: bytes = field(default=b"", repr=False)
    """SHA-256 of the certificate that the caller proved to hold. It is never on the wire: whoever
    takes the handshake notes it, and it goes into the answerer's signature, so that an answer to
    one caller cannot be passed on to another."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a ``Hello`` that is accepted.

    ``certificate`` (DER) and ``signature`` prove to the caller which node of the fleet answers;
    what is signed is in ``security.proof``.
    """

    hop: Hop
    namespace: str
    chain: str
    generation: Generation
    stages: tuple[StageName, ...]
    version: int = WIRE_VERSION
    certificate: bytes = b""
    signature: bytes = field(default=b"", repr=False)


class RefusalKind(StrEnum):
    """Why a ``Hello`` was refused."""

    VERSION = "version"
    NAMESPACE = "namespace"
    CHAIN = "chain"
    GENERATION = "generation"
    BUSY = "busy"
    DRAINING = "draining"
    IDENTITY = "identity"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a ``Hello`` that is not accepted, or to a broken frame; the stream ends."""

    kind: RefusalKind
    reason: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Node to client: from now on you may hold this many of my slots.

    The client's ``Leased`` answers it, as soon as the client holds no more than that. ``number``
    counts the leases told to one session: an answer to an earlier one of the same size is none
    to this.
    """

    slots: int
    number: int


@dataclass(frozen=True, slots=True)
class Leased:
    """Client to node: I hold no more than the ``slots`` of your lease ``number``, and will not."""

    slots: int
    number: int


@dataclass(frozen=True, slots=True)
class Released:
    """Node to client: the slots of these attempts are free again, after so many seconds each.

    All of them, and there is at least one, are of one session. It is said in passing: a client
    that has a whole result knows without it, because every stage has run and has passed on all
    that it made, and a node frees a slot before the last bytes leave it. An attempt that never
    had a slot held it for 0 s.
    """

    keys: tuple[RequestKey, ...]
    held: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Client to node: forget this attempt. ``Released`` follows."""

    key: RequestKey


class FailureKind(StrEnum):
    """How an attempt failed on a node; the names of the errors it becomes."""

    STAGE_ERROR = "stage_error"
    WORKER_LOST = "worker_lost"
    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"
    INVALID_INPUT = "invalid_input"
    GENERATION_CHANGED = "generation_changed"
    DEADLINE_EXCEEDED = "deadline_exceeded"


@dataclass(frozen=True, slots=True)
class Failure:
    """Node to client: this attempt ends without a result."""

    key: RequestKey
    kind: FailureKind
    stage: StageName
    reason: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """Node to client: ``generation`` is what this chain runs from now on, and is ready here.

    Requests under way end under the generation they began with; new ones belong to the new one.
    """

    generation: Generation


@dataclass(frozen=True, slots=True)
class Beat:
    """Either side, at least twice a second: I live, and I have received so many bytes of yours.

    ``received`` counts the frames' bytes since Hello and Welcome. A peer whose count stands still
    while there is something for it to receive is as lost as one that says nothing.
    """

    received: int


@dataclass(frozen=True, slots=True)
class Bye:
    """This side ends the stream on purpose; without it an end is a loss."""

    reason: str = field(default="")


Control = (
    Hello
    | Welcome
    | Refused
    | Lease
    | Leased
    | Released
    | Cancel
    | Failure
    | Superseded
    | Beat
    | Bye
)
