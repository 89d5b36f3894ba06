"""What is drawn of a plan with copies: the devices of a stage below each other, then its links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from edgechain.plan.copies import Load
from edgechain.plan.lanes import (
    SETS_THE_PERIOD,
    Arrow,
    Heading,
    Lane,
    Note,
    Span,
    device_told,
    units_in_short,
)
from edgechain.plan.look import FIGURES, FRAMES, MOST_FRAMES, NAMES, SMALL, data, ms
from edgechain.plan.played import Played, played
from edgechain.plan.score import CLIENT, Ends, name_of
from edgechain.plan.staff import Link, staff
from edgechain.plan.svg import fitted, width
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Problem

MOST_LINKS = 24
"""Where there are more, those are left out that no drawn frame takes, and nobody waits for."""

_LARGEST = 9
"""Denominator of a share that is said as so many frames of so many."""


class Shared:
    """A plan in which devices take turns."""

    def __init__(self, problem: Problem, found: Placement):
        self._problem, self._staff = problem, staff(problem, found)
        self._played: Played = played(self._staff)
        self._way = frozenset(self._played.way)

    @property
    def frames(self) -> int:
        """Where a stage has many copies, a frame for each of them."""
        return max(FRAMES, min(MOST_FRAMES, *map(len, self._staff.teams)))

    @property
    def span(self) -> float:
        """Seconds until the last of its frames is out."""
        drawn = (self._played.out[frame] for frame in range(self.frames))
        return max(self._staff.latency, *drawn)

    def spans(self) -> Sequence[Span]:
        """How long a frame takes at most, and how long after it the next one comes in."""
        latency, period = self._staff.latency, self._staff.period
        if not latency:
            return ()
        words = f"period {ms(period)}" if period else ""
        return Span(0, latency, f"latency {ms(latency)}, slowest route"), Span(0, period, words)

    def lanes(self, span: float) -> Iterator[Lane | Heading | Note]:
        """Stage by stage; before them the links on which the client sends."""
        yield from self._links(CLIENT, span)
        for stage, team in enumerate(self._staff.teams):
            yield self._heading(stage)
            for place, load in enumerate(team):
                yield self._device(load, place, len(team), span)
            yield from self._links(stage, span)

    def _heading(self, stage: int) -> Heading:
        team = self._staff.teams[stage]
        what = f"stage {stage + 1}" if len(self._staff.teams) > 1 else "the whole model"
        who = f"{len(team)} copies" if len(team) > 1 else "no copies"
        return Heading(f"{what}, {who}", units_in_short(self._units(team[0])))

    def _units(self, load: Load) -> list[str]:
        return [self._problem.units[unit].name for unit in load.units]

    def _device(self, load: Load, place: int, copies: int, span: float) -> Lane:
        name, takes = self._problem.boards[load.board].name, frames_said(load.takes)
        which = f"copy {place + 1} of {copies}, " if copies > 1 else ""
        detail = f"{which}takes {takes}"
        if width(detail, SMALL) > NAMES:
            detail = detail.removesuffix(" frames")
        told = device_told(load.work, self._units(load), load.seconds - load.work)
        return Lane(
            (load.board, load.board),
            name,
            fitted(detail, NAMES, SMALL),
            f"{name}: {told}; takes {takes}",
            load.seconds,
            self._busy(load),
            SETS_THE_PERIOD if self._staff.never_rests(load) else "",
            self._starts((load.board, load.board), load.seconds, span),
        )

    def _links(self, stage: int, span: float) -> Iterator[Lane | Note]:
        """On which a stage sends, or the client, and how many of them are left out."""
        links = [link for link in self._staff.links if link.stages[0] == stage and link.takes]
        shown = [link for link in links if self._is_shown(link)]
        yield from (self._link(link, span) for link in shown)
        if rest := len(links) - len(shown):
            yield Note(f"and {rest} that no drawn frame takes")

    def _is_shown(self, link: Link) -> bool:
        if len(self._staff.links) <= MOST_LINKS:
            return True
        starts = self._played.starts.get(link.ends, {})
        used = any(frame in starts for frame in range(self.frames))
        return used or self._staff.never_rests(link)

    def _link(self, link: Link, span: float) -> Lane:
        source, target = link.ends
        name = " to ".join(name_of(self._problem, place) for place in link.ends)
        size, takes = data(link.size), frames_said(link.takes)
        heavy = frozenset({0} if link.ends in self._way else ())
        return Lane(
            link.ends,
            name,
            size,
            f"{name}: {size} in {ms(link.seconds)}; takes {takes}",
            link.seconds,
            self._busy(link),
            self._slowest(link),
            self._starts(link.ends, link.seconds, span),
            Arrow((source, source), (target, target), heavy),
        )

    def _slowest(self, link: Link) -> str:
        if link.media:
            return fitted(f"{' and '.join(link.media)}: 100%", FIGURES, SMALL, bold=True)
        return SETS_THE_PERIOD if self._staff.never_rests(link) else ""

    def _busy(self, one: Load | Link) -> float:
        return one.busy / self._staff.period if one.seconds and self._staff.period else 0.0

    def _starts(self, where: Ends, seconds: float, span: float) -> dict[int, float]:
        """Those that are seen, and those of the frames that are drawn in full."""
        found = self._played.starts.get(where, {})
        return {
            frame: start
            for frame, start in found.items()
            if 0 <= frame < self.frames or -seconds < start < span
        }


def frames_said(takes: float) -> str:
    """A share of the frames in words: so many of a few, or per cent."""
    exact = Fraction(takes).limit_denominator(_LARGEST)
    if abs(exact - takes) > 1e-6 or not exact:
        return "under 1%" if takes < 0.01 else f"{takes:.0%}"
    few = exact.numerator, exact.denominator
    return "every frame" if few == (1, 1) else f"{few[0]} of {few[1]} frames"
