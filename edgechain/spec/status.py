"""What a node says of itself when asked: frozen records, the same for logs and screens."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from edgechain.spec.printable import check_printable
from edgechain.spec.tensor import Frozen

Text = Annotated[str, Field(max_length=1024), AfterValidator(check_printable)]
"""What a node says of itself reaches terminals and pages."""


class StageStatus(Frozen):
    """One stage on one node. Times are milliseconds over the last calls (at most 256)."""

    name: Text
    pid: int
    ran: int
    failed: int
    waiting: int
    mean_ms: float
    max_ms: float
    resident_bytes: int


class LinkStatus(Frozen):
    """One outgoing link."""

    peer: Text
    address: Text
    state: Text
    queued: int
    sent_bytes: int
    round_trip_ms: float | None = None
    """From writing a frame of tensors to hearing that it arrived, as short as it was of late;
    nothing before tensors of 16 KiB have gone this way since the link is up."""


class GenerationState(StrEnum):
    """A generation's life on one node."""

    LOADING = "loading"
    """Its workers start, or its links to the stages after ours are not all up."""
    READY = "ready"
    """It could serve, and does whoever asks for it."""
    CURRENT = "current"
    RETIRING = "retiring"
    """Another one serves; what has begun under this one ends."""
    ENDING = "ending"
    FAILED = "failed"


class GenerationStatus(Frozen):
    """One generation on one node. ``generation`` is empty where it cannot even be read."""

    generation: Text
    state: GenerationState
    reason: Text = ""
    slots_in_use: int = 0
    clients: int = 0


class NodeStatus(Frozen):
    """A whole node; ``stages``, ``links`` and ``slots_in_use`` are the current generation's."""

    name: Text
    namespace: Text
    chain: Text
    generation: Text
    incarnation: int
    version: Text
    interpreter: Text
    pid: int
    uptime_seconds: float
    resident_bytes: int
    slots: int
    slots_in_use: int
    clients: int
    stages: tuple[StageStatus, ...]
    links: tuple[LinkStatus, ...]
    generations: tuple[GenerationStatus, ...] = ()
    configurations: int = 0
    """How often it has been given a configuration since it started."""
