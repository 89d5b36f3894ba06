"""Which copy of every stage each frame takes, dealt so evenly that it can be drawn.

A client picks the copy with the least load (``client.routes``), which depends on what else goes on.
What a plan counts with is what that comes to over many frames: a copy takes its share of them, and
a link the shares of both its ends. Here frames are dealt so that both hold as steadily as can be.

In every stage a frame goes to the copy that is furthest behind its share, as in a smooth weighted
round robin (how even that can be: Tijdeman, "The chairman assignment problem", Discrete Mathematics
32, 1980). It is counted over all frames, and over those that come from the same copies: else two
stages of two equal copies would use but two of their four links. For a stage that never rests this
is as good as to take the copy that is free first; in another one the quickest copy is always free,
and would take more than its share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Route = tuple[int, ...]
"""For every stage the place of a copy among the stage's devices."""

_WEIGHT = 4
"""All frames count so many times: measured over 40 random plans, shares are then at most 1.2 frames
off and those of links 2.2; with 1 it is 1.6 and 1.5, with 16 it is 1.0 and 4.4."""

_DIGITS = 9
"""After the point of what is compared: sums of shares are rounded, equal copies are equal."""


def routes(shares: Sequence[Sequence[float]], reads: Sequence[Sequence[int]]) -> Iterator[Route]:
    """The routes of the first, the second, ... frame, without an end.

    ``shares`` are those of all frames that each copy of each stage takes, together 1 for a stage;
    ``reads`` the places of the stages that each one reads from, all before its own.
    """
    dealers = [_Dealer(takes) for takes in shares]
    while True:
        route: list[int] = []
        for dealer, sources in zip(dealers, reads, strict=True):
            route.append(dealer.deal([(source, route[source]) for source in sources]))
        yield tuple(route)


class _Dealer:
    """Gives every frame of one stage to a copy."""

    def __init__(self, shares: Sequence[float]):
        self._shares = shares
        self._able = [copy for copy, share in enumerate(shares) if share > 0]
        self._owed = [0.0] * len(shares)
        self._owed_from: dict[tuple[int, int], list[float]] = {}

    def deal(self, sources: Sequence[tuple[int, int]]) -> int:
        """The copy for a frame that comes from these stages' copies."""
        rows = [self._owed_from.setdefault(one, [0.0] * len(self._shares)) for one in sources]
        rows.append(self._owed)
        for row in rows:
            for copy, share in enumerate(self._shares):
                row[copy] += share
        weighed = [*rows, *[self._owed] * (_WEIGHT - 1)]
        owed = [round(sum(row[copy] for row in weighed), _DIGITS) for copy in self._able]
        chosen = self._able[owed.index(max(owed))]
        for row in rows:
            row[chosen] -= 1
        return chosen
