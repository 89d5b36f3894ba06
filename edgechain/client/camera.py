"""A camera's run: frames from a source through a chain to findings, every frame accounted for.

Several frames are under way at once, at most ``in_flight``; findings are told in the order of the
frames. Every frame counts: the source waits, nothing is left out. Pixel work is done in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edgechain.client.account import Account, Ledger
from edgechain.client.sight import Sight
from edgechain.client.sources import BrokenFrame, Clock, Frame, Frames
from edgechain.errors import Cancelled, Dropped, EdgechainError
from edgechain.spec.chain import ChainManifest
from edgechain.vision.draw import draw
from edgechain.vision.findings import Findings
from edgechain.vision.fit import Picture

IN_FLIGHT = 4
"""Frames under way at once: enough to keep a chain of three or four stages busy."""


class Answer(Protocol):
    """What a chain made of one frame."""

    @property
    def outputs(self) -> Mapping[str, NDArray[Any]]:
        """By port name."""

    @property
    def latency(self) -> float:
        """Seconds from submission to the answer."""


class InferChain(Protocol):
    """The chain as a camera needs it."""

    @property
    def manifest(self) -> ChainManifest:
        """What it takes and gives."""

    async def infer(self, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Answer once, or raise one ``EdgechainError``."""


class FrameSource(Protocol):
    """Where frames come from; ``client.sources`` has those for files."""

    def frames(self, clock: Clock) -> Frames:
        """Every frame once, in order."""


class Pictures(Protocol):
    """Where annotated frames go; ``client.album`` keeps them as files."""

    def save(self, frame: Frame, picture: Picture) -> Path:
        """Keep one; says where. Blocks. Raises ``InvalidMedia``."""

    def close(self) -> None:
        """Nothing more comes; may be called twice."""


@dataclass(frozen=True, slots=True)
class FrameReport:
    """How one frame ended: with findings and their latency in seconds, or with an error."""

    index: int
    name: str
    findings: Findings | None = None
    latency: float = 0.0
    error: EdgechainError | None = None

    def as_json(self) -> dict[str, Any]:
        """One object: ``frame`` is the index, ``source`` the name; ``error`` where it failed."""
        told: dict[str, Any] = {"frame": self.index, "source": self.name}
        if self.findings is None:
            return {**told, "error": type(self.error).__name__, "reason": str(self.error)}
        return {**told, **self.findings.as_json(), "latency_ms": round(self.latency * 1000, 3)}

    def __str__(self) -> str:
        if self.findings is None:
            reason = str(self.error)
            return reason if self.name in reason else f"{self.name}: {reason}"
        found = self.findings.summary() or "nothing found"
        return f"{self.name}  {found}   {self.latency * 1000:.0f} ms"


Report = Callable[[FrameReport], None]
"""Called once for every frame, in order; a failed one has an ``error``."""


@dataclass(slots=True)
class _Flow:
    """What the feeding task and the reporting one share."""

    window: asyncio.Semaphore
    answers: asyncio.Queue[tuple[Frame | BrokenFrame, asyncio.Task[FrameReport]] | None]
    failure: Exception | None = None


class Camera:
    """One source watched through one chain. ``run`` once; ``stop`` ends it early and cleanly."""

    def __init__(
        self,
        chain: InferChain,
        source: FrameSource,
        sight: Sight,
        *,
        album: Pictures | None = None,
        limit: int | None = None,
        in_flight: int = IN_FLIGHT,
        clock: Clock = time.monotonic,
    ):
        """``album`` saves annotated frames, ``limit`` ends after so many frames."""
        self._chain, self._source, self._sight, self._album = chain, source, sight, album
        self._limit, self._in_flight, self._clock = limit, in_flight, clock
        self._ledger = Ledger()
        self._stopping = False

    def account(self) -> Account:
        """The counts so far."""
        return self._ledger.account(self._clock())

    def stop(self) -> None:
        """Take no more frames; ``run`` returns when those under way are answered."""
        self._stopping = True

    async def run(self, report: Report) -> Account:
        """Watch until the source ends, the limit is reached or ``stop`` is called.

        A frame's error is reported and counted, and the run goes on. Raises ``InvalidMedia`` when
        the source itself cannot be read (further). If cancelled, frames under way count as failed
        with ``Cancelled``; in every case the account is complete afterwards.
        """
        room = self._in_flight
        flow = _Flow(asyncio.Semaphore(room), asyncio.Queue(room + 1))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(group, flow))
                while (item := await flow.answers.get()) is not None:
                    report(await self._finished(*item))
                    flow.window.release()
        finally:
            self._close_account()
            if self._album is not None:
                await asyncio.to_thread(self._album.close)
        if flow.failure is not None:
            raise flow.failure
        return self.account()

    async def _feed(self, group: asyncio.TaskGroup, flow: _Flow) -> None:
        """Take frames while there is room for one, and start their answers."""
        try:
            async with aclosing(self._source.frames(self._clock)) as frames:
                taken = 0
                while taken != self._limit:
                    await flow.window.acquire()
                    frame = None if self._stopping else await anext(frames, None)
                    if frame is None:
                        break
                    taken += 1
                    self._ledger.sent(self._clock())
                    await flow.answers.put((frame, group.create_task(self._answer(frame))))
        except EdgechainError as error:
            flow.failure = error  # raised when the frames before it are told
        await flow.answers.put(None)

    async def _answer(self, frame: Frame | BrokenFrame) -> FrameReport:
        if isinstance(frame, BrokenFrame):
            return FrameReport(frame.index, frame.name, error=frame.error)
        try:
            inputs, geometry = await asyncio.to_thread(self._sight.prepare, frame.image)
            answer = await self._chain.infer(inputs)
            findings = await asyncio.to_thread(self._sight.read, answer.outputs, geometry)
        except EdgechainError as error:
            return FrameReport(frame.index, frame.name, error=error)
        return FrameReport(frame.index, frame.name, findings, answer.latency)

    async def _finished(
        self, frame: Frame | BrokenFrame, task: asyncio.Task[FrameReport]
    ) -> FrameReport:
        """Wait for the frame's answer, save it and count it."""
        told = await task
        if self._album is not None and isinstance(frame, Frame) and told.findings is not None:
            try:
                await asyncio.to_thread(_save, self._album, frame, told.findings)
            except EdgechainError as error:
                told = FrameReport(frame.index, frame.name, error=error)
        self._count(told)
        return told

    def _count(self, told: FrameReport) -> None:
        now = self._clock()
        if told.error is None:
            self._ledger.answered(now, told.latency)
        elif isinstance(told.error, Dropped):
            self._ledger.dropped(now)
        else:
            self._ledger.failed(now, told.error)

    def _close_account(self) -> None:
        """Count what a cancelled run leaves behind."""
        for _ in range(self.account().under_way):
            self._ledger.failed(self._clock(), Cancelled("the run was stopped"))


def _save(album: Pictures, frame: Frame, findings: Findings) -> None:
    album.save(frame, draw(frame.image, findings))
