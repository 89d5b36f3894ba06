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
from functools import partial

from edgechain._version import __version__
from edgechain.discovery.peers import PeerTable
from edgechain.errors import EdgechainError
from edgechain.node.announcer import Announcer
from edgechain.node.generation import DRAIN_SECONDS, GOODBYE_SECONDS, RunningGeneration
from edgechain.node.generations import Generations, printable
from edgechain.node.greeter import Greeter
from edgechain.node.lookout import Lookout
from edgechain.node.probing import LinkProber, Work
from edgechain.node.profiling import ProfileDesk
from edgechain.node.settings import ChainShare, NodeSettings
from edgechain.node.systemd import Notifier
from edgechain.node.verdict import verdict
from edgechain.node.watchdog import Watchdog, status_line
from edgechain.runtime.actor import StageActor
from edgechain.runtime.clock import Clock, SystemClock
from edgechain.runtime.interpreter import InterpreterKind, chosen_kind
from edgechain.runtime.worker_process import resident_bytes
from edgechain.runtime.zygote_process import ZygoteProcess
from edgechain.spec.config import GENERATION_KEYS, LAPTOP_KEYS, NodeConfig
from edgechain.spec.ids import new_incarnation
from edgechain.spec.message import Hop
from edgechain.spec.status import GenerationState, GenerationStatus, NodeStatus
from edgechain.transport.server import NodeServer

_LOG = logging.getLogger(__name__)


