"""The node daemon: workers, one port, links and discovery, wired together and ended cleanly.

The first thing it does is to tune the allocator; what it imports is kept small on purpose.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from functools import cache

from edgechain._version import __version__
from edgechain.discovery.interfaces import multicast_addresses, reachable_addresses
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import EdgechainError, NodeFailed
from edgechain.node.announcer import Announcer
from edgechain.node.clients import ClientSessions
from edgechain.node.exchange import Exchange
from edgechain.node.peers import PeerLinks
from edgechain.node.settings import NodeSettings
from edgechain.runtime.clock import Clock, SystemClock
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.supervisor import Supervisor
from edgechain.runtime.worker_process import resident_bytes
from edgechain.spec.document import render
from edgechain.spec.ids import Generation, new_incarnation
from edgechain.spec.message import (
    WIRE_VERSION,
    Bye,
    Chunk,
    Control,
    Hello,
    Hop,
    RefusalKind,
    Refused,
    Role,
    Welcome,
)
from edgechain.spec.status import NodeStatus
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)

GOODBYE_SECONDS = 0.5
"""How long peers have to hear a goodbye; those that do end the wait."""

SWEEP_SECONDS = 0.1
"""How soon a slot whose attempt has run out of budget is free again."""

DRAIN_SECONDS = 5.0
"""How long a node that is told to stop works on what has begun; `down` waits for longer."""

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class Node:
    """One node's life: ``run`` starts everything, works until ``stop`` and ends everything."""

    def __init__(
        self, settings: NodeSettings, announcer: Announcer, clock: Clock | None = None
    ) -> None:
        config, manifest = settings.config, settings.manifest
        self._settings = settings
        self._announcer = announcer
        self._clock = clock or SystemClock()
        self._born = self._clock.now()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._inbound: set[PeerStream] = set()
        self._here = Hop(config.name, new_incarnation())
        self._supervisor = Supervisor(
            manifest,
            settings.directory,
            settings.stages,
            slots=config.slots,
            threads=config.threads,
            interpreter=config.interpreter,
            clock=self._clock,
        )
        self._interpreter = chosen_kind(InterpreterKind(config.interpreter))
        self._clients = ClientSessions()
        self._peers = PeerLinks(
            self._hello(), settings.successors, PeerTable(config.namespace), self._clock
        )
        self._exchange = Exchange(
            manifest,
            self._here,
            config.slots,
            actors=self._supervisor.actors,
            memory=self._supervisor,
            peers=self._peers,
            clients=self._clients,
            clock=self._clock,
        )
        self._clients.attach(self._exchange)
        self._server = NodeServer(
            self._accept,
            status=lambda: self.status().model_dump_json(),
            manifest=cache(lambda: render(manifest)),
            now=self._clock.now,
        )

    def stop(self) -> None:
        """End ``run`` when what has begun is done, or nearly so; may be called twice."""
        self._stopping.set()

    def hurry(self) -> None:
        """End ``run`` without waiting for anything that has begun."""
        self._hurrying.set()
        self._stopping.set()

    def on_signal(self) -> None:
        """Stop; told again, hurry."""
        if self._stopping.is_set():
            self.hurry()
        else:
            self.stop()

    async def run(self) -> None:
        """Live. Raises what keeps the node from starting, or ``NodeFailed`` when it ends itself."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._supervisor)
            stack.push_async_callback(self._server.stop, GOODBYE_SECONDS)
            stack.push_async_callback(self._peers.close, "the node stops")
            port = await self._server.start(self._settings.config.host, self._settings.config.port)
            await self._work(port)
            for stream in self._inbound:
                stream.close("the node stops")
        _LOG.info("%s has stopped", self._here.node)

    async def _work(self, port: int) -> None:
        """Everything that runs at the same time, until told to stop."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._supervisor.run(self._exchange.report)),
                    group.create_task(self._sweep()),
                    group.create_task(self._tell_when_linked()),
                ]
                discovering = group.create_task(self._discover(port))
                await self._stopping.wait()
                discovering.cancel()
                await self._drain()
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as error:
            raise _verdict(error) from error

    async def _drain(self) -> None:
        """Let what has begun end, and nothing begin."""
        self._exchange.drain(on_idle=self._hurrying.set)
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._hurrying.wait()
        except TimeoutError:
            in_use = self._exchange.statistics().in_use
            _LOG.warning("stopping with %d requests under way", in_use)

    async def _discover(self, port: int) -> None:
        config = self._settings.config
        for address in config.peers:
            self._peers.add_static(address)
        if config.discovery == "static":
            self._announce_listening(port, (config.host,))
            return
        interfaces = multicast_addresses(config.interfaces)
        addresses = reachable_addresses(interfaces)
        if config.host not in _WILDCARDS:
            addresses = (config.host,)
        async with MdnsRegistry(interfaces) as registry:
            await registry.announce(self._hint(), addresses, port)
            self._announce_listening(port, addresses)
            await registry.watch(self._peers.seen, self._peers.gone)

    def _announce_listening(self, port: int, hosts: tuple[str, ...]) -> None:
        addresses = [f"{host}:{port}" for host in hosts]
        stages = ", ".join(self._settings.stages)
        _LOG.info("%s runs %s on %s", self._here.node, stages, ", ".join(addresses))
        self._announcer.say("listening", port=port, pid=os.getpid(), addresses=addresses)

    async def _tell_when_linked(self) -> None:
        await self._peers.linked.wait()
        self._announcer.say("linked")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._exchange.expire()
            self._peers.expire()

    # Streams ---------------------------------------------------------------------------------

    async def _accept(self, stream: PeerStream, hello: Hello) -> None:
        refused = self._refusal(hello)
        if refused is not None:
            _LOG.warning("refused %s %s: %s", hello.role, hello.name, refused.reason)
            await stream.refuse(refused)
            return
        await self._serve(stream, hello)

    async def _serve(self, stream: PeerStream, hello: Hello) -> None:
        """Own an accepted stream to its end."""
        stream.send(self._welcome())
        self._inbound.add(stream)
        try:
            if hello.role is Role.CLIENT:
                await self._clients.serve(stream, hello)
            else:
                await stream.run(_Inflow(self._exchange))
        finally:
            self._inbound.discard(stream)

    def _refusal(self, hello: Hello) -> Refused | None:
        config = self._settings.config
        if hello.role is Role.CLIENT and self._stopping.is_set():
            return Refused(RefusalKind.DRAINING, "this node is about to stop")
        if hello.version != WIRE_VERSION:
            reason = f"this node speaks wire version {WIRE_VERSION}, you {hello.version}"
            return Refused(RefusalKind.VERSION, reason)
        if hello.namespace != config.namespace:
            reason = f"this node is in namespace {config.namespace!r}"
            return Refused(RefusalKind.NAMESPACE, reason)
        if hello.chain != self._settings.chain_name:
            reason = f"this node runs chain {self._settings.chain_name!r}"
            return Refused(RefusalKind.CHAIN, reason)
        if hello.generation not in (None, self._settings.manifest.generation):
            reason = f"this node runs generation {self._settings.manifest.generation[:12]}"
            return Refused(RefusalKind.GENERATION, reason)
        return None

    def _hello(self) -> Hello:
        settings = self._settings
        return Hello(
            role=Role.NODE,
            name=self._here.node,
            namespace=settings.config.namespace,
            chain=settings.chain_name,
            generation=_generation(settings),
        )

    def _welcome(self) -> Welcome:
        settings = self._settings
        return Welcome(
            hop=self._here,
            namespace=settings.config.namespace,
            chain=settings.chain_name,
            generation=_generation(settings),
            stages=settings.stages,
        )

    def _hint(self) -> PeerHint:
        settings = self._settings
        return PeerHint(
            name=self._here.node,
            namespace=settings.config.namespace,
            chain=settings.chain_name,
            generation=settings.manifest.generation[:16],
            incarnation=self._here.incarnation,
            addresses=(),
            version=WIRE_VERSION,
        )

    # Status ----------------------------------------------------------------------------------

    def status(self) -> NodeStatus:
        """How the node is now."""
        settings, slots = self._settings, self._exchange.statistics()
        return NodeStatus(
            name=self._here.node,
            namespace=settings.config.namespace,
            chain=settings.chain_name,
            generation=settings.manifest.generation,
            incarnation=self._here.incarnation,
            version=__version__,
            interpreter=self._interpreter,
            pid=os.getpid(),
            uptime_seconds=self._clock.now() - self._born,
            resident_bytes=resident_bytes(os.getpid()),
            slots=slots.capacity,
            slots_in_use=slots.in_use,
            clients=self._exchange.clients,
            stages=tuple(actor.statistics() for actor in self._supervisor.actors.values()),
            links=self._peers.statistics(),
        )


