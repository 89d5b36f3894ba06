"""A running chain as its user sees it: ``connect``, ``infer``, ``stream``."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgechain.client.find import (
    Found,
    as_directory,
    find_at,
    find_local,
    manifest_of,
    matches,
    watched,
)
from edgechain.client.fleet import Fleet
from edgechain.client.inputs import check_inputs
from edgechain.client.results import Result
from edgechain.client.submit import NEWEST_UNDER_WAY, Submitter
from edgechain.client.tally import ChainStatistics
from edgechain.discovery.local import find_chain
from edgechain.discovery.peers import PeerHint, PeerTable, default_namespace
from edgechain.errors import (
    Cancelled,
    InvalidInput,
    ProtocolError,
    RequestError,
    Unavailable,
    UnknownChain,
)
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.clock import SystemClock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation, new_client_id
from edgechain.spec.message import Hello, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Inputs = Mapping[str, Array] | Array

DEADLINE_SECONDS = 10.0
"""What a request gets when its caller says nothing: a Zero 2 W may need seconds for a frame."""

FIND_SECONDS = 5.0
IN_FLIGHT = 8
"""Frames of a stream that are under way at a time; a node's default number of slots."""

MOST_UNTAKEN = 1024
"""Results of a live stream, most of them drops, that wait behind one that is not there yet; half a
minute of a camera. After that its source has to wait."""


class Chain:
    """An open connection to a running chain. Made by ``connect``."""

    def __init__(self, name: str, submitter: Submitter):
        self.name = name
        self._submitter = submitter

    @property
    def manifest(self) -> ChainManifest:
        """What the chain takes and gives now; another one after the chain was replaced."""
        return self._submitter.session.manifest

    async def infer(
        self, inputs: Inputs, *, deadline: float = DEADLINE_SECONDS, newest: bool = False
    ) -> Result:
        """One request: arrays by input name (or one bare array) in, a ``Result`` out.

        ``deadline`` is in seconds from now. With ``newest`` it takes the place of an earlier such
        request that waits for a slot, which ends as ``Dropped``. Raises ``InvalidInput`` before
        anything is sent, or the ``RequestError`` the request ended with, no later than the
        deadline.
        """
        return await self._ask(inputs, deadline, NEWEST_UNDER_WAY if newest else 0)

    async def _ask(self, inputs: Inputs, deadline: float, window: int) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        request = self._submitter.open(
            self._checked(inputs),
            deadline,
            partial(_settle, future),
            newest=window > 0,
            window=window,
        )
        try:
            return await future
        finally:
            self._submitter.cancel(request)

    def _checked(self, inputs: Inputs) -> dict[int, Array]:
        try:
            return check_inputs(self.manifest, inputs)
        except InvalidInput as error:
            self._submitter.refuse(error)
            raise

    def statistics(self) -> ChainStatistics:
        """What became of every request of this connection so far."""
        return self._submitter.statistics()

    async def stream(
        self,
        frames: AsyncIterable[Inputs] | Iterable[Inputs],
        *,
        deadline: float = DEADLINE_SECONDS,
        in_flight: int = IN_FLIGHT,
        newest: bool = False,
    ) -> AsyncIterator[Result]:
        """Many requests, ``in_flight`` at a time; results come in the order of the frames.

        A frame that fails does not end the stream: its result carries the error. A frame must
        stay as it is until its result is there; results do not wait for the next frame.

        With ``newest`` the source does not wait for the chain: a frame that comes while
        ``in_flight`` are under way takes the place of the one that waits, and that one's result
        carries ``Dropped``.
        """
        if in_flight < 1:
            raise ValueError("a stream has at least one frame in flight")
        window = in_flight if newest else 0
        room = MOST_UNTAKEN if newest else in_flight
        source, index = _each(frames), 0
        pending: deque[asyncio.Task[Result]] = deque()
        reading: asyncio.Task[tuple[Inputs, ...]] | None = asyncio.create_task(_next(source))
        try:
            while reading is not None or pending:
                taking = reading if len(pending) < room else None
                waits = [task for task in (taking, *islice(pending, 1)) if task is not None]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if taking is not None and taking.done():
                    frame, reading = taking.result(), None
                    if frame:
                        settling = self._settle(index, frame[0], deadline, window)
                        pending.append(asyncio.create_task(settling))
                        reading = asyncio.create_task(_next(source))
                        index += 1
                elif pending[0].done():
                    yield pending.popleft().result()
        finally:
            left = [*pending, *([reading] if reading is not None else [])]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await source.aclose()

    async def _settle(self, index: int, frame: Inputs, deadline: float, window: int) -> Result:
        try:
            result = await self._ask(frame, deadline, window)
        except RequestError as error:
            return Result(index, 0.0, {}, error)
        return replace(result, index=index)


def _settle(future: asyncio.Future[Result], outcome: Result | RequestError) -> None:
    """Tell the caller, if it still listens."""
    if future.done():
        return
    if isinstance(outcome, Result):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)


async def _next(source: AsyncIterator[Inputs]) -> tuple[Inputs, ...]:
    """The next frame, alone in a tuple; an empty one at the end."""
    async for frame in source:
        return (frame,)
    return ()


