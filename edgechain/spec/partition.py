"""Which operators go into which submodel.

A partition is a set of groups of operators whose quotient graph is acyclic; every group is then
convex (a path that leaves a group and comes back would be a cycle between groups). A contiguous
range of operators is the simple case; branches may go to groups of their own.
"""

from __future__ import annotations

import graphlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from edgechain.errors import CannotCut
from edgechain.spec.graph import OpGraph


@dataclass(frozen=True, slots=True)
class Partition:
    """Groups of operator indexes, in any order; checked at birth.

    Raises ``CannotCut`` naming the operator when an operator is in no group or in two, when the
    groups need each other in a circle, when shared state would be torn apart, or when a tensor
    that cannot leave a submodel would have to.
    """

    graph: OpGraph
    groups: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        owner = self._owners()
        self._check_state(owner)
        self._check_crossing(owner)
        self._check_order(owner)

    @property
    def crossing(self) -> tuple[int, ...]:
        """Tensors from group to group that are none of the model's own, in order of birth."""
        graph = self.graph
        made = dict.fromkeys(t for group in self.groups for t in graph.outputs_of(group))
        return tuple(t for t in graph.producer if t in made and t not in graph.outputs)

    def _owners(self) -> dict[int, int]:
        owner: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            for op in group:
                if not 0 <= op < len(self.graph.operators):
                    raise CannotCut(f"operator {op}", "the model has no such operator")
                if op in owner:
                    raise CannotCut(str(self.graph.operators[op]), "it is in two groups")
                owner[op] = number
            if not group:
                raise CannotCut(f"group {number}", "it has no operators")
        for operator in self.graph.operators:
            if operator.index not in owner:
                raise CannotCut(str(operator), "it is in no group")
        return owner

    def _check_state(self, owner: dict[int, int]) -> None:
        for members, reason in self.graph.bound:
            if len({owner[op] for op in members}) > 1:
                raise CannotCut(str(self.graph.operators[min(members)]), reason)

    def _check_crossing(self, owner: dict[int, int]) -> None:
        for tensor, op in self.graph.producer.items():
            reason = self.graph.tensors[tensor].crosses
            users = self.graph.consumers.get(tensor, ())
            if reason and any(owner[user] != owner[op] for user in users):
                name = self.graph.tensors[tensor].name
                raise CannotCut(str(self.graph.operators[op]), f"its output {name!r} {reason}")

    def _check_order(self, owner: dict[int, int]) -> None:
        needs: dict[int, set[int]] = {number: set() for number in range(len(self.groups))}
        for op in self.graph.operators:
            needs[owner[op.index]] |= {owner[p] for p in self.graph.predecessors(op.index)}
        for number, needed in needs.items():
            needed.discard(number)
        try:
            tuple(graphlib.TopologicalSorter(needs).static_order())
        except graphlib.CycleError as error:
            circle = list(error.args[1])
            first = self.graph.operators[self.groups[circle[0]][0]]
            names = " -> ".join(f"group {number}" for number in reversed(circle))
            reason = f"the groups need each other in a circle: {names}"
            raise CannotCut(str(first), reason) from None


def contiguous(graph: OpGraph, ends: Sequence[int]) -> Partition:
    """The partition cut after each operator in ``ends`` (strictly increasing, in 0..n-2)."""
    edges = [0, *(end + 1 for end in ends), len(graph.operators)]
    groups = (tuple(range(a, b)) for a, b in itertools.pairwise(edges))
    return Partition(graph, tuple(groups))
