"""What became of starting a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """``ok`` when the node said that it is ready; ``reason`` is one line for people."""

    ok: bool
    reason: str
