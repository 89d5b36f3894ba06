"""When every device and link of a plan with copies is busy with which frame.

Frames enter one period apart and go where ``routes`` sends them. A device does one frame at a time
and a link carries one message at a time, each in the order in which they came; a stage begins when
all its inputs are there. What several links share is not looked at: each is as fast as if it were
alone, as in every drawn plan. Where copies are unlike, frames come to them at uneven times, and to
one that never rests some come too soon and wait; the latency of a plan is without such waits.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from edgechain.plan.routes import Route, routes
from edgechain.plan.score import CLIENT, Ends
from edgechain.plan.staff import Staff

BEFORE, MOST_BEFORE = 500, 2000
"""So many frames enter before one is looked at, at least and at most: queues are as always then."""

LOOKED_AT = 200
"""Of so many frames the first drawn is on the route that takes longest without waits, of equal ones
that of the first copies; of several such frames it is the one that waits least."""

AFTER = 300
"""So many enter after it; with more on the axis each would be narrower than a line."""

Starts = Mapping[int, float]
"""When something begins with which frame; 0 is the first drawn, and enters at 0 seconds."""


@dataclass(frozen=True, slots=True)
class Played:
    """When every device, as a link to itself, and every link begins with its frames.

    ``out`` is when a frame is done and answered. ``way`` is what frame 0 took its time for, one
    thing after the other, from its end.
    """

    starts: Mapping[Ends, Starts]
    out: Starts
    way: tuple[Ends, ...]


def played(staff: Staff) -> Played:
    """What happens around a frame on the slowest of the routes that are in use."""
    before = 0
    if staff.period:
        before = BEFORE + math.ceil(min(4 * staff.latency / staff.period, MOST_BEFORE - BEFORE))
    dealt = list(islice(_routes(staff), before + LOOKED_AT + AFTER))
    looked_at = range(before, before + LOOKED_AT)
    used = {dealt[frame] for frame in looked_at}
    alone = {route: _Run(staff, [route], 0).played().out[0] for route in used}
    slowest = max(sorted(used), key=lambda route: alone[route])
    out = _Run(staff, dealt, 0).played().out
    there = [frame for frame in looked_at if dealt[frame] == slowest]
    first = min(there, key=lambda frame: out[frame] - frame * staff.period)
    return _Run(staff, dealt[: first + AFTER], first).played()


def _routes(staff: Staff) -> Iterator[Route]:
    stages = range(len(staff.teams))
    reads = [[source for source in staff.reads(stage) if source != CLIENT] for stage in stages]
    return routes([[load.takes for load in team] for team in staff.teams], reads)


class _Run:
    """Plays all frames, the earliest event first.

    A step is a message from stage to stage, one of them perhaps ``CLIENT``, or from a stage to
    itself the stage's work.
    """

    def __init__(self, staff: Staff, dealt: Sequence[Route], first: int):
        self._teams, self._period = staff.teams, staff.period
        self._dealt, self._first = dealt, first
        stages = range(len(staff.teams))
        self._flows = sorted({link.stages for link in staff.links})
        self._out_of = {at: [flow for flow in self._flows if flow[0] == at] for at in stages}
        self._into = {at: [flow for flow in self._flows if flow[1] == at] for at in stages}
        self._seconds = {link.ends: link.seconds for link in staff.links}
        self._seconds |= {
            (load.board, load.board): load.seconds for team in staff.teams for load in team
        }
        self._waiting: list[tuple[float, int, Ends]] = []
        self._ends: list[dict[Ends, float]] = [{} for _ in dealt]
        self._free: dict[Ends, float] = {}
        self._starts: dict[Ends, dict[int, float]] = {}

    def played(self) -> Played:
        """All that happens, as seen from the first frame that is looked at."""
        self._enter()
        while self._waiting:
            self._do(*heapq.heappop(self._waiting))
        zero = self._first * self._period
        out = {at - self._first: max(ends.values()) - zero for at, ends in enumerate(self._ends)}
        starts = {
            where: {at - self._first: start - zero for at, start in found.items()}
            for where, found in self._starts.items()
        }
        return Played(starts, out, tuple(self._where(self._first, step) for step in self._way()))

    def _enter(self) -> None:
        """Every frame at its instant: the client sends, and who waits for nobody begins."""
        steps = [flow for flow in self._flows if flow[0] == CLIENT]
        steps += [(at, at) for at, needs in self._into.items() if not needs]
        for frame in range(len(self._dealt)):
            self._waiting += [(frame * self._period, frame, step) for step in steps]
        heapq.heapify(self._waiting)

    def _do(self, ready: float, frame: int, step: Ends) -> None:
        """One step, as soon as its device or link is free; then what it lets begin."""
        where, ends = self._where(frame, step), self._ends[frame]
        start = max(ready, self._free.get(where, 0.0))
        self._starts.setdefault(where, {})[frame] = start
        self._free[where] = ends[step] = end = start + self._seconds[where]
        source, target = step
        if source == target:
            for flow in self._out_of[source]:
                heapq.heappush(self._waiting, (end, frame, flow))
        elif target != CLIENT and all(flow in ends for flow in self._into[target]):
            ready = max(ends[flow] for flow in self._into[target])
            heapq.heappush(self._waiting, (ready, frame, (target, target)))

    def _where(self, frame: int, step: Ends) -> Ends:
        """The device or link of this frame's step."""
        source, target = (
            CLIENT if at == CLIENT else self._teams[at][self._dealt[frame][at]].board for at in step
        )
        return source, target

    def _way(self) -> Iterator[Ends]:
        """Steps of the first frame from its end, each the last that the one after it needs."""
        ends = self._ends[self._first]
        needs = list(ends)
        while needs:
            step = max(needs, key=lambda one: ends[one])
            yield step
            source, target = step
            if source == target:
                needs = self._into[source]
            else:
                needs = [(source, source)] if source != CLIENT else []
