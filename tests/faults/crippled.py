"""Our own client with one protection taken away, for the controls.

Each takes away exactly what its name says, and fails loudly where that is no longer found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgechain.client import absence, routes, submit
from edgechain.transport import pulse


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
def without_leases() -> Iterator[None]:
    """Every node seems to have slots to spare for us."""
    with (
        _replaced(routes.NodeView, "free", property(lambda _: 1 << 20)),
        _replaced(routes.NodeView, "load", property(lambda _: 0.0)),
    ):
        yield
