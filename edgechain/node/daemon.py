"""The node daemon: workers, one port, links and discovery, wired together and ended cleanly.

The first thing it does is to tune the allocator; what it imports is kept small on purpose.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress

from edgechain._version import __version__
from edgechain.discovery.interfaces import multicast_addresses, reachable_addresses
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.errors import EdgechainError
from edgechain.node.announcer import Announcer
from edgechain.node.generation import DRAIN_SECONDS, GOODBYE_SECONDS, RunningGeneration
from edgechain.node.generations import Generations, printable
from edgechain.node.settings import ChainShare, NodeSettings
from edgechain.node.verdict import verdict
from edgechain.runtime.clock import Clock, SystemClock
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.worker_process import resident_bytes
from edgechain.runtime.zygote_process import ZygoteProcess
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from edgechain.spec.ids import new_incarnation
from edgechain.spec.message import (
    WIRE_VERSION,
    Hello,
    Hop,
    RefusalKind,
    Refused,
    Role,
    Welcome,
)
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


class Node:
    """One node's life: ``run`` starts everything, works until ``stop`` and ends everything."""

    def __init__(
        self, settings: NodeSettings, announcer: Announcer, clock: Clock | None = None
    ) -> None:
        config = settings.config
        self._settings = settings
        self._security = settings.security
        self._announcer = announcer
        self._clock = clock or SystemClock()
        self._born = self._clock.now()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._promoted = asyncio.Event()
        self._problem = settings.problem
        self._configurations = 0
        self._here = Hop(config.name, new_incarnation())
        self._chain = settings.chain_name
        self._table = PeerTable(config.namespace)
        self._interpreter = chosen_kind(InterpreterKind(config.interpreter))
        self._zygote = ZygoteProcess(config.interpreter)
        self._generations = Generations(self._make, self._promoted.set)
        self._server = NodeServer(
            self._accept,
            status=lambda: self.status().model_dump_json(),
            manifest=lambda: render(self._generations.current.share.manifest),
            now=self._clock.now,
            security=self._security,
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

    def want(self, settings: NodeSettings) -> None:
        """Run what these settings say from now on; only generations change while a node lives."""
        if settings.chain_name != self._chain:
            reason = f"it names chain {settings.chain_name!r}; a node that runs {self._chain!r}"
            self.complain(f"{reason} has to be started again for that")
            return
        self._configurations += 1
        changed = _changed(self._settings.config, settings.config)
        if changed:
            _LOG.warning("%s: changed, which waits for the next start", ", ".join(changed))
        self._problem = settings.problem
        if settings.problem:
            _LOG.warning("the next generation: %s", settings.problem)
        self._generations.want(settings.current, settings.next)

    def complain(self, problem: str) -> None:
        """The configuration cannot be read: everything stays as it is."""
        _LOG.warning("the configuration is not taken: %s", problem)
        self._problem = problem
        self._configurations += 1

    async def run(self) -> None:
        """Live. Raises what keeps the node from starting, or ``NodeFailed`` when it ends itself."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._live(group)
        except BaseExceptionGroup as error:
            raise verdict(error) from error
        _LOG.info("%s has stopped", self._here.node)

    async def _live(self, group: asyncio.TaskGroup) -> None:
        """Everything that runs at the same time, until told to stop."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._zygote.close)
            stack.push_async_callback(self._server.stop, GOODBYE_SECONDS)
            stack.push_async_callback(self._generations.close)
            first = await self._generations.begin(group, settings.current)
            port = await self._server.start(settings.config.host, settings.config.port)
            self._generations.want(settings.current, settings.next)
            telling = group.create_task(self._tell_when_linked(first))
            discovering = group.create_task(self._discover(port))
            await self._stopping.wait()
            telling.cancel()
            discovering.cancel()
            await self._drain()

    async def _tell_when_linked(self, first: RunningGeneration) -> None:
        await first.peers.linked.wait()
        self._announcer.say("linked")

    async def _drain(self) -> None:
        """Let what has begun end, and nothing begin."""
        idle = asyncio.create_task(_all_set([g.drain() for g in self._generations]))
        hurry = asyncio.create_task(self._hurrying.wait())
        try:
            done, _ = await asyncio.wait(
                (idle, hurry), timeout=DRAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            idle.cancel()
            hurry.cancel()
        if idle not in done:
            in_use = sum(status.slots_in_use for status in self._generations.statuses())
            _LOG.warning("stopping with %d requests under way", in_use)

    # Discovery -------------------------------------------------------------------------------

    async def _discover(self, port: int) -> None:
        config = self._settings.config
        if config.discovery == "static":
            self._announce_listening(port, (config.host,))
            return
        interfaces = multicast_addresses(config.interfaces)
        addresses = reachable_addresses(interfaces)
        if config.host not in _WILDCARDS:
            addresses = (config.host,)
        async with MdnsRegistry(interfaces) as registry, asyncio.TaskGroup() as group:
            await registry.announce(self._hint(), addresses, port)
            self._announce_listening(port, addresses)
            group.create_task(self._announce_changes(registry, addresses, port))
            await registry.watch(self._seen, self._gone)

    async def _announce_changes(
        self, registry: MdnsRegistry, addresses: tuple[str, ...], port: int
    ) -> None:
        while True:
            await self._promoted.wait()
            self._promoted.clear()
            await registry.announce(self._hint(), addresses, port)

    def _seen(self, hint: PeerHint) -> None:
        if self._table.seen(hint):
            for running in self._generations:
                running.seen(hint)

    def _gone(self, hint: PeerHint) -> None:
        self._table.gone(hint)
        for running in self._generations:
            running.gone(hint)

    def _announce_listening(self, port: int, hosts: tuple[str, ...]) -> None:
        addresses = [f"{host}:{port}" for host in hosts]
        stages = ", ".join(self._settings.current.stages)
        _LOG.info("%s runs %s on %s", self._here.node, stages, ", ".join(addresses))
        self._announcer.say("listening", port=port, pid=os.getpid(), addresses=addresses)

    # Generations -----------------------------------------------------------------------------

    def _make(self, share: ChainShare) -> RunningGeneration:
        config = self._settings.config
        return RunningGeneration(
            config,
            share,
            self._here,
            self._hello(share),
            table=self._table,
            zygote=self._zygote,
            clock=self._clock,
            security=self._security,
        )

    # Streams ---------------------------------------------------------------------------------

    async def _accept(self, stream: PeerStream, hello: Hello) -> None:
        """Own a stream from its Hello to its end."""
        running = self._generations.pick(hello.generation)
        refused = self._refusal(hello)
        if running is None or refused is not None:
            refused = refused or self._other_generation()
            soon = self._generations.is_loading(hello.generation)
            level = logging.DEBUG if soon else logging.WARNING
            _LOG.log(level, "refused %s %s: %s", hello.role, hello.name, refused.reason)
            await stream.refuse(refused)
            return
        stream.send(self._welcome(running.share, hello))
        await running.serve(stream, hello)

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
        if hello.chain != self._chain:
            reason = f"this node runs chain {self._chain!r}"
            return Refused(RefusalKind.CHAIN, reason)
        return None

    def _other_generation(self) -> Refused:
        current = self._generations.current.generation
        return Refused(RefusalKind.GENERATION, f"this node runs generation {current[:12]}")

    def _hello(self, share: ChainShare) -> Hello:
        return Hello(
            role=Role.NODE,
            name=self._here.node,
            namespace=self._settings.config.namespace,
            chain=self._chain,
            generation=share.generation,
        )

    def _welcome(self, share: ChainShare, hello: Hello) -> Welcome:
        welcome = Welcome(
            hop=self._here,
            namespace=self._settings.config.namespace,
            chain=self._chain,
            generation=share.generation,
            stages=share.stages,
        )
        return self._security.sign_welcome(welcome, hello) if self._security else welcome

    def _hint(self) -> PeerHint:
        return PeerHint(
            name=self._here.node,
            namespace=self._settings.config.namespace,
            chain=self._chain,
            generation=self._generations.current.generation[:16],
            incarnation=self._here.incarnation,
            addresses=(),
            version=WIRE_VERSION,
        )

    # Status ----------------------------------------------------------------------------------

    def status(self) -> NodeStatus:
        """How the node is now."""
        config, current = self._settings.config, self._generations.current
        slots = current.exchange.statistics()
        return NodeStatus(
            name=self._here.node,
            namespace=config.namespace,
            chain=self._chain,
            generation=current.generation,
            incarnation=self._here.incarnation,
            version=__version__,
            interpreter=self._interpreter,
            pid=os.getpid(),
            uptime_seconds=self._clock.now() - self._born,
            resident_bytes=resident_bytes(os.getpid()),
            slots=slots.capacity,
            slots_in_use=slots.in_use,
            clients=current.exchange.clients,
            stages=current.stages(),
            links=current.peers.statistics(),
            generations=(*self._generations.statuses(), *self._unreadable()),
            configurations=self._configurations,
        )

    def _unreadable(self) -> tuple[GenerationStatus, ...]:
        if not self._problem:
            return ()
        reason = printable(self._problem)
        return (GenerationStatus(generation="", state=GenerationState.FAILED, reason=reason),)


def _changed(before: NodeConfig, after: NodeConfig) -> list[str]:
    """What differs between two configurations, save what says which generations to run."""
    fields = set(NodeConfig.model_fields) - {"chain", "stages", "next", "next_stages"}
    return sorted(field for field in fields if getattr(before, field) != getattr(after, field))


async def _all_set(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def watch_lifeline(fileno: int, on_end: Callable[[], None]) -> None:
    """Call ``on_end`` once when the other end of a pipe is gone; nothing is ever written to it."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(fileno)  # at its end a pipe stays readable: the loop would spin
        on_end()

    loop.add_reader(fileno, ended)


async def serve(
    settings: NodeSettings,
    announcer: Announcer,
    lifeline: int | None,
    reread: Callable[[], NodeSettings] | None = None,
) -> None:
    """Run a node until SIGINT, SIGTERM, or the end of ``lifeline`` (a pipe our parent holds).

    A second signal ends it at once. With SIGHUP it runs what ``reread`` says from then on.
    """
    if settings.security is None:
        _LOG.warning("INSECURE: nothing is encrypted, and whoever reaches the port is served")
    node = Node(settings, announcer)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, node.on_signal)
    if reread is not None:
        loop.add_signal_handler(signal.SIGHUP, _reload, node, reread)
    if lifeline is not None:
        watch_lifeline(lifeline, node.stop)
    try:
        await node.run()
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
            with suppress(OSError):
                os.close(lifeline)


def _reload(node: Node, reread: Callable[[], NodeSettings]) -> None:
    try:
        settings = reread()
    except EdgechainError as error:
        node.complain(str(error))
    else:
        node.want(settings)
