"""All nodes of a chain on this machine: what `edgechain up` does.

Each node is a real daemon process that finds the others by mDNS on loopback. While the chain
runs there is one record of it (``discovery.local``) and one directory with the nodes' configs
and logs; both are gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Literal, Self

from edgechain.discovery.local import (
    LocalChain,
    LocalNode,
    claim,
    find_chain,
    forget,
    is_alive,
    process_started,
    record,
    workplace,
)
from edgechain.discovery.peers import default_namespace
from edgechain.errors import AddressInUse, NodeFailed
from edgechain.node.children import Child, NodePlace, start_child
from edgechain.node.ending import end_processes
from edgechain.node.watching import watch
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.security.fleet import FleetDirectory
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.config import MAX_THREADS, NodeConfig
from edgechain.spec.device_file import render_device
from edgechain.spec.ids import NodeName, StageName, is_name
from edgechain.spec.message import Role
from edgechain.spec.progress import Progress

START_SECONDS = 60.0
MAX_PORT = 65535
LOOPBACK = "127.0.0.1"
CLIENT = "client"
"""Whose identity the commands of this machine show."""


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How the nodes are to be run. ``port`` is the first node's; 0 lets the system choose."""

    slots: int = 8
    threads: int = 0
    """Per stage; 0 shares this machine's processors out."""
    interpreter: Literal["auto", "litert", "tflite"] = "auto"
    port: int = 0
    replicas: int = 1
    """Nodes per stage, at most 26."""
    devices: Mapping[StageName, tuple[NodeName, ...]] = field(default_factory=dict)
    """What the nodes of every stage are called, where a plan says so; instead of ``replicas``."""
    plan: str = ""
    """That plan, as it is written."""
    insecure: bool = False
    """Run without keys."""
    namespace: str = field(default_factory=default_namespace)


