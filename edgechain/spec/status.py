"""What a node says of itself when asked: frozen records, the same for logs and screens."""

from __future__ import annotations

from edgechain.spec.tensor import Frozen


class StageStatus(Frozen):
    """One stage on one node. Times are milliseconds over the last calls (at most 256)."""

    name: str
    pid: int
    ran: int
    failed: int
    waiting: int
    mean_ms: float
    max_ms: float
    resident_bytes: int


class LinkStatus(Frozen):
    """One outgoing link."""

    peer: str
    address: str
    state: str
    queued: int
    sent_bytes: int


class NodeStatus(Frozen):
    """A whole node."""

    name: str
    namespace: str
    chain: str
    generation: str
    incarnation: int
    version: str
    interpreter: str
    pid: int
    uptime_seconds: float
    resident_bytes: int
    slots: int
    slots_in_use: int
    clients: int
    stages: tuple[StageStatus, ...]
    links: tuple[LinkStatus, ...]
