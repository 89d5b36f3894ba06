"""A running chain as its user sees it: ``infer``, ``stream``, ``statistics``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from edgechain.client.inputs import check_inputs
from edgechain.client.request import Request
from edgechain.client.results import Result
from edgechain.client.submit import NEWEST_UNDER_WAY, Submitter
from edgechain.client.tally import ChainStatistics
from edgechain.errors import InvalidInput, RequestError
from edgechain.spec.chain import ChainManifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Inputs = Mapping[str, Array] | Array

DEADLINE_SECONDS = 10.0
"""What a request gets when its caller says nothing: a Zero 2 W may need seconds for a frame."""

IN_FLIGHT = 8
"""Frames of a stream that are under way at a time; a node's default number of slots."""

MOST_UNTAKEN = 1024
"""Results of a live stream, most of them drops, that wait behind one that is not there yet; half a
minute of a camera. After that its source has to wait."""


class Chain:
    """An open connection to a running chain. Made by ``edgechain.connect``."""

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
        asked = self._open(self._checked(inputs), deadline, NEWEST_UNDER_WAY if newest else 0)
        try:
            result = await asked.future
        finally:
            self._take_back(asked)
        if result.error is not None:
            raise result.error
        return result

    def _open(
        self, values: dict[int, Array], deadline: float, window: int, index: int | None = None
    ) -> _Asked:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        request = self._submitter.open(
            values,
            deadline,
            partial(_settle, future, index),
            index=index,
            newest=window > 0,
            window=window,
        )
        return _Asked(future, request)

    def _take_back(self, asked: _Asked) -> None:
        if asked.request is not None:
            self._submitter.cancel(asked.request)

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
        source, index = _Source(frames), 0
        pending: deque[_Asked] = deque()
        try:
            while source.goes_on or pending:
                reads = source.goes_on and len(pending) < room
                if reads and (frame := source.take()):
                    pending.append(self._ask(frame[0], deadline, window, index))
                    index += 1
                    if newest or pending[-1].future.done():
                        await asyncio.sleep(0)  # a source that never waits is not all there is
                elif pending and pending[0].future.done():
                    yield pending.popleft().future.result()
                else:
                    await source.wait(pending[0].future if pending else None, reads=reads)
        finally:
            for asked in pending:
                self._take_back(asked)
            await source.close()

    def _ask(self, frame: Inputs, deadline: float, window: int, index: int) -> _Asked:
        """A request of a stream; one that is impossible has ended already."""
        try:
            return self._open(self._checked(frame), deadline, window, index)
        except InvalidInput as error:
            future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            _settle(future, index, error)
            return _Asked(future, None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request and how it will end; one that was impossible is none."""

    future: asyncio.Future[Result]
    request: Request | None


def _settle(
    future: asyncio.Future[Result], index: int | None, outcome: Result | RequestError
) -> None:
    """Tell the caller, if it still listens."""
    if future.done():
        return
    if isinstance(outcome, Result):
        future.set_result(outcome)
    else:
        future.set_result(Result(index or 0, 0.0, {}, outcome))


class _Source:
    """Frames as they come, the next one of an asynchronous source asked for ahead of time."""

    def __init__(self, frames: AsyncIterable[Inputs] | Iterable[Inputs]):
        self._ready: Iterator[Inputs] | None = None
        self._reading: asyncio.Task[tuple[Inputs, ...]] | None = None
        self.goes_on = True
        """Whether there may be another one."""
        if isinstance(frames, AsyncIterable):
            self._coming = aiter(frames)
            self._reading = asyncio.create_task(_next(self._coming))
        else:
            self._ready = iter(frames)

    def take(self) -> tuple[Inputs, ...]:
        """A frame alone in a tuple, or nothing while there is none. Raises what the source does."""
        if self._ready is not None:
            frame = tuple(islice(self._ready, 1))
        elif self._reading is not None and self._reading.done():
            frame = self._reading.result()
            self._reading = asyncio.create_task(_next(self._coming)) if frame else None
        else:
            return ()
        self.goes_on = bool(frame)
        return frame

    async def wait(self, other: asyncio.Future[Result] | None, *, reads: bool) -> None:
        """Until the other is done, if there is one, or the next frame is there, if it ``reads``."""
        if reads and self._reading is not None:
            waits = (self._reading,) if other is None else (self._reading, other)
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        elif other is not None:
            await other

    async def close(self) -> None:
        """Ask for no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


async def _next(source: AsyncIterator[Inputs]) -> tuple[Inputs, ...]:
    """The next frame, alone in a tuple; nothing at the end."""
    async for frame in source:
        return (frame,)
    return ()
