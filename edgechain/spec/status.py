"""What a node says of itself when asked: frozen records, the same for logs and screens."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from edgechain.spec.tensor import Frozen


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control codes")
    return text


Text = Annotated[str, Field(max_length=1024), AfterValidator(_printable)]
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
