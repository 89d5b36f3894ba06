"""Request keys and routes for tests of pure parts."""

from __future__ import annotations

from edgechain.spec.ids import ClientId, Generation, Incarnation, RequestKey
from edgechain.spec.message import Hop, Released

GENERATION = Generation("ab" * 32)


def client(number: int = 0) -> ClientId:
    return ClientId(f"{number:032x}")


def key(sequence: int, *, session: int = 1, attempt: int = 1, of: int = 0) -> RequestKey:
    return RequestKey(GENERATION, client(of), session, sequence, attempt)


def freed(*keys: RequestKey, seconds: float = 0.01) -> Released:
    """What a node says of slots that are free again."""
    return Released(keys, (seconds,) * len(keys))


def hop(name: str, life: int = 1) -> Hop:
    return Hop(name, Incarnation(life))
