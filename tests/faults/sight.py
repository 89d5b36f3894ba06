"""What our own client notices of its nodes, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from edgechain.client.fleet import Fleet
from edgechain.transport.link import Link
from tests.faults.load import now


@dataclass
class Sight:
    """When a node came and went, as the client's links told it; the last time of each."""

    up: dict[str, float] = field(default_factory=dict)
    down: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    losses: int = 0
    """How often any node went."""


@contextmanager
def watched_fleets() -> Iterator[Sight]:
    """Note what every client in this process hears from its links, without changing it."""
    sight, on_up, on_down = Sight(), Fleet.on_up, Fleet.on_down

    def noted_up(self: Fleet, link: Link, stream: Any, welcome: Any) -> None:
        on_up(self, link, stream, welcome)
        sight.up[welcome.hop.node] = now()

    def noted_down(self: Fleet, link: Link, reason: str) -> None:
        if link.welcome is not None:
            sight.down[link.welcome.hop.node] = now()
            sight.reasons[link.welcome.hop.node] = reason
            sight.losses += 1
        on_down(self, link, reason)

    setattr(Fleet, "on_up", noted_up)  # noqa: B010 - mypy forbids to assign a method
    setattr(Fleet, "on_down", noted_down)  # noqa: B010
    try:
        yield sight
    finally:
        setattr(Fleet, "on_up", on_up)  # noqa: B010
        setattr(Fleet, "on_down", on_down)  # noqa: B010
