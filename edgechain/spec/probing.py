"""What a client asks of a node about its link to another one, and what comes of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgechain.spec.config import Address
from edgechain.spec.ids import Name
from edgechain.spec.profile import Milliseconds
from edgechain.spec.tensor import Frozen

MOST_SECONDS = 10.0
"""A link that is measured carries little else."""

MOST_BYTES = 1 << 30
"""A gigabit link's traffic of nine seconds."""


class ProbeOrder(Frozen):
    """Measure the link to a node for about so many ``seconds``.

    ``addresses`` are where the client has met it; the node asked may know better ones.
    """

    node: Name
    addresses: tuple[Address, ...] = Field(min_length=1, max_length=16)
    seconds: float = Field(gt=0, le=MOST_SECONDS)


class Probed(Frozen):
    """What a link carried: one way, in millions of bits a second; a small message's round trip.

    And what it cost: all that a node's process had of the processor meanwhile, in milliseconds. For
    a megabyte (10**6 bytes, in messages of 1 MiB, each of which is answered) that is the sender's
    and the receiver's, and for a small message and its answer the sender's, the median. With it
    come the little things that an idle node does all the time (heartbeats, discovery: 6 ms a second
    on an x86 machine), and questions about its status. On a slow link a megabyte costs more: the
    receiver wakes up for every packet, and does less often so while it is busy. Nothing is said of
    an end that served requests or measured a model meanwhile, whose clock of the processor is too
    coarse, or that is too old to say it, and nothing of the sender where a part had not arrived in
    time.
    """

    mbit: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    round_trip_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]
    send_ms_per_mb: Milliseconds | None = None
    receive_ms_per_mb: Milliseconds | None = None
    message_ms: Milliseconds | None = None