class LocalChainRunner:
    """Starts a chain's nodes. ``async with`` ends them again unless ``detach``.

    Raises ``ChainAlreadyRunning``, or what keeps a node from starting; nothing is left then.
    """

    def __init__(
        self,
        directory: Path,
        name: str | None,
        options: LocalOptions,
        *,
        detach: bool,
        progress: Progress,
    ):
        self._directory = directory.resolve()
        self._manifest: ChainManifest = load_manifest(self._directory)
        self._name = name or self._manifest.name
        self._options = options
        self._places = (
            planned_places(self._manifest, options.devices)
            if options.devices
            else places(self._name, self._manifest, options.replicas)
        )
        self._detach = detach
        self._progress = progress
        self._children: list[Child] = []
        self._lifeline: tuple[int, int] | None = None
        self.chain: LocalChain | None = None

    async def __aenter__(self) -> Self:
        last = self._options.port + len(self._places) - 1
        if self._options.port and last > MAX_PORT:
            raise AddressInUse(f"the nodes would need port {last}, and the last one is {MAX_PORT}")
        for stage in self._manifest.stages:
            if stage.file is not None:
                read_stage_file(self._directory, stage)
        with claim(self._name):
            try:
                await self._start()
            except BaseException:
                await self._stop()
                raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._detach and exc[0] is None:
            self._let_go()
        else:
            await self._stop()

    async def _start(self) -> None:
        self._workplace.mkdir(parents=True, exist_ok=True)
        if not self._options.insecure:
            self._make_identities()
        if not self._detach:
            self._lifeline = os.pipe()
        for place in self._places:
            self._children.append(await self._spawn(place))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._await_all("listening", "starting nodes")
                self.chain = self._describe()
                record(self.chain)
                await self._await_all("linked", "nodes finding each other")
        except TimeoutError:
            raise NodeFailed(f"the nodes were not ready after {START_SECONDS:.0f} s") from None

    def _make_identities(self) -> None:
        """A fleet of this chain's own, for as long as it runs; nodes that are added join it."""
        FleetDirectory.make(self._workplace)
        fleet = FleetDirectory(self._workplace)
        fleet.provide(Role.CLIENT, CLIENT)
        for place in self._places:
            fleet.provide(Role.NODE, place.name)

    @property
    def _workplace(self) -> Path:
        return workplace(self._name)

    @property
    def _identities(self) -> Path:
        """Everybody's identity, each for as long as this chain runs."""
        return self._workplace / "identities"

    async def _spawn(self, place: NodePlace) -> Child:
        config = self._workplace / f"{place.label}.yaml"
        config.write_text(render_device(self._config(place)), encoding="utf-8")
        return await start_child(place, config, self._lifeline[0] if self._lifeline else None)

    def _config(self, place: NodePlace) -> NodeConfig:
        options = self._options
        share = max(1, min(MAX_THREADS, (os.cpu_count() or 1) // len(self._places)))
        return NodeConfig(
            name=place.name,
            identity=None if options.insecure else str(self._identities / place.name),
            insecure=options.insecure,
            chain=str(self._directory),
            stages=tuple(stage.name for stage in place.stages),
            chain_name=self._name,
            namespace=options.namespace,
            host=LOOPBACK,
            port=options.port + place.number if options.port else 0,
            interfaces=(LOOPBACK,),
            slots=options.slots,
            threads=options.threads or share,
            interpreter=options.interpreter,
        )

    async def _await_all(self, event: str, what: str) -> None:
        done, total = 0, len(self._children)
        self._progress(what, done, total)

        async def expect(child: Child) -> None:
            nonlocal done
            await child.expect(event)
            done += 1
            self._progress(what, done, total)

        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(expect(child))
        except BaseExceptionGroup as error:
            raise error.exceptions[0] from None

    def _describe(self) -> LocalChain:
        nodes = tuple(
            LocalNode(
                name=child.place.name,
                pid=child.process.pid,
                started=process_started(child.process.pid),
                address=f"{LOOPBACK}:{child.reported['listening']['port']}",
                stages=tuple(stage.name for stage in child.place.stages),
                config=str(self._workplace / f"{child.place.label}.yaml"),
            )
            for child in self._children
        )
        owner = None if self._detach else os.getpid()
        return LocalChain(
            name=self._name,
            generation=self._manifest.generation,
            directory=str(self._directory),
            identity="" if self._options.insecure else str(self._identities / CLIENT),
            owner_pid=owner,
            owner_started=process_started(owner) if owner else 0,
            nodes=nodes,
            plan=self._options.plan,
        )

    async def watch(self, on_loss: Callable[[str], None] = lambda _: None) -> None:
        """Wait until a stage has no node left; raises ``NodeFailed`` with the end of its log.

        ``on_loss`` is told of each node that ends while another one of its stages goes on.
        """
        await watch(self._name, self._children, on_loss)

    def hurry(self) -> None:
        """Tell nodes that are stopping not to wait for what has begun."""
        for child in self._children:
            if not child.ended:
                child.process.terminate()

    async def _stop(self) -> None:
        self.hurry()
        await asyncio.gather(*(child.reap() for child in self._children))
        await self._end_others()
        self._let_go()
        forget(self._name)

    async def _end_others(self) -> None:
        """Nodes that a move has started since; they are no children of ours."""
        chain = await asyncio.to_thread(find_chain, self._name)
        others = {} if chain is None else {n.pid: n.started for n in chain.nodes if is_alive(n)}
        await asyncio.to_thread(end_processes, others)

    def _let_go(self) -> None:
        for child in self._children:
            child.pipe.close()
        if self._lifeline is not None:
            for fileno in self._lifeline:
                os.close(fileno)
            self._lifeline = None


def places(name: str, manifest: ChainManifest, replicas: int) -> tuple[NodePlace, ...]:
    """The nodes of a local chain: ``replicas`` for every stage, stage by stage."""
    found: list[NodePlace] = []
    for stage in manifest.stages:
        for letter in ascii_lowercase[:replicas]:
            label = f"{stage.name}-{letter}" if replicas > 1 else stage.name
            node = _node_name(name, label, len(found))
            found.append(NodePlace(len(found), (stage,), label, node, f"node of stage {label}"))
    return tuple(found)


def planned_places(
    manifest: ChainManifest, devices: Mapping[StageName, tuple[NodeName, ...]]
) -> tuple[NodePlace, ...]:
    """The nodes of a local chain, called like the devices that they stand for."""
    stages: dict[NodeName, list[Stage]] = {}
    for stage in manifest.stages:
        for name in devices[stage.name]:
            stages.setdefault(name, []).append(stage)
    return tuple(
        NodePlace(number, tuple(of), name, name, f"node {name}")
        for number, (name, of) in enumerate(stages.items())
    )


def _node_name(chain: str, label: str, number: int) -> NodeName:
    """Chain and label where there is room for both, and the node's number otherwise."""
    name = f"{chain}-{label}"
    return name if is_name(name) else f"{chain[:56]}-{number}"
