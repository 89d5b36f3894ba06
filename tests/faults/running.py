"""A running chain of hashing stages: real node processes, any number of replicas of each stage."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import edgechain
from edgechain.client.chain import Chain
from edgechain.errors import Unavailable
from edgechain.security.identity import load_identity, write_throwaway
from tests.faults.hash_chain import HashChain
from tests.faults.processes import NODE, NodeProcess, write_config
from tests.ports import free_ports

LOOPBACK = "127.0.0.1"
IDENTITIES = "identities"
CLIENT = "client"
Discovery = Literal["static", "mdns"]

CONNECT_SECONDS = 60.0
LOOK_SECONDS = 0.02


@dataclass
class RunningChain:
    """Nodes by name: ``STAGE-NUMBER``, the number counting a stage's replicas from 1."""

    chain: HashChain
    folder: Path
    namespace: str
    nodes: dict[str, NodeProcess]

    def replicas(self, stage: str) -> list[NodeProcess]:
        """The nodes that run a stage."""
        return [node for node in self.nodes.values() if stage in node.stages]

    def connect(self) -> AbstractAsyncContextManager[Chain]:
        """A client of this chain that is told where its nodes are."""
        return edgechain.connect(**self.whereabouts(), timeout=CONNECT_SECONDS)

    def whereabouts(self) -> dict[str, Any]:
        """What ``edgechain.connect`` is told; JSON, for clients in other processes."""
        return {
            "target": self.chain.manifest.name,
            "namespace": self.namespace,
            "peers": [node.address for node in self.nodes.values()],
            "identity": str(self.folder / IDENTITIES / CLIENT),
        }

    async def restart(self, node: NodeProcess) -> None:
        """Start a node that has ended; returns when it is linked to those it feeds."""
        await node.start()
        await node.hears("linked")

    async def has_run(self, node: NodeProcess, within: float) -> bool:
        """Wait until this life of a node has run something; whether it did in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while loop.time() < end:
            try:
                if any(stage.ran for stage in (await node.status()).stages):
                    return True
            except Unavailable:
                pass  # it is still being started
            await asyncio.sleep(LOOK_SECONDS)
        return False


@asynccontextmanager
async def running(
    chain: HashChain,
    folder: Path,
    *,
    replicas: int = 1,
    slots: int = 8,
    module: str = NODE,
    discovery: Discovery = "static",
    hosts: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningChain]:
    """Start every node, wait until all are linked, and end them at the end.

    ``folder`` holds ``chain`` as ``chain/`` and gets the nodes' configurations and logs.
    ``discovery`` is how nodes find each other; a client is told where they are. ``hosts`` are the
    addresses of nodes that are not on loopback, by name.
    """
    placement = {
        f"{stage}-{number}": stage for number in range(1, replicas + 1) for stage in chain.stages
    }
    with _lifeline() as lifeline:
        ports = dict(zip(placement, free_ports(len(placement)), strict=True))
        host = dict.fromkeys(placement, LOOPBACK) | dict(hosts or {})
        namespace = f"faults-{uuid.uuid4().hex[:12]}"
        identities = folder / IDENTITIES
        write_throwaway(identities, chain.manifest.name, tuple(placement), CLIENT)
        security = load_identity(identities / CLIENT)
        nodes = {}
        for name, stage in placement.items():
            fed = _feeds(chain, stage)
            peers = [f"{host[n]}:{ports[n]}" for n, other in placement.items() if other in fed]
            config = {
                "name": name,
                "identity": str(identities / name),
                "chain": str(folder / "chain"),
                "stages": [stage],
                "namespace": namespace,
                "host": host[name],
                "port": ports[name],
                "discovery": discovery,
                "peers": peers if discovery == "static" else [],
                "interfaces": [LOOPBACK],
                "slots": slots,
                "threads": 1,
            }
            path = write_config(folder / f"{name}.yaml", config)
            address = f"{host[name]}:{ports[name]}"
            nodes[name] = NodeProcess(name, (stage,), path, address, security, lifeline, module)
        try:
            await asyncio.gather(*(node.start() for node in nodes.values()))
            await asyncio.gather(*(node.hears("linked") for node in nodes.values()))
            yield RunningChain(chain, folder, namespace, nodes)
        finally:
            await asyncio.gather(*(node.end() for node in nodes.values()))


def _feeds(chain: HashChain, stage: str) -> frozenset[str]:
    gives = chain.ways[stage][1]
    return frozenset(other for other, (takes, _) in chain.ways.items() if gives in takes.split())


@contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe's reading end for the nodes; they end when its writing end, ours, is gone."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)
