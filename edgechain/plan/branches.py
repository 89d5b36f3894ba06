"""Branches of a model that can run side by side, each on a board of its own.

A branch is what one consumer of a fork dominates: every way from the model's inputs to its
operators leads through that consumer. Such sets are convex, and branches none of which needs
another leave an acyclic partition: what comes before, the branches, what comes after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from edgechain.errors import CannotCut
from edgechain.plan.cost import all_seconds
from edgechain.plan.dominators import ROOT, dominators
from edgechain.spec.graph import OpGraph
from edgechain.spec.partition import Partition

MAX_BRANCHES = 8


def parallel_branches(
    graph: OpGraph,
    seconds: Sequence[float] | None = None,
    *,
    most: int = MAX_BRANCHES,
    least_share: float = 0.01,
) -> Partition | None:
    """The fork whose branches save the most time run side by side, or ``None``.

    Groups: before the fork (if anything), two to ``most`` branches, after them (if anything).
    A branch with less than ``least_share`` of the model's time is no real work and stays with
    its surroundings.
    """
    taken = tuple(all_seconds(graph) if seconds is None else seconds)
    least = least_share * sum(taken)
    dominator = _dominators(graph)
    work = _work_below(dominator, taken)
    candidates: list[tuple[float, list[int]]] = []
    for heads in _forks(graph, dominator):
        real = [op for op in heads if work[op] >= least and work[op] > 0.0]
        real = sorted(real, key=lambda op: (-work[op], op))[:most]
        if len(real) > 1:
            candidates.append((sum(work[op] for op in real[1:]), real))
    for _, heads in sorted(candidates, key=lambda found: -found[0]):
        partition = _around(graph, _dominated(dominator, heads))
        if partition is not None:
            return partition
    return None


def _forks(graph: OpGraph, dominator: Mapping[int, int]) -> Iterator[list[int]]:
    """For every fork, the first operators of branches that do not need each other."""
    children: dict[int, list[int]] = defaultdict(list)
    for op, parent in dominator.items():
        children[parent].append(op)
    for siblings in children.values():
        independent = _independent(graph, siblings) if len(siblings) > 1 else []
        if len(independent) > 1:
            yield independent


def _dominators(graph: OpGraph) -> dict[int, int]:
    """Every operator's nearest dominator; operators computing from constants only have none."""
    return dominators(
        {
            op.index: [graph.producer.get(tensor, ROOT) for tensor in op.inputs]
            for op in graph.operators
            if op.inputs
        }
    )


def _work_below(dominator: Mapping[int, int], seconds: Sequence[float]) -> dict[int, float]:
    """Seconds of all that each operator dominates, itself included."""
    work = {op: seconds[op] for op in dominator}
    for op in sorted(dominator, reverse=True):
        if dominator[op] != ROOT:
            work[dominator[op]] += work[op]
    return work


def _dominated(dominator: Mapping[int, int], heads: Sequence[int]) -> list[frozenset[int]]:
    """For each of ``heads``, none of which dominates another, all it dominates and itself."""
    owner = {head: head for head in heads}
    for op, parent in sorted(dominator.items()):
        if parent in owner:
            owner.setdefault(op, owner[parent])
    return [frozenset(op for op, own in owner.items() if own == head) for head in heads]


def _independent(graph: OpGraph, siblings: Sequence[int]) -> list[int]:
    """The siblings that no other sibling leads to: the rest are joins behind them."""
    behind: set[int] = set()
    chosen: list[int] = []
    marks = frozenset(siblings)
    for op in range(min(siblings), max(siblings) + 1):
        reached = any(before in behind for before in graph.predecessors(op))
        if op in marks and not reached:
            chosen.append(op)
        if reached or op in marks:
            behind.add(op)
    return chosen


def _around(graph: OpGraph, branches: Sequence[frozenset[int]]) -> Partition | None:
    """The partition of these branches, or ``None`` when it would tear something apart."""
    inside = frozenset().union(*branches)
    before = _ancestors(graph, inside) - inside
    constant = {op.index for op in graph.operators if not op.inputs and not op.outputs}
    after = {op.index for op in graph.operators} - inside - before - constant
    groups = [set(group) for group in (before, *branches, after) if group]
    groups[0] |= constant
    try:
        return Partition(graph, tuple(tuple(sorted(group)) for group in groups))
    except CannotCut:
        return None


def _ancestors(graph: OpGraph, operators: frozenset[int]) -> frozenset[int]:
    found: set[int] = set()
    waiting = list(operators)
    while waiting:
        for before in graph.predecessors(waiting.pop()):
            if before not in found:
                found.add(before)
                waiting.append(before)
    return frozenset(found)
