"""Machines and the ways between them: slow, cut in one direction or both, and perhaps hostile.

A way is *honest* like TCP: a stream loses nothing and keeps its order until it is severed, and a
cut that heals soon enough only delays. On a *hostile* way single messages are lost, doubled and
overtaken as well, and come out of a stream that has ended: worse than any real transport of ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from edgechain.spec.message import Hello
from tests.simulation.world import Process, World

if TYPE_CHECKING:
    from tests.simulation.stream import SimStream

SILENCE_SECONDS = (2.0, 2.5)
"""Within this a side notices that nothing comes any more (the transport's own promise)."""

RETRANSMIT_SECONDS = 0.4
"""After a heal, what was on its way arrives within this."""


@dataclass(slots=True)
class Hostility:
    """What happens to single messages: shares of 1, and seconds."""

    loss: float = 0.0
    double: float = 0.0
    late: float = 0.0
    late_seconds: float = 0.0

    @property
    def honest(self) -> bool:
        """Whether a stream may be relied on."""
        return not (self.loss or self.double or self.late)


@dataclass(slots=True, eq=False)
class Way:
    """One direction between two machines. ``pace`` is the seconds that a chunk takes."""

    delay: float
    jitter: float
    pace: float
    hostility: Hostility
    severed: bool = False
    cuts: int = 0
    holds: list[SimStream] = field(default_factory=list)
    """Streams of which something waits for the heal, once for each of their frames."""


class Listener(Protocol):
    """A process that answers."""

    process: Process

    def accept(self, stream: SimStream, hello: Hello) -> None:
        """Somebody said Hello."""


@dataclass
class Network:
    """Every way and everybody who listens."""

    world: World
    hostility: Hostility
    slowest: float = 0.01
    chunk_bytes: int = 32
    """Small, so that tensors of a hundred bytes come in several chunks."""
    listeners: dict[str, Listener] = field(default_factory=dict)
    streams: set[SimStream] = field(default_factory=set)
    dark: set[str] = field(default_factory=set)
    """Machines without power: not even a refusal comes from there."""
    _ways: dict[tuple[str, str], Way] = field(default_factory=dict)

    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.always_honest = self.hostility.honest

    def number(self) -> int:
        """Of the next side of a stream."""
        return next(self._numbers)

    def way(self, here: str, there: str) -> Way:
        """The way from one machine to another."""
        way = self._ways.get((here, there))
        if way is None:
            way = self._ways[here, there] = self._new_way()
        return way

    def _new_way(self) -> Way:
        random = self.world.random
        delay = random.uniform(0.0001, self.slowest)
        return Way(
            delay, delay * random.choice((0.1, 1.0)), random.choice((1e-4, 1e-3)), self.hostility
        )

    def listener(self, machine: str) -> Listener | None:
        """Who answers there now."""
        listener = self.listeners.get(machine)
        return listener if listener is not None and listener.process.alive else None

    # Faults ----------------------------------------------------------------------------------

    def sever(self, here: str, there: str) -> None:
        """Nothing gets through in this direction; both ends of every stream notice in time."""
        way = self.way(here, there)
        if way.severed:
            return
        way.severed = True
        way.cuts += 1
        for stream in self._using(way):
            for side in (stream, stream.twin):
                self._in_time(side, self._lose_if_cut, side, way, way.cuts)

    def heal(self, here: str, there: str) -> None:
        """Things get through again, and what waited arrives where somebody still listens."""
        way = self.way(here, there)
        way.severed = False
        holds, way.holds = way.holds, []
        lags = {id(stream): self.world.random.uniform(0, RETRANSMIT_SECONDS) for stream in holds}
        for stream in holds:
            stream.arrive_in(lags[id(stream)])

    def calm(self) -> None:
        """Every way is whole and honest from now on."""
        self.hostility.loss = self.hostility.double = self.hostility.late = 0.0
        for here, there in list(self._ways):
            self.heal(here, there)

    def stop(self, process: Process) -> None:
        """SIGSTOP; whoever has a stream to it notices in time."""
        process.stop()
        for stream in self._of(process):
            self._in_time(stream.twin, self._lose_if_stopped, stream.twin, process, process.stops)

    def kill(self, process: Process, *, power: bool) -> None:
        """The process is dead. Its kernel says so at once, unless the power is gone too."""
        process.die()
        for stream in self._of(process):
            stream.perish(says_so=not power)
            if power:
                self._in_time(stream.twin, stream.twin.lose, "silence")

    def _using(self, way: Way) -> Iterator[SimStream]:
        return (stream for stream in self.ordered() if stream.way is way)

    def _of(self, process: Process) -> list[SimStream]:
        return [stream for stream in self.ordered() if stream.process is process]

    def ordered(self) -> list[SimStream]:
        """Every stream's both sides, in the order of their birth."""
        return sorted(self.streams, key=lambda stream: stream.number)

    def _in_time(self, side: SimStream, call: object, *arguments: object) -> None:
        seconds = self.world.random.uniform(*SILENCE_SECONDS)
        self.world.at(seconds, side.process, side, call, *arguments)  # type: ignore[arg-type]

    @staticmethod
    def _lose_if_cut(side: SimStream, way: Way, cuts: int) -> None:
        if way.severed and way.cuts == cuts:
            side.lose("silence")

    @staticmethod
    def _lose_if_stopped(side: SimStream, process: Process, stops: int) -> None:
        if process.stopped and process.stops == stops:
            side.lose("silence")
