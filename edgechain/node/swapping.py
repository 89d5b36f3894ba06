"""Another generation on a chain of this machine, while it works: what `edgechain swap` does.

First every node loads it beside the one that serves; nothing else changes, and what is wrong with
it ends here. When it is ready everywhere all nodes are told, in one go, to let it serve. Each
step is a configuration file and a SIGHUP, so whatever interrupts this leaves nodes that run
whole generations, and swapping again, there or back, goes on from where they are.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edgechain.discovery.local import LocalChain, LocalNode, is_alive, record
from edgechain.errors import InvalidChain, NodeFailed, Unavailable
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.security.identity import load_identity
from edgechain.spec.chain import ChainManifest
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import parse, render
from edgechain.spec.ids import Generation, StageName
from edgechain.spec.status import GenerationState, NodeStatus
from edgechain.transport.questions import fetch_status

PREPARE_SECONDS = 120.0
"""Loading a large model on a small board takes long; a generation that still retires there keeps
its place for half a minute."""

COMMIT_SECONDS = 30.0
LOOK_SECONDS = 0.05
ANSWER_SECONDS = 5.0

_READY = (GenerationState.READY, GenerationState.CURRENT)

Progress = Callable[[str, int, int], None]
"""Told what is happening, how much of it is done and of how much."""

Placement = Mapping[str, tuple[StageName, ...]]
"""Node name to the stages of the new generation that it is to run."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one node says of the generation that is to serve."""

    node: LocalNode
    state: GenerationState | None
    reason: str
    configurations: int


class LocalSwap:
    """One swap of one chain. What is wrong with ``directory`` is raised before anything changes."""

    def __init__(self, chain: LocalChain, directory: Path, progress: Progress):
        self._chain = chain
        self._directory = directory.resolve()
        self._manifest = load_manifest(self._directory)
        self._placement = assign(chain, self._manifest)
        self._progress = progress
        self._security = load_identity(Path(chain.identity)) if chain.identity else None
        for stage in self._manifest.stages:
            if stage.file is not None:
                read_stage_file(self._directory, stage)

    @property
    def generation(self) -> Generation:
        """The one that is to serve."""
        return Generation(self._manifest.generation)

    async def run(self) -> bool:
        """Swap; false when it serves everywhere already.

        Raises ``NodeFailed``, or is cancelled, with the chain as it was before.
        """
        before = await self._ask_all()
        if self._everywhere(before, (GenerationState.CURRENT,)):
            self._keep_record()
            return False
        heard = {seen.node.name: seen.configurations for seen in before}
        old = {node.name: _read_config(node) for node in self._chain.nodes}
        try:
            self._configure(old, self._prepared)
            await self._await_ready(heard)
        except BaseException:
            self._configure(old, lambda _, config: _cleared(config))
            raise
        self._configure(old, self._committed)
        self._keep_record()
        await self._await_serving()
        return True

    # Configurations --------------------------------------------------------------------------

    def _prepared(self, node: LocalNode, config: NodeConfig) -> NodeConfig:
        stages = self._placement[node.name]
        return _with(config, next=str(self._directory), next_stages=stages)

    def _committed(self, node: LocalNode, config: NodeConfig) -> NodeConfig:
        stages = self._placement[node.name]
        return _with(_cleared(config), chain=str(self._directory), stages=stages)

    def _configure(
        self,
        old: Mapping[str, NodeConfig],
        change: Callable[[LocalNode, NodeConfig], NodeConfig],
    ) -> None:
        """Write every configuration, then tell every node, without a pause between them."""
        for node in self._chain.nodes:
            _write_config(node, change(node, old[node.name]))
        for node in filter(is_alive, self._chain.nodes):
            with suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGHUP)

    def _keep_record(self) -> None:
        nodes = tuple(
            node.model_copy(update={"stages": self._placement[node.name]})
            for node in self._chain.nodes
        )
        told = {
            "generation": self.generation,
            "directory": str(self._directory),
            "nodes": nodes,
        }
        record(self._chain.model_copy(update=told))

    # Waiting ---------------------------------------------------------------------------------

    async def _await_ready(self, heard: Mapping[str, int]) -> None:
        """Until it is ready on every node that has read its configuration since ``heard``."""
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                while not self._is_prepared(await self._ask_all(), heard):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)  # other processes have no event of ours
        except TimeoutError:
            raise NodeFailed(
                f"generation {self.generation[:12]} was not ready on every node after "
                f"{PREPARE_SECONDS:.0f} s; the chain runs as before"
            ) from None

    async def _await_serving(self) -> None:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                while not self._is_serving(await self._ask_all()):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise NodeFailed(
                f"not every node lets generation {self.generation[:12]} serve yet, "
                "though all were told; `edgechain status` shows who does not"
            ) from None

    def _is_prepared(self, seen: Iterable[_Seen], heard: Mapping[str, int]) -> bool:
        """Whether it is ready on every node. Raises ``NodeFailed`` when one cannot load it."""
        news = [one for one in seen if one.configurations > heard.get(one.node.name, -1)]
        for one in news:
            if one.state is GenerationState.FAILED:
                raise NodeFailed(f"{one.node.name}: {one.reason}; the chain runs as before")
        ready = [one for one in news if one.state in _READY]
        self._progress("loading the next generation", len(ready), len(self._chain.nodes))
        return self._everywhere(news, _READY)

    def _is_serving(self, seen: Iterable[_Seen]) -> bool:
        there = [one for one in seen if one.state is GenerationState.CURRENT]
        self._progress("moving the traffic", len(there), len(self._chain.nodes))
        return self._everywhere(there, (GenerationState.CURRENT,))

    def _everywhere(self, seen: Iterable[_Seen], wanted: tuple[GenerationState, ...]) -> bool:
        """Whether every node that lives says one of the wanted states."""
        there = {one.node.name for one in seen if one.state in wanted}
        return there == {node.name for node in self._chain.nodes if is_alive(node)}

    async def _ask_all(self) -> list[_Seen]:
        alive = [node for node in self._chain.nodes if is_alive(node)]
        for stages in set(self._placement.values()):
            if not any(self._placement[node.name] == stages for node in alive):
                raise NodeFailed(f"no node of stage {', '.join(stages)} is alive")
        answers = await asyncio.gather(*map(self._ask, alive))
        return [seen for seen in answers if seen is not None]

    async def _ask(self, node: LocalNode) -> _Seen | None:
        """What a node says; ``None`` when it says nothing now."""
        try:
            text = await fetch_status(node.address, ANSWER_SECONDS, security=self._security)
            status = NodeStatus.model_validate_json(text)
        except (Unavailable, ValidationError):
            return None
        known = {found.generation: found for found in status.generations}
        found = known.get(self.generation) or known.get("")
        if found is None:
            return _Seen(node, None, "", status.configurations)
        return _Seen(node, found.state, found.reason, status.configurations)


