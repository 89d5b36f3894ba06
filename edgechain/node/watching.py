"""Watching over the nodes of a chain on this machine, until one of its stages has none left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from edgechain.discovery.local import LocalChain, LocalNode, find_chain, is_alive
from edgechain.errors import NodeFailed
from edgechain.node.children import Child

LOOK_SECONDS = 1.0
"""How often nodes are looked at that others have started since: they are no children of ours."""


async def watch(name: str, children: Sequence[Child], on_loss: Callable[[str], None]) -> None:
    """Wait until a stage of the chain has no node left; raises ``NodeFailed`` and says how.

    What its nodes are is what its record says by then: nodes that a move has let go may end.
    ``on_loss`` is told of each node that ends while another one of its stages goes on.
    """
    waits = {asyncio.create_task(child.process.wait()): child for child in children}
    words: dict[str, str] = {}
    told: set[int] = set()
    try:
        while True:
            for child in await _ended(waits):
                words[child.place.name] = f"{child.place.title} {child.manner()}"
            chain = await asyncio.to_thread(find_chain, name)
            if chain is None:
                raise NodeFailed(next(reversed(words.values()), f"no node of {name} is left"))
            for node in chain.nodes:
                if not is_alive(node) and node.pid not in told:
                    told.add(node.pid)
                    _judge(chain, node, words.get(node.name, f"node {node.name} ended"), on_loss)
    finally:
        for task in waits:
            task.cancel()


async def _ended(waits: dict[asyncio.Task[int], Child]) -> Iterable[Child]:
    """Children that have ended, after a while perhaps none."""
    if not waits:
        await asyncio.sleep(LOOK_SECONDS)
        return ()
    done, _ = await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    return [waits.pop(task) for task in done]


def _judge(chain: LocalChain, node: LocalNode, words: str, on_loss: Callable[[str], None]) -> None:
    """A node that has had stages is a loss, or the end where nobody else runs one of them."""
    left = {stage for other in chain.nodes if is_alive(other) for stage in other.stages}
    if any(stage not in left for stage in node.stages):
        raise NodeFailed(words)
    if node.stages:
        on_loss(words)
