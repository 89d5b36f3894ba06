"""The nodes of a chain on this machine, while it moves: configuration files, SIGHUP, processes.

A node is given a generation by its configuration file, and told by SIGHUP; one that does not run
yet is a new process that stands by; one that is of no use any more is ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from edgechain.discovery.local import (
    LocalChain,
    LocalNode,
    is_alive,
    process_started,
    record,
    workplace,
)
from edgechain.errors import InvalidDocument, InvalidIdentity, NodeFailed, Unavailable
from edgechain.files.drafts import draft_of
from edgechain.files.text import read_text
from edgechain.node.children import NodePlace, start_child
from edgechain.node.ending import end_processes
from edgechain.security.fleet import FleetDirectory
from edgechain.security.identity import load_identity
from edgechain.spec.config import NodeConfig
from edgechain.spec.device_file import parse_device, render_device
from edgechain.spec.ids import Generation, NodeName
from edgechain.spec.message import Role
from edgechain.spec.moving import Assignment, Seen
from edgechain.spec.progress import Progress
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status

START_SECONDS = 60.0
ANSWER_SECONDS = 5.0
LOOPBACK = "127.0.0.1"

Change = Callable[[NodeName, NodeConfig], NodeConfig]


class LocalGround:
    """One chain of this machine, and the generation in ``directory`` that it is to move to.

    ``assignment`` may name nodes that the chain does not have yet; those of the chain that it does
    not name have no part in the next generation. ``plan`` is the text that it comes from, which is
    kept beside the chain's record.
    """

    def __init__(
        self,
        chain: LocalChain,
        directory: Path,
        generation: Generation,
        assignment: Assignment,
        progress: Progress,
        *,
        plan: str = "",
    ):
        self._before = self._chain = chain
        self._directory = directory.resolve()
        self._generation = generation
        self._assignment = {node.name: () for node in chain.nodes} | dict(assignment)
        self._progress = progress
        self._plan = plan
        self._nodes = {node.name: node for node in chain.nodes}
        self._configs = {node.name: _read_config(node) for node in chain.nodes}
        self._started: list[NodeName] = []
        self._is_prepared = False
        self._security = load_identity(Path(chain.identity)) if chain.identity else None

    # Looking ---------------------------------------------------------------------------------

    def names(self) -> frozenset[NodeName]:
        """The nodes whose processes live."""
        return frozenset(name for name, node in self._nodes.items() if is_alive(node))

    def leaving(self) -> frozenset[NodeName]:
        """Those that have no part in the next generation."""
        return frozenset(name for name in self._nodes if not self._assignment[name])

    def missing(self) -> frozenset[NodeName]:
        """Those that have a part in it and no process that lives."""
        alive = self.names()
        parts = self._assignment.items()
        return frozenset(name for name, stages in parts if stages and name not in alive)

    async def look(self) -> Sequence[Seen]:
        """What the nodes say. Raises ``NodeFailed`` where a stage that is to serve has none."""
        alive = self.names()
        if self._is_prepared:
            self._require_every_stage(alive)
        answers = await asyncio.gather(*(self._ask(self._nodes[name]) for name in alive))
        return [seen for seen in answers if seen is not None]

    def _require_every_stage(self, alive: Container[NodeName]) -> None:
        there = {s for name, stages in self._assignment.items() if name in alive for s in stages}
        for stages in self._assignment.values():
            for stage in stages:
                if stage not in there:
                    raise NodeFailed(f"no node of stage {stage} is alive")

    async def _ask(self, node: LocalNode) -> Seen | None:
        """What a node says; ``None`` when it says nothing now."""
        try:
            text = await fetch_status(node.address, ANSWER_SECONDS, security=self._security)
            status = NodeStatus.model_validate_json(text)
        except (Unavailable, ValidationError):
            return None
        return Seen.of(status, node.name, self._generation)

    # Steps -----------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Start who is missing, and give everybody the next generation to be ready beside."""
        missing = self.missing()
        for done, name in enumerate(sorted(missing)):
            self._progress("starting nodes", done, len(missing))
            await self._start(name)
        if missing:
            self._record(self._chain)
        self._configure(self._prepared)
        self._is_prepared = True

    async def withdraw(self) -> None:
        """Everybody's configuration without the next one; who was started is ended again."""
        started, self._started = self._started, []
        ending = [self._nodes[name] for name in started]
        self._nodes = {node.name: node for node in self._before.nodes}
        try:
            self._configure(lambda _, config: _cleared(config))
            with _writing("the chain's record"):
                record(self._before)
        finally:
            await _end(ending)

    async def commit(self) -> None:
        """Everybody's configuration with the next one as the one that serves."""
        self._configure(self._committed)
        self._nodes = {
            name: node.model_copy(update={"stages": self._assignment[name]})
            for name, node in self._nodes.items()
        }
        self._record(
            self._chain.model_copy(
                update={
                    "generation": self._generation,
                    "directory": str(self._directory),
                    "plan": self._plan,
                }
            )
        )

    async def dismiss(self) -> None:
        """End those that stand by; the record knows them until they are gone."""
        leaving = self.leaving()
        if leaving:
            await _end([self._nodes.pop(name) for name in leaving])
            self._record(self._chain)

    def _record(self, chain: LocalChain) -> None:
        self._chain = chain.model_copy(update={"nodes": tuple(self._nodes.values())})
        with _writing("the chain's record"):
            record(self._chain)

    # Configurations --------------------------------------------------------------------------

    def _prepared(self, name: NodeName, config: NodeConfig) -> NodeConfig:
        stages = self._assignment[name]
        return _with(config, next=str(self._directory), next_stages=stages)

    def _committed(self, name: NodeName, config: NodeConfig) -> NodeConfig:
        stages = self._assignment[name]
        return _with(_cleared(config), chain=str(self._directory), stages=stages)

    def _configure(self, change: Change) -> None:
        """Write every configuration, then tell every node, without a pause between them."""
        for name, node in self._nodes.items():
            _write_config(node, change(name, self._configs[name]))
        for node in filter(is_alive, self._nodes.values()):
            with suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGHUP)

    # New nodes -------------------------------------------------------------------------------

    async def _start(self, name: NodeName) -> None:
        """A process for a node: a new one stands by, one that was lost runs what it has run."""
        known = self._nodes.get(name)
        config = self._configs.get(name) or self._standing_by(name)
        path = Path(known.config) if known else workplace(self._chain.name) / f"at-{name}.yaml"
        with _writing(str(path)):
            path.write_text(render_device(config), encoding="utf-8")
        place = NodePlace(len(self._nodes), (), name, name, f"node {name}")
        with _owner(self._chain) as lifeline:
            child = await start_child(place, path, lifeline)
        try:
            async with asyncio.timeout(START_SECONDS):
                await child.expect("listening")
        except BaseException as error:
            child.process.kill()
            await child.process.wait()
            if isinstance(error, TimeoutError):
                raise NodeFailed(f"{name} was not ready after {START_SECONDS:.0f} s") from None
            raise
        finally:
            child.pipe.close()
        self._configs[name] = config
        self._started.append(name)
        self._nodes[name] = LocalNode(
            name=name,
            pid=child.process.pid,
            started=process_started(child.process.pid),
            address=f"{LOOPBACK}:{child.reported['listening']['port']}",
            stages=known.stages if known else (),
            config=str(path),
        )

    def _standing_by(self, name: NodeName) -> NodeConfig:
        """As the chain's other nodes, without a stage."""
        pattern = self._configs[self._chain.nodes[0].name]
        changes: dict[str, object] = {"name": name, "stages": (), "port": 0}
        if pattern.identity is not None:
            changes["identity"] = str(self._identity_of(name))
        return _with(_cleared(pattern), chain=self._chain.directory, **changes)

    def _identity_of(self, name: NodeName) -> Path:
        try:
            fleet = FleetDirectory(workplace(self._chain.name))
            return fleet.provide(Role.NODE, name)[0]
        except InvalidIdentity as error:
            raise NodeFailed(f"{name} cannot be started: {error}") from error


