"""Which boards there are to place models on, and what is between them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgechain.plan.topology import Device
from edgechain.spec.profile import DeviceProfile, LinkCosts
from edgechain.spec.topology import DeviceConfig, NetworkConfig

THREADS = 1
FAST_MBIT = 940.0
SLOW_MBIT = 35.0
"""A board on Wi-Fi that is far from its access point."""

LINK_MS = 0.3


@dataclass(frozen=True, slots=True)
class BoardKind:
    """A kind of board: what it is called, and its share of one of this machine's processors."""

    name: str
    quota: float


EQUAL = BoardKind("board", 0.36)
PI_5 = BoardKind("pi-5", 0.60)
PI_4 = BoardKind("pi-4", 0.24)
"""Pi 5 beside Pi 4 is 2.5 to 1: "between two and three times" (Raspberry Pi Ltd, September 2023).
All boards of a scene together leave almost half of two processors to the client and the kernel."""

EIGHTH = BoardKind("eighth", 0.14)
"""Of which there can be eight."""


@dataclass(frozen=True)
class Scene:
    """Boards on a switch.

    Between ``slow`` ones and all others the links are slow. ``short`` ones have so much less
    memory than they would like: a share of what the plan gives them where memory is no question.
    """

    title: str
    kinds: tuple[BoardKind, ...]
    slow: frozenset[int] = field(default=frozenset())
    short: frozenset[int] = field(default=frozenset())

    @property
    def names(self) -> tuple[str, ...]:
        """Of all boards."""
        return tuple(f"{kind.name}-{number + 1}" for number, kind in enumerate(self.kinds))

    def mbit(self, one: int, other: int) -> float:
        """What goes from one board to another."""
        return SLOW_MBIT if (one in self.slow) != (other in self.slow) else FAST_MBIT

    def devices(
        self,
        profiles: Sequence[DeviceProfile],
        memory_mb: Sequence[float | None],
        cards: LinkCosts,
    ) -> list[Device]:
        """As the planner takes them; ``cards`` is what links cost where nothing is throttled."""
        return [
            Device(name, self._config(number, memory, cards), THREADS, profile)
            for number, (name, profile, memory) in enumerate(
                zip(self.names, profiles, memory_mb, strict=True)
            )
        ]

    def _config(self, number: int, memory_mb: float | None, cards: LinkCosts) -> DeviceConfig:
        links = {
            name: self._network(number, other, cards)
            for other, name in enumerate(self.names)
            if other != number
        }
        network = self._network(number, number, cards)
        return DeviceConfig(memory_mb=memory_mb, network=network, links=links)

    def _network(self, one: int, other: int, cards: LinkCosts) -> NetworkConfig:
        here, there = (slower(cards, self.kinds[number].quota) for number in (one, other))
        return NetworkConfig(
            mbit=self.mbit(one, other),
            ms=LINK_MS,
            send_ms_per_mb=here.send_ms_per_mb,
            receive_ms_per_mb=there.receive_ms_per_mb,
            message_ms=here.message_ms,
        )


def slower(costs: LinkCosts, quota: float) -> LinkCosts:
    """The same to a board with so much of a processor."""
    return LinkCosts(**{what: cost / quota for what, cost in costs})


SHORT_SHARE = 0.5
"""Of what a board would like, to a board with little memory."""

SCENES = (
    Scene("equal boards", (EQUAL,) * 3),
    Scene("Pi 5 and two Pi 4", (PI_5, PI_4, PI_4)),
    Scene("one slow link", (EQUAL,) * 3, slow=frozenset({0})),
    Scene("little memory", (EQUAL,) * 3, short=frozenset({0})),
)


def rows_of(count: int) -> Scene:
    """Equal boards, as many as eight."""
    return Scene(f"{count} equal boards", (EIGHTH,) * count)
