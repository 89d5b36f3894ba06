"""Our own client with one protection taken away, for the controls.

Each takes away exactly what its name says, and fails loudly where that is no longer found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edgechain.client import absence, routes, submit
from edgechain.transport import pulse, secure, server
from edgechain.transport.grpc_options import CHANNEL_OPTIONS, SERVER_OPTIONS, Option


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def without_retries() -> Iterator[None]:
    """A request has one attempt."""
    with _replaced(submit, "MAX_ATTEMPTS", 1):
        yield


@contextmanager
def without_deadline_timer() -> Iterator[None]:
    """Nobody ends a request at its deadline."""
    with _replaced(submit.Submitter, "_expire", lambda *_: None):
        yield


@contextmanager
def without_fast_unavailable() -> Iterator[None]:
    """What needs a stage that has no node waits for one."""
    with _replaced(absence, "MISSING_SECONDS", 3600.0):
        yield


@contextmanager
def without_heartbeat() -> Iterator[None]:
    """A peer is never judged by what it says, or does not say."""
    with _replaced(pulse.Pulse, "verdict", lambda *_: ""):
        yield


@contextmanager
def without_pings() -> Iterator[None]:
    """gRPC's own settings, but for what it takes to connect."""
    with (
        _replaced(secure, "CHANNEL_OPTIONS", _no_pings(CHANNEL_OPTIONS)),
        _replaced(server, "SERVER_OPTIONS", _no_pings(SERVER_OPTIONS)),
    ):
        yield


def _no_pings(options: Sequence[Option]) -> tuple[Option, ...]:
    return tuple(
        (name, value) for name, value in options if "ping" not in name and "keepalive" not in name
    )


@contextmanager
def without_patience() -> Iterator[None]:
    """Half a second of silence counts as death."""
    with _replaced(pulse, "SILENCE_SECONDS", 0.5):
        yield


@contextmanager
def without_window() -> Iterator[None]:
    """What is written is only bounded by gRPC, in chunks as large as they may be."""
    with (
        _replaced(pulse.Pulse, "has_room", True),
        _replaced(pulse.Pulse, "chunk_bytes", pulse.MAX_CHUNK_BYTES),
    ):
        yield


@contextmanager
def without_leases() -> Iterator[None]:
    """Every node seems to have slots to spare for us."""
    with (
        _replaced(routes.NodeView, "free", property(lambda _: 1 << 20)),
        _replaced(routes.NodeView, "load", property(lambda _: 0.0)),
    ):
        yield