async def _each(frames: AsyncIterable[Inputs] | Iterable[Inputs]) -> AsyncGenerator[Inputs]:
    if isinstance(frames, AsyncIterable):
        async for frame in frames:
            yield frame
    else:
        for frame in frames:
            yield frame


@asynccontextmanager
async def connect(
    target: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    peers: Sequence[str] = (),
    timeout: float = FIND_SECONDS,
    mdns: bool = False,
) -> AsyncIterator[Chain]:
    """Connect to a running chain by its name or by the directory it was split into.

    A chain that `edgechain up` runs on this machine is found by its record, others by mDNS;
    ``namespace`` is the fleet (``EDGECHAIN_NAMESPACE``, or "default", when absent),
    ``mdns=True`` ignores the record, ``peers`` (``host:port``) asks those addresses and nobody
    else. Raises ``UnknownChain`` when nobody answers within ``timeout`` seconds and
    ``Unavailable`` when a stage of it has no node.
    """
    target = os.fspath(target)
    table = PeerTable(namespace or default_namespace())
    async with AsyncExitStack() as stack:
        if peers:
            directory = as_directory(target)
            found = await find_at(tuple(peers), None if directory else target, timeout)
            _require_same(found.manifest, directory)
            fleet = _open_fleet(stack, found, table)
        elif not mdns and (local := find_local(target)) is not None:
            found = await find_at(local.addresses, local.name, timeout)
            fleet = _open_fleet(stack, found, table)
        else:
            found, fleet = await _discover(stack, target, table, timeout)
        submitter = _submitter(fleet)
        stack.callback(submitter.close, Cancelled("the connection to the chain was closed"))
        await _wait_until_complete(fleet, found, timeout)
        yield Chain(found.name, submitter)


def _require_same(running: ChainManifest, directory: Path | None) -> None:
    """Raise ``UnknownChain`` when another chain runs there than the directory holds."""
    if directory is not None and load_manifest(directory).generation != running.generation:
        raise UnknownChain(f"the nodes run chain {running.name!r}, not the one in {directory}")


def _open_fleet(stack: AsyncExitStack, found: Found, table: PeerTable) -> Fleet:
    hello = Hello(
        role=Role.CLIENT,
        name=f"{socket.gethostname()}:{os.getpid()}",
        namespace=table.namespace,
        chain=found.name,
        generation=Generation(found.manifest.generation),
        client=new_client_id(),
        session=secrets.randbits(63),
        want_slots=IN_FLIGHT,
    )
    fleet = Fleet(hello, found.manifest, table, SystemClock())
    stack.push_async_callback(fleet.close)
    for address in found.addresses:
        fleet.add(address)
    return fleet


async def _discover(
    stack: AsyncExitStack, target: str, table: PeerTable, timeout: float
) -> tuple[Found, Fleet]:
    """Find a chain by mDNS and go on listening for its nodes."""
    directory = as_directory(target)
    manifest = load_manifest(directory) if directory is not None else None
    news = await stack.enter_async_context(watched(table))
    try:
        async with asyncio.timeout(timeout):
            hint, manifest = await _first_answer(news, target, manifest)
    except TimeoutError:
        raise UnknownChain(_nobody(target, directory, timeout)) from None
    fleet = _open_fleet(stack, Found(hint.chain, manifest, ()), table)
    for heard in table.peers():
        fleet.seen(heard)
    task = asyncio.create_task(_follow(news, fleet), name="mDNS news")
    stack.push_async_callback(_end, task)
    return Found(hint.chain, manifest, ()), fleet


async def _first_answer(
    news: asyncio.Queue[PeerHint], target: str, manifest: ChainManifest | None
) -> tuple[PeerHint, ChainManifest]:
    """The first node of the chain, and its manifest; who does not answer is passed over."""
    while True:
        hint = await news.get()
        if matches(hint, target, manifest):
            with suppress(Unavailable, ProtocolError):
                return hint, manifest or await manifest_of(hint)


async def _follow(news: asyncio.Queue[PeerHint], fleet: Fleet) -> None:
    while True:
        fleet.seen(await news.get())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _nobody(target: str, directory: Path | None, timeout: float) -> str:
    if directory is not None:
        name = load_manifest(directory).name
        if find_chain(name) is not None:
            return (
                f"chain {name!r} runs, but of another generation than {target} holds; "
                f"`edgechain down {name}` ends it, then `edgechain up {target}`"
            )
        return f"the chain in {target} is not running; start it with `edgechain up {target}`"
    return (
        f"no chain called {target!r} answers after {timeout:g} s; "
        "`edgechain status` lists those that do"
    )


def _submitter(fleet: Fleet) -> Submitter:
    loop = asyncio.get_running_loop()
    submitter = Submitter(fleet.session, clock=SystemClock(), timers=loop)
    fleet.attach(submitter)
    return submitter


async def _wait_until_complete(fleet: Fleet, found: Found, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await fleet.complete.wait()
    except TimeoutError:
        missing = fleet.session.routes.missing()
        stage = missing[0] if missing else found.manifest.stages[0].name
        reasons = "; ".join(fleet.complaints()) or "no node that runs it was found"
        raise Unavailable(stage, f"{reasons} (waited {timeout:g} s)") from None
