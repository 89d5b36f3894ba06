"""Who might be out there. Discovery only suggests addresses; the link's handshake tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgechain.spec.ids import is_name

MAX_PEERS = 1024
"""A table that cannot be filled without end by whoever shouts on the LAN."""

WIRE_KEYS = ("v", "id", "ns", "chain", "gen", "inc")
"""The TXT keys, few and short: mDNS answers stay in one packet."""


@dataclass(frozen=True, slots=True)
class PeerHint:
    """A node as it announces itself: unproven.

    ``generation`` is the first 16 hexadecimal digits, ``addresses`` are ``host:port``.
    """

    name: str
    namespace: str
    chain: str
    generation: str
    incarnation: int
    addresses: tuple[str, ...]
    version: int = 1

    def to_txt(self) -> dict[str, str]:
        """As TXT properties."""
        values = (
            self.version,
            self.name,
            self.namespace,
            self.chain,
            self.generation[:16],
            f"{self.incarnation:x}",
        )
        return {key: str(value) for key, value in zip(WIRE_KEYS, values, strict=True)}

    @classmethod
    def from_txt(cls, txt: Mapping[str, str], addresses: tuple[str, ...]) -> PeerHint | None:
        """Read TXT properties; ``None`` when they are none of ours."""
        try:
            version, name, namespace, chain, generation, incarnation = (txt[k] for k in WIRE_KEYS)
            hint = cls(
                name, namespace, chain, generation, int(incarnation, 16), addresses, int(version)
            )
        except (KeyError, ValueError):
            return None
        names = (hint.name, hint.namespace, hint.chain)
        return hint if all(map(is_name, names)) and addresses else None


@dataclass(slots=True)
class PeerTable:
    """The hints of one namespace by node name; the newest word counts. Pure."""

    namespace: str
    capacity: int = MAX_PEERS
    _peers: dict[str, PeerHint] = field(default_factory=dict)

    def seen(self, hint: PeerHint) -> bool:
        """Note a hint; false when it says nothing new, is not ours, or the table is full."""
        if hint.namespace != self.namespace or self._peers.get(hint.name) == hint:
            return False
        if hint.name not in self._peers and len(self._peers) >= self.capacity:
            return False
        self._peers[hint.name] = hint
        return True

    def gone(self, name: str) -> PeerHint | None:
        """A node said goodbye; what was known of it."""
        return self._peers.pop(name, None)

    def peers(self) -> tuple[PeerHint, ...]:
        """Everyone, by name."""
        return tuple(self._peers[name] for name in sorted(self._peers))
