"""What a placement comes to: period, latency, and what the period comes from.

A device holds one group of units and runs it whole: it starts when all that the group reads from
elsewhere is there, and sends when it is done. A device's time is its units' work, and what it pays
for having a stage and for bytes. The period is the largest of every device's and every used link's
time; work and transfer overlap. The latency is the longest way of one request. What crosses from
one device to another in one request is one message, in which every tensor is once, whoever wants it
there. So is what crosses between the client and a device, on a link of their own. Where links share
a medium, the bytes of all of them together take their time there.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgechain.errors import CannotPlace
from edgechain.spec.plan import Placement, Score, Share
from edgechain.spec.problem import Objective, Problem

Owner = list[int]
"""For every unit the place of its device."""

CLIENT = -1
"""In the place of a device: who sends a frame in, and waits for what comes of it."""

Ends = tuple[int, int]
"""Who sends and who receives: the places of two devices, or of one and the client."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best owner, ``None`` where none was found, and what is proved: no better value."""

    owner: Owner | None
    bound: float


def placement(
    problem: Problem, owner: Sequence[int], objective: Objective, lower_bound: float
) -> Placement:
    """What this owner comes to, beside a bound that is known. Raises ``CannotPlace``."""
    found = score(problem, owner)
    bound = min(lower_bound, found.value(objective))
    return Placement(objective, shares(problem, owner), found, bound)


def score(problem: Problem, owner: Sequence[int]) -> Score:
    """Period and latency. Raises ``CannotPlace``: what is not allowed, in words."""
    groups = grouped(owner)
    crossing = crossing_bytes(problem, owner)
    work = work_of(problem, owner)
    busy = {board: busy_seconds(problem, board, work[board], crossing) for board in work}
    sent = _sent(problem, crossing)
    ready, end = {board: sent.get((CLIENT, board), 0.0) for board in groups}, 0.0
    for board in in_turn(problem, groups, sent):
        done = ready[board] + busy[board]
        end = max(end, done + sent.get((board, CLIENT), 0.0))
        for (source, target), seconds in sent.items():
            if source == board and target != CLIENT:
                ready[target] = max(ready[target], done + seconds)
    period, limits = limit(problem, busy, sent, media_seconds(problem, crossing))
    return Score(period, end, limits)


def shares(problem: Problem, owner: Sequence[int]) -> tuple[Share, ...]:
    """The groups, in an order in which each reads only from those before it."""
    groups = grouped(owner)
    work = work_of(problem, owner)
    order = in_turn(problem, groups, transfers(problem, owner))
    return tuple(Share(board, groups[board], work[board]) for board in order)


def share_of(problem: Problem, board: int, units: Iterable[int]) -> Share:
    """These units as one stage of a device, whether it can hold and run them or not."""
    ascending = tuple(sorted(units))
    return Share(board, ascending, math.fsum(problem.seconds[board][unit] for unit in ascending))


def owner_of(shares: Iterable[Share]) -> Owner:
    """For every unit the first device of its share."""
    owners = {unit: share.board for share in shares for unit in share.units}
    return [owners[unit] for unit in sorted(owners)]


def quickest_owner(problem: Problem) -> Owner:
    """For every unit the device that is quickest with it."""
    boards = range(len(problem.boards))
    return [min(boards, key=column.__getitem__) for column in zip(*problem.seconds, strict=True)]


def transfers(problem: Problem, owner: Sequence[int]) -> dict[Ends, float]:
    """Seconds of what crosses. Raises ``CannotPlace`` where there is no link for it."""
    return _sent(problem, crossing_bytes(problem, owner))


def crossing_bytes(problem: Problem, owner: Sequence[int]) -> dict[Ends, int]:
    """Bytes that cross, with the client or between devices."""
    crossing: dict[Ends, int] = {}

    def crosses(ends: Ends, size: int) -> None:
        crossing[ends] = crossing.get(ends, 0) + size

    for unit, source in zip(problem.units, owner, strict=True):
        if unit.request_bytes:
            crosses((CLIENT, source), unit.request_bytes)
        if unit.result_bytes:
            crosses((source, CLIENT), unit.result_bytes)
    for place, readers in enumerate(problem.readers):
        for target in {owner[reader] for reader in readers} - {owner[place]}:
            crosses((owner[place], target), problem.units[place].output_bytes)
    return crossing


def media_seconds(problem: Problem, crossing: Mapping[Ends, float]) -> dict[str, float]:
    """For every shared medium the seconds in which all that crosses it is on its way.

    Bytes of a link that not every request crosses are less than one message has.
    """
    busy = dict.fromkeys(problem.media, 0.0)
    for ends, size in crossing.items() if busy else ():
        for medium, seconds in on_media(problem, ends, size):
            busy[medium] += seconds
    return busy


