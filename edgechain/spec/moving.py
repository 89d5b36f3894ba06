"""A chain that moves to another generation: what runs, what is to run, and what its nodes say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edgechain.spec.ids import Generation, NodeName, StageName
from edgechain.spec.status import GenerationState, NodeStatus

Assignment = Mapping[NodeName, tuple[StageName, ...]]
"""Every node of the chain, and the stages that it runs: none, where it stands by."""


@dataclass(frozen=True, slots=True)
class RunningChain:
    """A chain that runs: the name that clients use, its generation, and who runs what of it.

    ``directory`` is where its ``chain.yaml`` is on this machine, None where it is nowhere here.
    What is cut for it goes to folders of their own in ``cuts``. ``plan`` is the text of the plan
    that it runs after, empty where there is none.
    """

    name: str
    generation: str
    assignment: Assignment
    directory: Path | None
    cuts: Path
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one node says: how the generation that is to serve is there, and how it is asked for.

    ``configurations`` is how often it was given one; ``others`` how many generations are on it
    besides.
    """

    node: NodeName
    state: GenerationState | None
    reason: str
    configurations: int
    others: int = 0

    @classmethod
    def of(cls, status: NodeStatus, node: NodeName, generation: Generation) -> Self:
        """What a node's status says about a generation, or why it cannot even be read there."""
        known = {found.generation: found for found in status.generations}
        found = known.get(generation) or known.get("")
        state, reason = (found.state, found.reason) if found is not None else (None, "")
        alive = [g for g in known.values() if g.state is not GenerationState.FAILED]
        others = sum(g.generation != generation for g in alive)
        return cls(node, state, reason, status.configurations, others)