class _Inflow:
    """What another node sends us."""

    def __init__(self, exchange: Exchange):
        self._exchange = exchange

    def on_chunk(self, stream: PeerStream, chunk: Chunk) -> None:
        del stream
        self._exchange.take(chunk)

    def on_control(self, stream: PeerStream, control: Control) -> None:
        if not isinstance(control, Bye):
            _LOG.debug("%s says %s", stream.peer, control)


def _generation(settings: NodeSettings) -> Generation:
    return Generation(settings.manifest.generation)


def _verdict(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The cause inside nested groups that says most: one of ours, or our word for a foreign one."""
    causes = list(_causes(group))
    ours = [error for error in causes if isinstance(error, EdgechainError)]
    if ours:
        return ours[0]
    error = causes[0]
    if not isinstance(error, Exception):
        return error
    _LOG.debug("what ended the node", exc_info=error)
    return NodeFailed(f"it ended by {type(error).__name__}: {error}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    else:
        yield error


def watch_lifeline(fileno: int, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` once when the other end of a pipe is gone; nothing is ever written to it."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(fileno)  # at its end a pipe stays readable: the loop would spin
        on_end()

    loop.add_reader(fileno, ended)


async def serve(settings: NodeSettings, announcer: Announcer, lifeline: int | None) -> None:
    """Run a node until SIGINT, SIGTERM, or the end of ``lifeline`` (a pipe our parent holds).

    A second signal ends it at once.
    """
    node = Node(settings, announcer)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, node.on_signal)
    if lifeline is not None:
        watch_lifeline(lifeline, node.stop)
    try:
        await node.run()
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
            with suppress(OSError):
                os.close(lifeline)
