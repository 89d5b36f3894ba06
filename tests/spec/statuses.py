"""What a node says of itself, for tests of whoever reads it."""

from __future__ import annotations

from typing import Any

from edgechain.spec.status import NodeStatus, StageStatus


def node_status(**more: Any) -> NodeStatus:
    """A node that does nothing, save for what is said."""
    usual: dict[str, Any] = {
        "name": "n",
        "namespace": "ns",
        "chain": "c",
        "generation": "a" * 64,
        "incarnation": 1,
        "version": "0",
        "interpreter": "litert",
        "pid": 1,
        "uptime_seconds": 1.0,
        "resident_bytes": 1,
        "slots": 8,
        "slots_in_use": 0,
        "clients": 0,
        "stages": (),
        "links": (),
    }
    return NodeStatus(**(usual | more))


def stage_status(name: str, **more: Any) -> StageStatus:
    """A stage that has never run, save for what is said."""
    usual: dict[str, Any] = {
        "pid": 1,
        "ran": 0,
        "failed": 0,
        "waiting": 0,
        "mean_ms": 0.0,
        "max_ms": 0.0,
        "resident_bytes": 1,
    }
    return StageStatus(name=name, **(usual | more))
