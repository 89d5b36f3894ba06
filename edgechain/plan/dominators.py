"""What every way from the beginning of a graph to a node leads through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ROOT = -1
"""Before all: what reads nothing that is known begins here."""


def dominators(reads: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Every node's nearest dominator; nodes in an order in which each reads only earlier ones.

    One pass is enough, as there are no circles (Cooper, Harvey and Kennedy, "A simple, fast
    dominance algorithm", 2001).
    """
    nearest: dict[int, int] = {}
    depth = {ROOT: 0}
    for node, read in reads.items():
        makers = iter(sorted({maker if maker in depth else ROOT for maker in read} or {ROOT}))
        parent = next(makers)
        for maker in makers:
            parent = _common(parent, maker, nearest, depth)
        nearest[node], depth[node] = parent, depth[parent] + 1
    return nearest


def dominated(nearest: Mapping[int, int]) -> dict[int, list[int]]:
    """For every node itself and all that it dominates, ascending."""
    found: dict[int, list[int]] = {}
    for node in nearest:
        above = node
        while above != ROOT:
            found.setdefault(above, []).append(node)
            above = nearest[above]
    return found


def _common(a: int, b: int, nearest: Mapping[int, int], depth: Mapping[int, int]) -> int:
    while a != b:
        if depth[a] < depth[b]:
            a, b = b, a
        a = nearest[a]
    return a
