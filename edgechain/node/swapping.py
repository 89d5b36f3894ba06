"""Another generation on a chain of this machine, while it works: what `edgechain swap` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgechain.discovery.local import LocalChain
from edgechain.node.local_ground import LocalGround
from edgechain.node.moving import Move
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation, NodeName, StageName, as_name, is_name
from edgechain.spec.moving import Assignment
from edgechain.spec.progress import Progress


class LocalSwap:
    """One swap of one chain. What is wrong with ``directory`` is raised before anything changes.

    ``assignment`` says which node runs what, where that is not to follow from what they run now;
    ``plan`` is the text of the plan that it comes from.
    """

    def __init__(
        self,
        chain: LocalChain,
        directory: Path,
        progress: Progress,
        assignment: Assignment | None = None,
        *,
        plan: str = "",
    ):
        manifest = load_manifest(directory.resolve())
        for stage in manifest.stages:
            if stage.file is not None:
                read_stage_file(directory, stage)
        self.generation = Generation(manifest.generation)
        """The one that is to serve."""
        chosen = assign(chain, manifest) if assignment is None else assignment
        ground = LocalGround(chain, directory, self.generation, chosen, progress, plan=plan)
        self._move = Move(ground, self.generation, progress)

    async def run(self) -> bool:
        """Swap; false when it serves everywhere already.

        Raises ``NodeFailed``, or is cancelled, with the chain as it was before.
        """
        return await self._move.run()


def assign(chain: LocalChain, manifest: ChainManifest) -> Assignment:
    """Which node runs which of the new stages: those of the same names, else of the same places.

    For stages that there are more of than before there are new nodes, called like those of `up`;
    nodes of stages that there are fewer of have none.
    """
    mine = tuple(dict.fromkeys(stage for node in chain.nodes for stage in node.stages))
    theirs = tuple(stage.name for stage in manifest.stages)
    if set(mine) == set(theirs):
        return {node.name: node.stages for node in chain.nodes}
    successor = dict(zip(mine, theirs, strict=False))
    found = {node.name: _following(node.stages, successor) for node in chain.nodes}
    for stage in theirs[len(mine) :]:
        found[_free_name(f"{chain.name}-{stage}", found)] = (stage,)
    return found


def _following(
    stages: Sequence[StageName], successor: Mapping[StageName, StageName]
) -> tuple[StageName, ...]:
    return tuple(successor[stage] for stage in stages if stage in successor)


def _free_name(wanted: str, taken: Mapping[NodeName, object]) -> NodeName:
    """This name, or the first of its kind that no node has."""
    name = wanted if is_name(wanted) else as_name(wanted[:56])
    number = 2
    free = name
    while free in taken:
        free = f"{name[:58]}-{number}"
        number += 1
    return free
