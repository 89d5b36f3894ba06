"""A running chain as its user sees it: ``infer``, ``stream``, ``statistics``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from edgechain.client.inputs import check_inputs
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