def on_media(problem: Problem, ends: Ends, size: float) -> Iterator[tuple[str, float]]:
    """The media that so many bytes cross, and for how many seconds."""
    if CLIENT in ends:
        rate = problem.boards[max(ends)].client_bytes_per_second
    elif problem.wire is None or (wire := problem.wire[ends[0]][ends[1]]) is None:
        return
    else:
        rate = wire.bytes_per_second
    for medium in dict.fromkeys(problem.boards[place].medium for place in ends if place != CLIENT):
        if medium is not None:
            yield medium, size / rate


def name_of(problem: Problem, place: int) -> str:
    """A device's name, or what the client is called."""
    return "client" if place == CLIENT else problem.boards[place].name


def _sent(problem: Problem, crossing: Mapping[Ends, int]) -> dict[Ends, float]:
    return {ends: seconds_between(problem, ends, size) for ends, size in crossing.items()}


def seconds_between(problem: Problem, ends: Ends, size: int) -> float:
    """Seconds for one message of so many bytes. Raises ``CannotPlace`` where there is no link."""
    if CLIENT in ends:
        return problem.boards[max(ends)].client_carries(size)
    if problem.wire is None:
        return 0.0
    source, target = ends
    if (wire := problem.wire[source][target]) is None:
        names = f"{problem.boards[source].name} to {problem.boards[target].name}"
        raise CannotPlace(f"there is no link from {names}")
    return wire.carries(size)


def grouped(owner: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The units of every device, ascending."""
    found: dict[int, list[int]] = {}
    for unit, board in enumerate(owner):
        found.setdefault(board, []).append(unit)
    return {board: tuple(units) for board, units in found.items()}


def work_on(problem: Problem, board: int, units: Sequence[int]) -> float:
    """Seconds of these units on a device. Raises ``CannotPlace`` if it cannot hold or run them."""
    if problem.memory(units) > problem.room[board]:
        raise CannotPlace(f"{problem.boards[board].name} has not the memory for its units")
    seconds = math.fsum(problem.seconds[board][unit] for unit in units)
    if seconds == math.inf:
        raise CannotPlace(f"{problem.boards[board].name} cannot run all of its units")
    return seconds


def work_of(problem: Problem, owner: Sequence[int]) -> dict[int, float]:
    """Seconds of every device's units. Raises ``CannotPlace`` if one cannot hold or run them."""
    return {board: work_on(problem, board, units) for board, units in grouped(owner).items()}


def busy_seconds(problem: Problem, board: int, work: float, crossing: Mapping[Ends, int]) -> float:
    """A device's time for one request, with so many seconds of work; ``crossing`` in bytes."""
    received = sum(size for (_, target), size in crossing.items() if target == board)
    sent = sum(size for (source, _), size in crossing.items() if source == board)
    return work + problem.boards[board].pays(received, sent)


def in_turn(
    problem: Problem, groups: Mapping[int, tuple[int, ...]], sent: Collection[Ends]
) -> list[int]:
    """Devices so that each reads only from those before it; of several the earliest unit first.

    Raises ``CannotPlace`` where they would wait for each other.
    """
    waits = {
        board: {source for source, target in sent if target == board} - {CLIENT} for board in groups
    }
    order: list[int] = []
    while waits:
        free = [board for board, sources in waits.items() if not sources]
        if not free:
            names = ", ".join(problem.boards[board].name for board in sorted(waits))
            raise CannotPlace(f"{names} would wait for each other")
        board = min(free, key=lambda board: groups[board])
        order.append(board)
        del waits[board]
        for sources in waits.values():
            sources.discard(board)
    return order


def limit(
    problem: Problem,
    busy: Mapping[int, float],
    sent: Mapping[Ends, float],
    media: Mapping[str, float],
) -> tuple[float, str]:
    """The period, and what it comes from: of what takes equally long the first."""
    times = [(seconds, f"device {name_of(problem, board)}") for board, seconds in busy.items()]
    return max((*times, *ways(problem, sent, media)), key=lambda one: one[0])


def ways(
    problem: Problem, sent: Mapping[Ends, float], media: Mapping[str, float]
) -> Iterator[tuple[float, str]]:
    """Seconds and names of links, then of what they share."""
    for (source, target), seconds in sent.items():
        yield seconds, f"link {name_of(problem, source)} to {name_of(problem, target)}"
    for medium, seconds in media.items():
        yield seconds, f"medium {medium}"
