"""One request's way through stages, of which a device may have several.

A device runs one stage at a time, and of those that could begin the one that could do so first.
What a stage sends to a device is one message, whoever wants it there; stages of one device hand
each other what they made for nothing. Where every device has one stage this comes to what
``score`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edgechain.errors import CannotPlace
from edgechain.plan.score import CLIENT, Ends, limit, media_seconds, seconds_between
from edgechain.spec.plan import Score, Share
from edgechain.spec.problem import Problem


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: which stage sends it (its place, or ``CLIENT``) to which device or ``CLIENT``.

    ``readers`` are the stages there that wait for it, by their places.
    """

    sender: int
    ends: Ends
    size: int
    seconds: float
    readers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Of every stage, by its place, when it begins and how long it takes; and all messages."""

    starts: tuple[float, ...]
    busy: tuple[float, ...]
    sent: tuple[Sent, ...]

    def end(self, place: int) -> float:
        """When a stage is done; the client has sent at 0."""
        return 0.0 if place == CLIENT else self.starts[place] + self.busy[place]

    @property
    def latency(self) -> float:
        """When all is done, and the client has all it wants."""
        told = (self.end(one.sender) + one.seconds for one in self.sent if one.ends[1] == CLIENT)
        return max((*map(self.end, range(len(self.starts))), *told))


def schedule(problem: Problem, shares: Sequence[Share]) -> Schedule:
    """When each of ``shares`` runs. Raises ``CannotPlace`` where there is no link between two."""
    sent = _messages(problem, shares, _stage_of(shares))
    busy = _busy(problem, shares, sent)
    return Schedule(tuple(_starts(problem, shares, sent, busy)), busy, sent)


def reads_of(problem: Problem, shares: Sequence[Share]) -> list[set[int]]:
    """For every stage the places of those it reads from."""
    stage = _stage_of(shares)
    found: list[set[int]] = [set() for _ in shares]
    for unit, reads in enumerate(problem.reads):
        found[stage[unit]] |= {stage[read] for read in reads} - {stage[unit]}
    return found


def _stage_of(shares: Sequence[Share]) -> dict[int, int]:
    """Every unit's stage, by its place."""
    return {unit: place for place, share in enumerate(shares) for unit in share.units}


def staged_score(problem: Problem, shares: Sequence[Share]) -> Score:
    """Period and latency.

    Raises ``CannotPlace`` where there is no link between two, or a device has not the memory for
    all its stages: each has a process of its own, with the tensors that it works on.
    """
    _require_room(problem, shares)
    times = schedule(problem, shares)
    busy: dict[int, float] = {}
    for share, seconds in zip(shares, times.busy, strict=True):
        busy[share.board] = busy.get(share.board, 0.0) + seconds
    seconds_of: dict[Ends, float] = {}
    sizes: dict[Ends, int] = {}
    for one in times.sent:
        seconds_of[one.ends] = seconds_of.get(one.ends, 0.0) + one.seconds
        sizes[one.ends] = sizes.get(one.ends, 0) + one.size
    period, limits = limit(problem, busy, seconds_of, media_seconds(problem, sizes))
    return Score(period, times.latency, limits)


def _require_room(problem: Problem, shares: Sequence[Share]) -> None:
    needed: dict[int, int] = {}
    for share in shares:
        needed[share.board] = needed.get(share.board, 0) + problem.memory(share.units)
    for board, size in needed.items():
        if size > problem.room[board]:
            raise CannotPlace(f"{problem.boards[board].name} has not the memory for its stages")


@dataclass(slots=True)
class _Bundle:
    size: int = 0
    readers: set[int] = field(default_factory=set)

    def add(self, size: int, readers: set[int]) -> None:
        self.size += size
        self.readers |= readers


def _messages(problem: Problem, shares: Sequence[Share], stage: dict[int, int]) -> tuple[Sent, ...]:
    bundles: dict[tuple[int, int], _Bundle] = {}

    def add(sender: int, board: int, size: int, readers: set[int]) -> None:
        bundles.setdefault((sender, board), _Bundle()).add(size, readers)

    for place, unit in enumerate(problem.units):
        sender = stage[place]
        home = shares[sender].board
        if unit.request_bytes:
            add(CLIENT, home, unit.request_bytes, {sender})
        if unit.result_bytes:
            add(sender, CLIENT, unit.result_bytes, set())
        wanted: dict[int, set[int]] = {}
        for reader in problem.readers[place]:
            wanted.setdefault(shares[stage[reader]].board, set()).add(stage[reader])
        for board in wanted.keys() - {home}:
            add(sender, board, unit.output_bytes, wanted[board])
    sent = []
    for (sender, target), bundle in bundles.items():
        ends = CLIENT if sender == CLIENT else shares[sender].board, target
        seconds = seconds_between(problem, ends, bundle.size)
        sent.append(Sent(sender, ends, bundle.size, seconds, tuple(sorted(bundle.readers))))
    return tuple(sent)


def _busy(problem: Problem, shares: Sequence[Share], sent: Sequence[Sent]) -> tuple[float, ...]:
    """Every stage's time; a message costs its sender, and the first of those who read it."""
    received, given = [0] * len(shares), [0] * len(shares)
    for one in sent:
        if one.sender != CLIENT:
            given[one.sender] += one.size
        if one.readers:
            received[one.readers[0]] += one.size
    return tuple(
        share.seconds + problem.boards[share.board].pays(received[place], given[place])
        for place, share in enumerate(shares)
    )


def _starts(
    problem: Problem,
    shares: Sequence[Share],
    sent: Sequence[Sent],
    busy: Sequence[float],
) -> list[float]:
    before = reads_of(problem, shares)
    ready = [0.0] * len(shares)
    for one in sent:
        for reader in one.readers if one.sender == CLIENT else ():
            ready[reader] = max(ready[reader], one.seconds)
    free = {share.board: 0.0 for share in shares}
    starts, waiting = [0.0] * len(shares), set(range(len(shares)))
    while waiting:
        begin, place = min(
            (max(ready[place], free[shares[place].board]), place)
            for place in waiting
            if not before[place] & waiting
        )
        waiting.discard(place)
        board, end = shares[place].board, begin + busy[place]
        starts[place], free[board] = begin, end
        for one in sent:
            for reader in one.readers if one.sender == place else ():
                ready[reader] = max(ready[reader], end + one.seconds)
    return starts
