"""A chain that works moves to another generation, or to other nodes: the steps, wherever it runs.

First every node loads its part beside what serves, nodes that have had none stand by until then;
nothing else changes, and what is wrong ends here. When it is ready everywhere all nodes are told,
in one go, to let it serve; those that have no part in it any more are let go when their traffic
has left. Whatever interrupts this leaves nodes that run whole generations, and moving again, there
or back, goes on from where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from edgechain.errors import NodeFailed
from edgechain.spec.ids import Generation, NodeName
from edgechain.spec.moving import Seen
from edgechain.spec.progress import Progress
from edgechain.spec.status import GenerationState

PREPARE_SECONDS = 120.0
"""Loading a large model on a small board takes long; a generation that still retires there keeps
its place for half a minute."""

COMMIT_SECONDS = 30.0

LEAVE_SECONDS = 40.0
"""Longer than a generation retires (25 s) and drains (5 s)."""

LOOK_SECONDS = 0.05

_READY = (GenerationState.READY, GenerationState.CURRENT)


class Ground(Protocol):
    """Where a chain's nodes run: what it takes there to give them a generation and tell them.

    Every step may be done again. ``node.local_ground`` is this machine, ``deploy.fleet_ground``
    are devices that were flashed.
    """

    def names(self) -> frozenset[NodeName]:
        """The nodes that are to say how they are: all that are alive."""

    def missing(self) -> frozenset[NodeName]:
        """The nodes that have a part in the next generation and are not alive."""

    async def look(self) -> Sequence[Seen]:
        """What they say now, as far as they say anything. Raises ``NodeFailed`` where none can."""

    async def prepare(self) -> None:
        """Give every node its part of the next generation, to be ready beside what serves.

        Nodes that do not run yet are started, standing by.
        """

    async def withdraw(self) -> None:
        """Take that back: the chain is as it was before ``prepare``."""

    async def commit(self) -> None:
        """Tell every node, without a pause between them, to let the next generation serve."""

    def leaving(self) -> frozenset[NodeName]:
        """The nodes that are to be dismissed: they have no part in it, and no other use there."""

    async def dismiss(self) -> None:
        """End those."""


class Move:
    """One move of one chain to a generation, on some ground."""

    def __init__(self, ground: Ground, generation: Generation, progress: Progress):
        self._ground = ground
        self._generation = generation
        self._progress = progress

    async def run(self) -> bool:
        """Move; false when it serves everywhere already and nobody is missing.

        Raises ``NodeFailed``, or is cancelled, with the chain as it was before; after the nodes
        were told it says what is left to wait for.
        """
        before = await self._ground.look()
        serves = self._everywhere(before, (GenerationState.CURRENT,))
        moved = not serves or bool(self._ground.missing())
        if moved:
            await self._prepare({seen.node: seen.configurations for seen in before})
        await self._ground.commit()
        await self._await_serving()
        await self._await_left()
        await self._ground.dismiss()
        return moved

    async def _prepare(self, heard: Mapping[NodeName, int]) -> None:
        try:
            await self._ground.prepare()
            await self._await_ready(heard)
        except BaseException:
            await self._ground.withdraw()
            raise

    async def _await_ready(self, heard: Mapping[NodeName, int]) -> None:
        """Until it is ready on every node that was given a configuration since ``heard``."""
        short = self._generation[:12]
        reason = f"generation {short} was not ready on every node after {PREPARE_SECONDS:.0f} s"
        await self._until(
            lambda seen: self._is_prepared(seen, heard),
            PREPARE_SECONDS,
            f"{reason}; the chain runs as before",
        )

    async def _await_serving(self) -> None:
        reason = f"not every node lets generation {self._generation[:12]} serve yet, though all"
        await self._until(
            self._is_serving,
            COMMIT_SECONDS,
            f"{reason} were told; `edgechain status` shows who does not",
        )

    async def _await_left(self) -> None:
        """Until no node that is to be dismissed has another generation any more."""
        leaving = self._ground.leaving()
        if leaving:
            await self._until(
                lambda seen: self._has_left(seen, leaving),
                LEAVE_SECONDS,
                f"{', '.join(sorted(leaving))} still work; `edgechain apply` again ends them",
            )

    async def _until(
        self, is_so: Callable[[Sequence[Seen]], bool], seconds: float, otherwise: str
    ) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not is_so(await self._ground.look()):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)  # other processes have no event of ours
        except TimeoutError:
            raise NodeFailed(otherwise) from None

    # Verdicts --------------------------------------------------------------------------------

    def _is_prepared(self, seen: Sequence[Seen], heard: Mapping[NodeName, int]) -> bool:
        """Whether it is ready on every node. Raises ``NodeFailed`` when one cannot load it."""
        news = [one for one in seen if one.configurations > heard.get(one.node, -1)]
        for one in news:
            if one.state is GenerationState.FAILED:
                raise NodeFailed(f"{one.node}: {one.reason}; the chain runs as before")
        ready = sum(one.state in _READY for one in news)
        self._progress("loading the next generation", ready, len(self._ground.names()))
        return self._everywhere(news, _READY)

    def _is_serving(self, seen: Sequence[Seen]) -> bool:
        there = sum(one.state is GenerationState.CURRENT for one in seen)
        self._progress("moving the traffic", there, len(self._ground.names()))
        return self._everywhere(seen, (GenerationState.CURRENT,))

    def _has_left(self, seen: Sequence[Seen], leaving: frozenset[NodeName]) -> bool:
        left = {one.node for one in seen if one.node in leaving and not one.others}
        self._progress("letting nodes go", len(left), len(leaving))
        return leaving & self._ground.names() <= left

    def _everywhere(self, seen: Iterable[Seen], wanted: tuple[GenerationState, ...]) -> bool:
        """Whether every node that lives says one of the wanted states."""
        there = {one.node for one in seen if one.state in wanted}
        return self._ground.names() <= there
