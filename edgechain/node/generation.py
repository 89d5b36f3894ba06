"""One generation of the chain on this node: its workers, its slots, its links, its clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import cached_property
from pathlib import Path

from edgechain.discovery.peers import PeerHint, PeerTable
from edgechain.node.clients import ClientSessions
from edgechain.node.exchange import Exchange
from edgechain.node.peers import PeerLinks
from edgechain.node.settings import ChainShare
from edgechain.runtime.actor import StageActor
from edgechain.runtime.clock import Clock
from edgechain.runtime.self_test import SelfTest
from edgechain.runtime.supervisor import Supervisor
from edgechain.runtime.zygote_process import ZygoteProcess
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import Generation
from edgechain.spec.message import Bye, Chunk, Control, Hello, Hop, Role
from edgechain.spec.status import GenerationState, GenerationStatus, StageStatus
from edgechain.transport.stream import PeerStream

_LOG = logging.getLogger(__name__)

SWEEP_SECONDS = 0.1
"""How soon a slot whose attempt has run out of budget is free again."""

GOODBYE_SECONDS = 0.5
"""How long peers have to hear a goodbye; those that do end the wait."""

DRAIN_SECONDS = 5.0
"""How long what has begun may go on where a node stops or a generation ends."""

RETIRE_SECONDS = 25.0
"""How long clients may take to leave a generation that does not serve any more, before it is
drained; a client that listens leaves as soon as its requests have ended."""

LINGER_SECONDS = 1.0
"""A client that just asked this node what it runs must still find it."""


class RunningGeneration:
    """From its loading to its end: ``run`` is its life.

    ``peers`` are its links, ``exchange`` its heart. It takes streams while it is ``loaded``,
    whether or not it serves yet: links and clients get ready before the traffic moves. With
    ``self_test`` it is loaded only when every stage has run once.
    """

    def __init__(
        self,
        config: NodeConfig,
        share: ChainShare,
        here: Hop,
        hello: Hello,
        *,
        table: PeerTable,
        zygote: ZygoteProcess,
        clock: Clock,
        security: LinkSecurity | None,
        self_test: bool = False,
    ):
        self.share = share
        self._self_test = self_test
        self._static = config.peers
        self._table = table
        self._state = GenerationState.LOADING
        self._retiring = asyncio.Event()
        self._idle: asyncio.Event | None = None
        self._streams: dict[PeerStream, asyncio.Task[None]] = {}
        self.loaded = asyncio.Event()
        self._supervisor = Supervisor(
            share.manifest,
            share.directory,
            share.stages,
            slots=config.slots,
            threads=config.threads,
            interpreter=config.interpreter,
            clock=clock,
            zygote=zygote,
        )
        self._clients = ClientSessions()
        self.peers = PeerLinks(hello, share.successors, table, clock, security, takers=share.takers)
        self.exchange = Exchange(
            share.manifest,
            here,
            config.slots,
            actors=self._supervisor.actors,
            memory=self._supervisor,
            peers=self.peers,
            clients=self._clients,
            clock=clock,
        )
        self._clients.attach(self.exchange)

    @property
    def generation(self) -> Generation:
        """Which one it is."""
        return self.share.generation

    @cached_property
    def manifest_text(self) -> str:
        """Its manifest as it is written: clients ask for it often, and writing it takes long."""
        return render(self.share.manifest)

    def found_in(self, directory: Path) -> None:
        """Its files are in this directory now; where they were they may go."""
        self._supervisor.directory = directory

    @property
    def state(self) -> GenerationState:
        """Where it is in its life."""
        if self._state is GenerationState.LOADING and self.loaded.is_set():
            linked = self.peers.linked.is_set()
            return GenerationState.READY if linked else GenerationState.LOADING
        return self._state

    @property
    def is_serving(self) -> bool:
        """Whether it is the one that serves."""
        return self._state is GenerationState.CURRENT

    async def run(self, on_change: Callable[[], None]) -> None:
        """Live until a retirement is over, or until cancelled; ``on_change`` is told of states.

        Raises what keeps it from loading, or ``NodeFailed``. Nothing of it is left afterwards.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._supervisor)
            stack.push_async_callback(self._say_goodbye)
            if self._self_test:
                await SelfTest(self.share.manifest, self._supervisor).run()
                _LOG.info("generation %s: the self-test passed", self.generation[:12])
            self.loaded.set()
            self._reach_peers()
            await self._work(on_change)

    def _reach_peers(self) -> None:
        for address in self._static:
            self.peers.add_static(address)
        self.suggest()
        for hint in self._table.peers():
            self.peers.seen(hint)

    def seen(self, hint: PeerHint) -> None:
        """A node announced itself; before it is loaded that is of no use."""
        if self.loaded.is_set():
            self.peers.seen(hint)

    def suggest(self) -> None:
        """What the table has of suggestions is new; before it is loaded that is of no use."""
        if self.loaded.is_set():
            self.peers.suggest(self._table.suggestions)

    def gone(self, hint: PeerHint) -> None:
        """A node said goodbye."""
        self.peers.gone(hint)

    async def _work(self, on_change: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._supervisor.run(self.exchange.report)),
                group.create_task(self._sweep()),
                group.create_task(self._tell_when_linked(on_change)),
            ]
            on_change()
            await self._retiring.wait()
            await self._retire()
            for task in tasks:
                task.cancel()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.exchange.expire()
            self.peers.expire()

    async def _tell_when_linked(self, on_change: Callable[[], None]) -> None:
        await self.peers.linked.wait()
        on_change()

    # Traffic ---------------------------------------------------------------------------------

    def serve_now(self) -> None:
        """From now on it is the one that serves."""
        self._enter(GenerationState.CURRENT)

    def retire(self, successor: Generation) -> None:
        """Send clients to the one that serves now; ``run`` ends when they and their work are gone.

        At latest ``RETIRE_SECONDS`` and ``DRAIN_SECONDS`` later.
        """
        self._enter(GenerationState.RETIRING)
        self._clients.supersede(successor)
        self._retiring.set()

    async def _retire(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(RETIRE_SECONDS):
                await self._clients.vacant.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.drain().wait()

    def give_up(self) -> None:
        """Nobody wants it any more: its life is about to be cancelled."""
        self._enter(GenerationState.ENDING)

    def drain(self) -> asyncio.Event:
        """Let what has begun end and nothing begin; the event is set when nothing is left."""
        if self._idle is None:
            self._idle = asyncio.Event()
            self.exchange.drain(on_idle=self._idle.set)
        return self._idle

    async def serve(self, stream: PeerStream, hello: Hello) -> None:
        """Own an accepted stream from its Welcome (already queued) to its end, or to ours."""
        task = asyncio.create_task(self._carry(stream, hello), name=f"stream of {stream.peer}")
        self._streams[stream] = task
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            del self._streams[stream]
        if not task.cancelled():
            task.result()

    async def _carry(self, stream: PeerStream, hello: Hello) -> None:
        if hello.role is Role.CLIENT:
            await self._clients.serve(stream, hello)
        else:
            await stream.run(_Inflow(self.exchange))

    # End -------------------------------------------------------------------------------------

    async def _say_goodbye(self) -> None:
        self.loaded.clear()
        reason = "this generation ends here"
        for stream in self._streams:
            stream.close(reason)
        await self.peers.close(reason)
        if self._streams:
            _, slow = await asyncio.wait(self._streams.values(), timeout=GOODBYE_SECONDS)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    def _enter(self, state: GenerationState) -> None:
        _LOG.info("generation %s: %s -> %s", self.generation[:12], self.state, state)
        self._state = state

    # Status ----------------------------------------------------------------------------------

    def status(self) -> GenerationStatus:
        """How it is."""
        return GenerationStatus(
            generation=self.generation,
            state=self.state,
            slots_in_use=self.exchange.statistics().in_use,
            clients=self.exchange.clients,
        )

    def actors(self) -> tuple[StageActor, ...]:
        """Of every stage it runs here."""
        return tuple(self._supervisor.actors.values())

    def stages(self) -> tuple[StageStatus, ...]:
        """Every stage it runs here."""
        return tuple(actor.statistics() for actor in self.actors())


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