@contextmanager
def _owner(chain: LocalChain) -> Iterator[int | None]:
    """A descriptor that can be read when the `up` that watches over the chain has ended."""
    pid = chain.owner_pid
    if pid is None or process_started(pid) != chain.owner_started:
        yield None
        return
    fileno = os.pidfd_open(pid)
    try:
        yield fileno
    finally:
        os.close(fileno)


async def _end(nodes: Iterable[LocalNode]) -> None:
    alive = {node.pid: node.started for node in nodes if is_alive(node)}
    await asyncio.to_thread(end_processes, alive)


def _cleared(config: NodeConfig) -> NodeConfig:
    return _with(config, next=None, next_stages=None)


def _with(config: NodeConfig, **changes: object) -> NodeConfig:
    return NodeConfig.model_validate(config.model_dump() | changes)


def _read_config(node: LocalNode) -> NodeConfig:
    try:
        text = read_text(Path(node.config))
    except InvalidDocument as error:
        raise NodeFailed(f"the configuration of {node.name} {error.reason}") from error
    return parse_device(text, file=node.config).config


def _write_config(node: LocalNode, config: NodeConfig) -> None:
    """Whole or not at all: the node may read it at any time."""
    with _writing(node.config), draft_of(Path(node.config)) as draft:
        draft.write_text(render_device(config), encoding="utf-8")


@contextmanager
def _writing(what: str) -> Iterator[None]:
    """Raises ``NodeFailed`` where the disk does not take it."""
    try:
        yield
    except OSError as error:
        raise NodeFailed(f"{what} cannot be written: {error.strerror}") from error
