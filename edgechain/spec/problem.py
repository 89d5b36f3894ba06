"""What the planner is asked: units of work, devices, and the links between them. Pure nouns.

A unit is what is never torn apart: an operator, or a run of them. It hands one output to the
units that name it among their inputs. A chain is the case where every unit but the first reads
exactly the one before it. A client hands in what a frame is and takes what comes of it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property


class Objective(StrEnum):
    """What is to be small."""

    THROUGHPUT = "throughput"
    """The period: a frame leaves the chain that often."""
    LATENCY = "latency"
    """The way of one frame through an idle chain."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs on one device as a whole.

    ``seconds`` is its work by device name; a device that is missing cannot run it.
    ``output_bytes`` cross a link once for every device that wants them. ``request_bytes`` come from
    the client, ``result_bytes`` go to it. A device keeps the ``memory_bytes`` of all its units, and
    besides has to have the ``working_bytes`` of one after the other, so of the largest.
    ``packed_bytes`` is what the output comes to where it crosses packed; ``None``: it cannot.
    """

    name: str
    inputs: tuple[str, ...]
    seconds: Mapping[str, float]
    memory_bytes: int = 0
    output_bytes: int = 0
    request_bytes: int = 0
    result_bytes: int = 0
    working_bytes: int = 0
    packed_bytes: int | None = None
    is_pinned: bool = False
    """Somebody wants it on the one device that it has work for; others might do as well."""


@dataclass(frozen=True, slots=True)
class Board:
    """A device as the planner sees it; ``None``: its memory is no question.

    What its processor spends on every request besides its units' work: on having a stage at all,
    and on every byte that it sends and receives. To the client, and from it, there is a link of
    ``client_bytes_per_second``; a message there costs ``client_seconds``, too. All that comes to or
    leaves devices on one ``medium`` (the air of a Wi-Fi network) goes over it one after the other.
    Packing a byte takes ``pack_seconds``, getting it back ``unpack_seconds``; ``None``: it cannot.
    """

    name: str
    memory_bytes: int | None = None
    stage_seconds: float = 0.0
    send_seconds: float = 0.0
    receive_seconds: float = 0.0
    client_bytes_per_second: float = math.inf
    client_seconds: float = 0.0
    medium: str | None = None
    pack_seconds: float | None = None
    unpack_seconds: float | None = None

    def pays(self, received: int, sent: int) -> float:
        """Seconds of its processor besides the work, for so many bytes."""
        return self.stage_seconds + received * self.receive_seconds + sent * self.send_seconds

    def client_carries(self, size: int) -> float:
        """Seconds for so many bytes from the client or to it; nothing is sent if there are none."""
        return self.client_seconds + size / self.client_bytes_per_second if size else 0.0

    @property
    def pays_for_bytes(self) -> bool:
        """Whether it matters to it where a chain is cut."""
        return self.send_seconds > 0 or self.receive_seconds > 0


@dataclass(frozen=True, slots=True)
class Wire:
    """One direction between two devices: what a message costs, and what its bytes cost."""

    source: str
    target: str
    bytes_per_second: float
    seconds: float = 0.0

    def carries(self, size: int) -> float:
        """Seconds for a message of so many bytes."""
        return self.seconds + size / self.bytes_per_second


@dataclass(frozen=True)
class Problem:
    """Units in a topological order, devices, and links; no ``wires``: sending is free.

    Birth puts the units in order, keeping the given one where it can, and raises ``ValueError``
    for names that stand twice or nowhere, units that wait for each other, and amounts that are
    negative or no numbers.
    """

    units: tuple[Unit, ...]
    boards: tuple[Board, ...]
    wires: tuple[Wire, ...] | None = None
    name: str = field(default="problem", kw_only=True)
    several_stages: bool = field(default=False, kw_only=True)
    """Whether a device may have several groups of units, each of which runs whole."""

    def __post_init__(self) -> None:
        if not self.units or not self.boards:
            raise ValueError("a problem has at least one unit and one device")
        _once("unit", [unit.name for unit in self.units])
        _once("device", [board.name for board in self.boards])
        _once("link", [f"{wire.source} to {wire.target}" for wire in self.wires or ()])
        self._check_units()
        self._check_boards()
        object.__setattr__(self, "units", _in_order(self.units))

    def _check_units(self) -> None:
        units = {unit.name for unit in self.units}
        boards = {board.name for board in self.boards}
        for unit in self.units:
            for name in unit.inputs:
                if name not in units:
                    raise ValueError(f"unit {unit.name!r} reads {name!r}, which no unit makes")
            for name, seconds in unit.seconds.items():
                if name not in boards:
                    raise ValueError(
                        f"unit {unit.name!r} has work for {name!r}, which is no device"
                    )
                _amount(f"unit {unit.name!r}: work on {name!r}", seconds)
            _amount(f"unit {unit.name!r}: memory", unit.memory_bytes + unit.working_bytes)
            _amount(f"unit {unit.name!r}: output", unit.output_bytes)
            _amount(f"unit {unit.name!r}: request", unit.request_bytes)
            _amount(f"unit {unit.name!r}: result", unit.result_bytes)
            if unit.packed_bytes is not None and not 0 <= unit.packed_bytes <= unit.output_bytes:
                raise ValueError(
                    f"unit {unit.name!r}: packed it should have no more than its output"
                )

    def _check_boards(self) -> None:
        boards = {board.name for board in self.boards}
        for board in self.boards:
            _amount(f"device {board.name!r}: memory", board.memory_bytes or 0)
            paid = board.stage_seconds, board.send_seconds, board.receive_seconds
            packing = board.pack_seconds or 0.0, board.unpack_seconds or 0.0
            for seconds in (*paid, *packing, board.client_seconds):
                _amount(f"device {board.name!r}: seconds", seconds)
            if not board.client_bytes_per_second > 0:
                raise ValueError(f"device {board.name!r}: its link to the client carries nothing")
        for wire in self.wires or ():
            for end in (wire.source, wire.target):
                if end not in boards:
                    raise ValueError(f"a link names {end!r}, which is no device")
            if wire.source == wire.target:
                raise ValueError(f"a link leads from {wire.source!r} to itself")
            _amount(f"link {wire.source!r} to {wire.target!r}", wire.seconds)
            if not wire.bytes_per_second > 0:
                raise ValueError(f"link {wire.source!r} to {wire.target!r} carries nothing")

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Unit name to its place."""
        return {unit.name: place for place, unit in enumerate(self.units)}

    def called(self, name: str) -> tuple[str, ...]:
        """The unit of that name, if there is one."""
        return (name,) if name in self.index else ()

    @cached_property
    def reads(self) -> tuple[tuple[int, ...], ...]:
        """For every unit the places of what it reads, each once, ascending."""
        return tuple(tuple(sorted({self.index[n] for n in u.inputs})) for u in self.units)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For every unit the places of what reads it, ascending."""
        found: list[list[int]] = [[] for _ in self.units]
        for place, reads in enumerate(self.reads):
            for read in reads:
                found[read].append(place)
        return tuple(map(tuple, found))

    @cached_property
    def seconds(self) -> tuple[tuple[float, ...], ...]:
        """By device, then by unit: its work; infinite where it cannot run."""
        return tuple(
            tuple(unit.seconds.get(board.name, math.inf) for unit in self.units)
            for board in self.boards
        )

    @cached_property
    def seconds_with_client(self) -> tuple[tuple[float, ...], ...]:
        """By device, then by unit: its work, and what the device pays for the client's bytes."""
        return tuple(
            tuple(
                taken
                + unit.request_bytes * board.receive_seconds
                + unit.result_bytes * board.send_seconds
                for unit, taken in zip(self.units, seconds, strict=True)
            )
            for board, seconds in zip(self.boards, self.seconds, strict=True)
        )

    def memory(self, places: Iterable[int]) -> int:
        """Bytes that a device needs for the units at these places."""
        units = [self.units[place] for place in places]
        kept = sum(unit.memory_bytes for unit in units)
        return kept + max((unit.working_bytes for unit in units), default=0)

    @cached_property
    def room(self) -> tuple[float, ...]:
        """By device: its bytes of memory; infinite where that is no question."""
        boards = self.boards
        return tuple(math.inf if b.memory_bytes is None else b.memory_bytes for b in boards)

    @cached_property
    def wire(self) -> tuple[tuple[Wire | None, ...], ...] | None:
        """From device, to device: the link, ``None`` where there is none, or free sending."""
        if self.wires is None:
            return None
        found = {(wire.source, wire.target): wire for wire in self.wires}
        names = [board.name for board in self.boards]
        return tuple(tuple(found.get((a, b)) for b in names) for a in names)

    def kind(self, board: int) -> object:
        """What is equal for two devices that only differ in their name, and in their links."""
        return replace(self.boards[board], name=""), self.seconds[board]

    @cached_property
    def media(self) -> tuple[str, ...]:
        """What several devices may share, each once."""
        return tuple(dict.fromkeys(b.medium for b in self.boards if b.medium is not None))

    @cached_property
    def is_chain(self) -> bool:
        """Whether every unit but the first reads exactly the one before it.

        And the first alone hears from the client, and the last alone tells it anything.
        """
        outside = any(u.request_bytes for u in self.units[1:]) or any(
            u.result_bytes for u in self.units[:-1]
        )
        in_a_row = all(reads == ((p - 1,) if p else ()) for p, reads in enumerate(self.reads))
        return in_a_row and not outside


def _once(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} stands twice")
        seen.add(name)


def _amount(what: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{what} should be a number from 0, not {value}")


def _in_order(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Every unit behind what it reads; among those that may come next the first given one."""
    place = {unit.name: at for at, unit in enumerate(units)}
    waiting = {unit.name: set(unit.inputs) for unit in units}
    readers: dict[str, list[str]] = {unit.name: [] for unit in units}
    for unit in units:
        for name in set(unit.inputs):
            readers[name].append(unit.name)
    ready = [at for at, unit in enumerate(units) if not unit.inputs]
    order: list[Unit] = []
    heapq.heapify(ready)
    while ready:
        unit = units[heapq.heappop(ready)]
        order.append(unit)
        for name in readers[unit.name]:
            waiting[name].discard(unit.name)
            if not waiting[name]:
                heapq.heappush(ready, place[name])
    if len(order) < len(units):
        stuck = next(unit.name for unit in units if waiting[unit.name])
        raise ValueError(f"unit {stuck!r} waits for itself, through what it reads")
    return tuple(order)
