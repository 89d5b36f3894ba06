"""A model halved, and halved again, until every part is what lies between two places to cut.

A part that is measured alone takes longer than it does among others: every call has its price, and
what was fused is torn apart. So the times of halves only say how the time of both together, which
was measured too, is shared between them; the sum of all is what the whole model takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Ends = tuple[int, ...]
"""The last operator of every part but the last, as ``spec.partition.contiguous`` takes them."""


def halvings(count: int, places: Sequence[int], seconds: Sequence[float]) -> list[Ends]:
    """The whole as one part, then ever more parts, of about equal estimated ``seconds``.

    ``count`` is how many operators there are, ``places`` are those after which can be cut.
    """
    levels: list[Ends] = [()]
    while True:
        finer: list[int] = []
        for start, end in _parts(levels[-1], count):
            if (place := _middle(start, end, places, seconds)) is not None:
                finer.append(place)
        if not finer:
            return levels
        levels.append(tuple(sorted((*levels[-1], *finer))))


def operator_shares(
    levels: Sequence[Ends], taken: Sequence[Sequence[float]], seconds: Sequence[float]
) -> list[float]:
    """Every operator's time, from what the parts of every level took.

    It is the whole's time that is shared, so the others may be in another unit. Within the last
    parts it is shared as ``seconds`` were estimated.
    """
    count = len(seconds)
    whole = {(0, count): taken[0][0]}
    for ends, measured in zip(levels[1:], taken[1:], strict=True):
        parts = dict(zip(_parts(ends, count), measured, strict=True))
        whole = {
            part: total * share
            for (start, end), total in whole.items()
            for part, share in _shares(parts, start, end).items()
        }
    shares = [0.0] * count
    for (start, end), total in whole.items():
        estimated = sum(seconds[start:end])
        for op in range(start, end):
            even = 1 / (end - start)
            shares[op] = total * (seconds[op] / estimated if estimated else even)
    return shares


def part_price(levels: Sequence[Ends], taken: Sequence[Sequence[float]]) -> float:
    """What one part more costs, as seen where there are few: a call of the interpreter."""
    extra = [
        (sum(measured) - taken[0][0]) / len(ends)
        for ends, measured in zip(levels[1:3], taken[1:3], strict=True)
    ]
    return max(0.0, sum(extra) / len(extra)) if extra else 0.0


def _parts(ends: Ends, count: int) -> list[tuple[int, int]]:
    return list(pairwise((0, *(end + 1 for end in ends), count)))


def _middle(start: int, end: int, places: Sequence[int], seconds: Sequence[float]) -> int | None:
    """The place that parts these operators most evenly."""
    inside = [place for place in places if start <= place < end - 1]
    if not inside:
        return None
    total = sum(seconds[start:end])
    return min(inside, key=lambda place: abs(2 * sum(seconds[start : place + 1]) - total))


def _shares(
    parts: dict[tuple[int, int], float], start: int, end: int
) -> dict[tuple[int, int], float]:
    """How much of a part's time each part of it has."""
    within = {part: t for part, t in parts.items() if start <= part[0] and part[1] <= end}
    total = sum(within.values())
    return {part: t / total if total else 1 / len(within) for part, t in within.items()}
