"""Who might be out there. Discovery only suggests addresses; the link's handshake tells."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgechain.errors import EdgechainError
from edgechain.spec.ids import is_name

MAX_PEERS = 1024
"""A table that cannot be filled without end by whoever shouts on the LAN."""

WIRE_KEYS = ("v", "id", "ns", "chain", "gen", "inc")
"""The TXT keys, few and short: mDNS answers stay in one packet."""

_NUMBERS = r"[0-9]{1,9} [0-9a-f]{16} [0-9a-f]{1,16}"
"""Version, generation and incarnation as ``to_txt`` writes them."""

NAMESPACE_VARIABLE = "EDGECHAIN_NAMESPACE"


def default_namespace() -> str:
    """The fleet that is meant where nobody says which: ``EDGECHAIN_NAMESPACE``, or "default".

    Namespaces keep two fleets on one LAN, or two people on one machine, apart. Raises
    ``EdgechainError`` when the variable holds no name.
    """
    name = os.environ.get(NAMESPACE_VARIABLE, "") or "default"
    if not is_name(name):
        raise EdgechainError(f"{NAMESPACE_VARIABLE} is {name!r}, which is not a name")
    return name


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
        except KeyError:
            return None
        numbers = re.fullmatch(_NUMBERS, f"{version} {generation} {incarnation}")
        if not (numbers and all(map(is_name, (name, namespace, chain))) and addresses):
            return None
        life = int(incarnation, 16)
        return cls(name, namespace, chain, generation, life, addresses, int(version))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Where a node may be, from a registry that knows of no lives; as unproven as a hint.

    ``name`` is who must answer at one of ``addresses`` (``host:port``), anyone if empty.
    """

    addresses: tuple[str, ...]
    name: str = ""

    @property
    def label(self) -> str:
        """What tells it from others."""
        return self.name or self.addresses[0]


@dataclass(slots=True)
class PeerTable:
    """The hints of one namespace, one for each life of each node. Pure.

    A node that crashed stays here beside its next life until its record runs out, so whoever
    wants the node tries all its addresses, the latest heard of first. ``suggestions`` is all that
    a registry without lives says now.
    """

    namespace: str
    capacity: int = MAX_PEERS
    suggestions: tuple[Suggestion, ...] = ()
    _peers: dict[tuple[str, int], PeerHint] = field(default_factory=dict)

    def seen(self, hint: PeerHint) -> bool:
        """Note a hint; false when it says nothing new, is not ours, or the table is full."""
        life = (hint.name, hint.incarnation)
        if hint.namespace != self.namespace or self._peers.get(life) == hint:
            return False
        if life not in self._peers and len(self._peers) >= self.capacity:
            return False
        self._peers.pop(life, None)
        self._peers[life] = hint
        return True

    def gone(self, hint: PeerHint) -> None:
        """A life of a node said goodbye, or its record ran out."""
        self._peers.pop((hint.name, hint.incarnation), None)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Where a node may be, the latest heard of first."""
        lives = [hint for hint in reversed(self._peers.values()) if hint.name == name]
        return tuple(dict.fromkeys(address for hint in lives for address in hint.addresses))

    def peers(self) -> tuple[PeerHint, ...]:
        """Everyone, by name; the latest heard of last."""
        return tuple(sorted(self._peers.values(), key=lambda hint: hint.name))
