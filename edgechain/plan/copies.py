"""What a placement with copies comes to: several devices run the same stage, and take turns.

A client pins one copy of every stage for each request, the least loaded. So the devices of a stage
take requests as often as they are fast: in proportion to 1/t, where t is a device's time for one
request, and the stage's period is 1 / sum(1/t). A link from a copy that takes the share f of all
requests to one that takes the share g carries f * g of them, its link to the client carries f, and
so much of their bytes goes over a medium that it shares. There has to be a link from every copy of
a stage to every copy of those that read from it. Memory counts on every device. The latency is that
of the worst route: a request may have been given any copy of each stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from edgechain.plan.packed import as_it_runs
from edgechain.plan.score import (
    CLIENT,
    crossing_bytes,
    grouped,
    in_turn,
    media_seconds,
    owner_of,
    seconds_between,
    ways,
    work_on,
)
from edgechain.spec.plan import Copy, Placement, Score, Share
from edgechain.spec.problem import Objective, Problem

Teams = Mapping[int, tuple[int, ...]]
"""For the device that a stage is called by: all devices that run the stage."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a device of a plan does: its units' work, and its time for a request that it takes.

    ``takes`` is its share of all requests.
    """

    board: int
    units: tuple[int, ...]
    work: float
    seconds: float
    takes: float

    @property
    def busy(self) -> float:
        """Seconds for every request of the chain, its own or not."""
        return self.seconds * self.takes


def taken(seconds: Sequence[float]) -> list[float]:
    """Which share of the requests devices take that need so long for one of them."""
    least = min(seconds)
    speed = [least / one if one else 1.0 for one in seconds]
    return [one / sum(speed) for one in speed]


class Staffed:
    """Units dealt to stages, and devices to each: raises ``CannotPlace`` where that cannot be.

    ``owner`` names the stage of every unit by one of its devices.
    """

    def __init__(self, problem: Problem, owner: Sequence[int], teams: Teams):
        self._problem, self._teams = problem, teams
        self._crossing = crossing_bytes(problem, owner)
        self._units = grouped(owner)
        self._order = in_turn(problem, self._units, self._crossing)
        self.loads = {load.board: load for stage in self._order for load in self._loads(stage)}
        self._sizes = {
            (a, b): size
            for (source, target), size in self._crossing.items()
            for a in self._at(source)
            for b in self._at(target)
        }
        self._sent = {e: seconds_between(problem, e, size) for e, size in self._sizes.items()}

    def _at(self, stage: int) -> tuple[int, ...]:
        return (CLIENT,) if stage == CLIENT else self._teams[stage]

    def _loads(self, stage: int) -> Iterator[Load]:
        problem, units, team = self._problem, self._units[stage], self._teams[stage]
        received = sum(size for (_, target), size in self._crossing.items() if target == stage)
        sent = sum(size for (source, _), size in self._crossing.items() if source == stage)
        work = [work_on(problem, board, units) for board in team]
        paid = [problem.boards[board].pays(received, sent) for board in team]
        seconds = [done + more for done, more in zip(work, paid, strict=True)]
        for board, done, time, share in zip(team, work, seconds, taken(seconds), strict=True):
            yield Load(board, units, done, time, share)

    def times(self) -> list[tuple[float, str]]:
        """Seconds of all stages, links and media for a request of the chain, and their names."""
        boards, loads = self._problem.boards, self.loads
        found = []
        for stage in self._order:
            names = [boards[board].name for board in sorted(self._teams[stage])]
            what = "devices" if len(names) > 1 else "device"
            busy = max(loads[board].busy for board in self._teams[stage])
            found.append((busy, f"{what} {listed(names)}"))
        share = {(a, b): self._takes(a) * self._takes(b) for a, b in self._sent}
        sent = {ends: seconds * share[ends] for ends, seconds in self._sent.items()}
        sizes = {ends: size * share[ends] for ends, size in self._sizes.items()}
        return [*found, *ways(self._problem, sent, media_seconds(self._problem, sizes))]

    def _takes(self, board: int) -> float:
        return 1.0 if board == CLIENT else self.loads[board].takes

    def score(self) -> Score:
        """Its period and the latency of its worst route."""
        period, limits = max(self.times(), key=lambda one: one[0])
        return Score(period, self._latency(), limits)

    def _latency(self) -> float:
        sent, end = self._sent, 0.0
        ready = {board: sent.get((CLIENT, board), 0.0) for board in self.loads}
        for stage in self._order:
            for board in self._teams[stage]:
                done = ready[board] + self.loads[board].seconds
                end = max(end, done + sent.get((board, CLIENT), 0.0))
                for (source, target), seconds in sent.items():
                    if source == board and target != CLIENT:
                        ready[target] = max(ready[target], done + seconds)
        return end

    def placement(self, lower_bound: float) -> Placement:
        """It for throughput, beside a bound; a stage's first device is the one that takes most."""
        found = self.score()
        shares = tuple(self._share(stage) for stage in self._order)
        return Placement(Objective.THROUGHPUT, shares, found, min(lower_bound, found.period))

    def _share(self, stage: int) -> Share:
        team = [self.loads[board] for board in self._teams[stage]]
        first, *others = sorted(team, key=lambda load: (-load.takes, load.board))
        copies = tuple(Copy(load.board, load.work) for load in others)
        return Share(first.board, first.units, first.work, copies)


def loads(problem: Problem, found: Placement) -> tuple[Load, ...]:
    """What every device of a placement does, stage by stage."""
    owner, runs = owner_of(found.shares), as_it_runs(problem, found.shares, found.packed)
    staffed = Staffed(runs, owner, {share.board: share.boards for share in found.shares})
    return tuple(
        replace(staffed.loads[board], work=work_on(problem, board, share.units))
        for share in found.shares
        for board in share.boards
    )


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