def assign(chain: LocalChain, manifest: ChainManifest) -> Placement:
    """Which node runs which of the new stages: those of the same names, else of the same places.

    Raises ``InvalidChain`` when there are more or fewer of them than the nodes run.
    """
    mine = tuple(dict.fromkeys(stage for node in chain.nodes for stage in node.stages))
    theirs = tuple(stage.name for stage in manifest.stages)
    if set(mine) == set(theirs):
        return {node.name: node.stages for node in chain.nodes}
    if len(mine) != len(theirs):
        raise InvalidChain(
            f"it has {len(theirs)} stages and chain {chain.name!r} runs {len(mine)}: `edgechain "
            f"down {chain.name}`, then `edgechain up` it under this name"
        )
    successor = dict(zip(mine, theirs, strict=True))
    return {node.name: tuple(successor[s] for s in node.stages) for node in chain.nodes}


def _cleared(config: NodeConfig) -> NodeConfig:
    return _with(config, next=None, next_stages=None)


def _with(config: NodeConfig, **changes: object) -> NodeConfig:
    return NodeConfig.model_validate(config.model_dump() | changes)


def _read_config(node: LocalNode) -> NodeConfig:
    path = Path(node.config)
    try:
        return parse(NodeConfig, path.read_text(encoding="utf-8"), file=str(path))
    except OSError as error:
        reason = f"the configuration of {node.name} cannot be read: {error.strerror}"
        raise NodeFailed(reason) from error


def _write_config(node: LocalNode, config: NodeConfig) -> None:
    """Whole or not at all: the node may read it at any time."""
    path = Path(node.config)
    draft = path.with_suffix(".draft")
    draft.write_text(render(config), encoding="utf-8")
    draft.replace(path)
