"""What every device and every link of a plan with copies does for the frames that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edgechain.plan.copies import Load, loads
from edgechain.plan.packed import as_it_runs
from edgechain.plan.score import (
    CLIENT,
    Ends,
    crossing_bytes,
    media_seconds,
    on_media,
    owner_of,
    seconds_between,
)
from edgechain.spec.plan import SAME, Placement
from edgechain.spec.problem import Problem


@dataclass(frozen=True, slots=True)
class Link:
    """What goes from one device to another, or between one and ``CLIENT``.

    ``stages`` are the places of the stages at both ends. Bytes and seconds are those of one
    message, ``takes`` is the share of all frames that have one here; ``media`` are those on which
    it is that never rest.
    """

    ends: Ends
    stages: Ends
    size: int
    seconds: float
    takes: float
    media: tuple[str, ...] = ()

    @property
    def busy(self) -> float:
        """Seconds for every frame of the chain, whether it comes along here or not."""
        return self.seconds * self.takes


@dataclass(frozen=True, slots=True)
class Staff:
    """The devices of every stage, the one that takes most first, and all links between them.

    Stages are in an order in which each reads only from those before it. The links are in that of
    those who send on them, the client first.
    """

    period: float
    latency: float
    teams: tuple[tuple[Load, ...], ...]
    links: tuple[Link, ...]

    def reads(self, stage: int) -> tuple[int, ...]:
        """The stages that this one gets something from, ``CLIENT`` among them."""
        found = {link.stages[0] for link in self.links if link.stages[1] == stage}
        return tuple(sorted(found))

    def never_rests(self, one: Load | Link) -> bool:
        """Whether it sets the period, with the others of its stage or of a medium, or alone."""
        busy = 0 < self.period <= one.busy * SAME
        return busy or (isinstance(one, Link) and bool(one.media))


def staff(problem: Problem, found: Placement) -> Staff:
    """Who does what in a placement in which no device has more than one stage."""
    known = {load.board: load for load in loads(problem, found)}
    teams = tuple(tuple(known[board] for board in share.boards) for share in found.shares)
    runs = as_it_runs(problem, found.shares, found.packed)
    links = tuple(_with_media(runs, found.score.period, list(_links(runs, found, teams))))
    return Staff(found.score.period, found.score.latency, teams, links)


def _links(problem: Problem, found: Placement, teams: Sequence[Sequence[Load]]) -> Iterator[Link]:
    stage = {CLIENT: CLIENT} | {share.board: at for at, share in enumerate(found.shares)}
    sizes = crossing_bytes(problem, owner_of(found.shares))
    crossing = {(stage[a], stage[b]): size for (a, b), size in sizes.items()}
    for (a, b), size in sorted(crossing.items()):
        for source, given in _members(teams, a):
            for target, taken in _members(teams, b):
                ends = source, target
                seconds = seconds_between(problem, ends, size)
                yield Link(ends, (a, b), size, seconds, given * taken)


def _members(teams: Sequence[Sequence[Load]], stage: int) -> Iterator[tuple[int, float]]:
    """The devices of a stage, or the client, each with its share of the frames."""
    if stage == CLIENT:
        yield CLIENT, 1.0
    else:
        yield from ((load.board, load.takes) for load in teams[stage])


def _with_media(problem: Problem, period: float, links: Sequence[Link]) -> Iterator[Link]:
    """The same, each with those of its media that never rest."""
    busy = media_seconds(problem, {link.ends: link.size * link.takes for link in links})
    full = {medium for medium, seconds in busy.items() if 0 < period <= seconds * SAME}
    for link in links:
        media = [name for name, _ in on_media(problem, link.ends, link.size) if name in full]
        yield replace(link, media=tuple(media) if link.size * link.takes else ())