class Node:
    """One node's life: ``run`` starts everything, works until ``stop`` and ends everything.

    Where a service manager waits for ``notifier``, stages are tried before they count as loaded.
    """

    def __init__(
        self,
        settings: NodeSettings,
        announcer: Announcer,
        clock: Clock | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        config = settings.config
        self._settings = settings
        self._security = settings.security
        self._announcer = announcer
        self._notifier = notifier or Notifier()
        self._clock = clock or SystemClock()
        self._born = self._clock.now()
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._promoted = asyncio.Event()
        self._begun = False
        self._wanted = (settings.current, settings.next)
        self._problem = settings.problem
        self._configurations = 0
        self._here = Hop(config.name, new_incarnation())
        self._chain = settings.chain_name
        self._table = PeerTable(config.namespace)
        self._interpreter = chosen_kind(InterpreterKind(config.interpreter))
        self._zygote = ZygoteProcess(config.interpreter)
        self._generations = Generations(self._make, self._promoted.set)
        self._greeter = Greeter(
            self._here,
            config.namespace,
            self._chain,
            self._generations,
            self._security,
            self._stopping.is_set,
        )
        self._lookout = Lookout(
            config, self._table, self._generations, self._greeter.hint, self._promoted
        )
        self._desk = ProfileDesk(config)
        self._server = NodeServer(
            self._greeter.accept,
            status=lambda: self.status().model_dump_json(),
            manifest=lambda: self._generations.current.manifest_text,
            now=self._clock.now,
            security=self._security,
            profiler=self._desk,
            prober=LinkProber(config.name, self._table.addresses, self._security, self._work),
        )

    def stop(self) -> None:
        """End ``run`` when what has begun is done, or nearly so; may be called twice."""
        self._notifier.stopping()
        self._stopping.set()

    def hurry(self) -> None:
        """End ``run`` without waiting for anything that has begun."""
        self._hurrying.set()
        self.stop()

    def on_signal(self) -> None:
        """Stop; told again, hurry."""
        if self._stopping.is_set():
            self.hurry()
        else:
            self.stop()

    def want(self, settings: NodeSettings) -> None:
        """Run what these settings say from now on; only generations change while a node lives.

        Before the first one is loaded they wait for that.
        """
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
        self._wanted = (settings.current, settings.next)
        if self._begun:
            self._generations.want(*self._wanted)

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
            stack.push_async_callback(self._desk.close)
            first = await self._begin(group)
            if first is None:
                return
            port = await self._server.start(settings.config.host, settings.config.port)
            self._begun = True
            self._generations.want(*self._wanted)
            telling = group.create_task(self._tell_when_linked(first))
            listening = partial(self._announce_listening, port)
            discovering = group.create_task(self._lookout.run(port, listening))
            watching = group.create_task(self._watch())
            await self._stopping.wait()
            telling.cancel()
            discovering.cancel()
            await self._drain()
            watching.cancel()

    async def _begin(self, group: asyncio.TaskGroup) -> RunningGeneration | None:
        """Load the first generation; None when told to stop before that is done."""
        loading = asyncio.create_task(self._generations.begin(group, self._settings.current))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
            return loading.result() if loading.done() else None
        finally:
            loading.cancel()
            stopping.cancel()

    async def _watch(self) -> None:
        """Let the service manager know that we live, if there is one."""
        if self._notifier.is_managed:
            watchdog = Watchdog(self._notifier, self._serving_actors, self.status)
            await watchdog.run()

    def _serving_actors(self) -> tuple[StageActor, ...]:
        return self._generations.current.actors()

    async def _tell_when_linked(self, first: RunningGeneration) -> None:
        await first.peers.linked.wait()
        self._announcer.say("linked")

    def _announce_listening(self, port: int, hosts: tuple[str, ...]) -> None:
        addresses = [f"{host}:{port}" for host in hosts]
        stages = self._settings.current.stages
        does = f"runs {', '.join(stages)}" if stages else "stands by"
        _LOG.info("%s %s on %s", self._here.node, does, ", ".join(addresses))
        self._announcer.say("listening", port=port, pid=os.getpid(), addresses=addresses)
        if self._notifier.is_managed:
            self._notifier.ready(status_line(self.status()))

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

    # Generations -----------------------------------------------------------------------------

    def _make(self, share: ChainShare) -> RunningGeneration:
        config = self._settings.config
        return RunningGeneration(
            config,
            share,
            self._here,
            self._greeter.hello(share),
            table=self._table,
            zygote=self._zygote,
            clock=self._clock,
            security=self._security,
            self_test=self._notifier.is_managed,
        )

    # Status ----------------------------------------------------------------------------------

    def _work(self) -> Work:
        """What this process does besides being there."""
        exchanges = [running.exchange for running in self._generations]
        return Work(
            self._desk.taken + sum(exchange.taken for exchange in exchanges),
            self._desk.is_working + sum(each.statistics().in_use for each in exchanges),
        )

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
    """What differs for a node, save what says which generations to run.

    The chain's name is the same, whether it is said or the manifest's: ``want`` has seen to that.
    """
    fields = set(NodeConfig.model_fields) - GENERATION_KEYS - LAPTOP_KEYS
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
    notifier: Notifier | None = None,
) -> None:
    """Run a node until SIGINT, SIGTERM, or the end of ``lifeline`` (a pipe our parent holds).

    A second signal ends it at once. With SIGHUP it runs what ``reread`` says from then on; one that
    came earlier and was blocked is answered now. ``notifier`` speaks to a service manager.
    """
    if settings.security is None:
        _LOG.warning("INSECURE: nothing is encrypted, and whoever reaches the port is served")
    notifier = notifier or Notifier()
    node = Node(settings, announcer, notifier=notifier)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, node.on_signal)
    if reread is not None:
        reader = _Reader(node, reread, notifier)
        loop.add_signal_handler(signal.SIGHUP, reader.on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))
    if lifeline is not None:
        watch_lifeline(lifeline, node.stop)
    try:
        await node.run()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
        if lifeline is not None:
            loop.remove_reader(lifeline)
            with suppress(OSError):
                os.close(lifeline)


class _Reader:
    """Reads the configuration again for a node, in a thread: its loop serves meanwhile.

    A board takes long to read a chain's manifest, and its peers would take silence for its end.
    """

    def __init__(self, node: Node, reread: Callable[[], NodeSettings], notifier: Notifier):
        self._node = node
        self._reread = reread
        self._notifier = notifier
        self._is_asked = False
        self._reading: asyncio.Task[None] | None = None

    def on_signal(self) -> None:
        """What is being read may be older than what is asked for: then it is read once more."""
        self._is_asked = True
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="reading the configuration")

    async def _read(self) -> None:
        try:
            while self._is_asked:
                self._is_asked = False
                self._notifier.reloading()
                await self._take()
                self._notifier.reloaded()
        finally:
            self._reading = None

    async def _take(self) -> None:
        try:
            settings = await asyncio.to_thread(self._reread)
        except EdgechainError as error:
            self._node.complain(str(error))
        else:
            self._node.want(settings)
