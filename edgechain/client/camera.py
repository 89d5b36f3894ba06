"""A camera's run: frames from a source through a chain to findings, every frame accounted for.

Several frames are under way at once, at most ``in_flight``; findings are told in the order of the
frames. Every frame counts: the source waits, nothing is left out. Where the newest counts instead
(``live``), the source does not wait: one frame does, and a newer one takes its place. Pixel work
is done in threads.

A chain that answers nothing but that a stage is gone is asked once a second, and left after half a
minute: a board has restarted by then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edgechain.client.account import Account, Ledger
from edgechain.client.live import FrameSource, NewestGate
from edgechain.client.sight import Sight, Sights
from edgechain.client.sources import BrokenFrame, Clock, Frame
from edgechain.client.tally import ChainStatistics
from edgechain.errors import (
    Cancelled,
    Dropped,
    EdgechainError,
    GenerationChanged,
    InvalidInput,
    RequestError,
    Unavailable,
)
from edgechain.spec.chain import ChainManifest
from edgechain.vision.draw import draw
from edgechain.vision.findings import Findings
from edgechain.vision.fit import Picture

IN_FLIGHT = 4
"""Frames under way at once: enough to keep a chain of three or four stages busy."""

MOST_UNTOLD = 1024
"""Frames of a live run, most of them dropped, whose turn to be told has not come."""

PAUSE_SECONDS = 1.0
"""Between frames for a chain that is not there."""

GONE_SECONDS = 30.0
"""Without any other answer than that a stage is gone; a Raspberry Pi boots in less."""


class Answer(Protocol):
    """What a chain made of one frame."""

    @property
    def outputs(self) -> Mapping[str, NDArray[Any]]:
        """By port name."""

    @property
    def latency(self) -> float:
        """Seconds from submission to the answer."""

    @property
    def generation(self) -> str:
        """Which generation of the chain answered."""


class InferChain(Protocol):
    """The chain as a camera needs it."""

    @property
    def manifest(self) -> ChainManifest:
        """What it takes and gives now."""

    async def infer(self, inputs: Mapping[str, NDArray[Any]], *, newest: bool = False) -> Answer:
        """Answer once, or raise one ``EdgechainError``."""

    def statistics(self) -> ChainStatistics:
        """What became of every request."""


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


@dataclass(frozen=True, slots=True)
class _Told:
    """A report, and the frame whose picture is still wanted; ``admitted`` if it took a place."""

    report: FrameReport
    frame: Frame | None = None
    admitted: bool = True


@dataclass(slots=True)
class _Flow:
    """What the feeding task and the reporting one share."""

    answers: asyncio.Queue[asyncio.Task[_Told] | None]
    failure: Exception | None = None


class Camera:
    """One source watched through one chain. ``run`` once; ``stop`` ends it early and cleanly."""

    def __init__(
        self,
        chain: InferChain,
        source: FrameSource,
        look: Callable[[ChainManifest], Sight],
        *,
        album: Pictures | None = None,
        limit: int | None = None,
        in_flight: int = IN_FLIGHT,
        live: bool = False,
        clock: Clock = time.monotonic,
    ):
        """``look`` says how to see with a generation of the chain.

        ``album`` saves annotated frames, ``limit`` ends after so many frames.
        """
        self._chain, self._source, self._album = chain, source, album
        self._sights = Sights(look)
        self._limit, self._in_flight, self._clock = limit, in_flight, clock
        self._window = asyncio.Semaphore(in_flight)
        self._gate = NewestGate(in_flight) if live else None
        self._ledger = Ledger()
        self._outage: tuple[float, Unavailable] | None = None
        self._stopping = asyncio.Event()

    def account(self) -> Account:
        """The counts so far."""
        retries = self._chain.statistics().retries
        return replace(self._ledger.account(self._clock()), retries=retries)

    def stop(self) -> None:
        """Take no more frames; ``run`` returns when those under way are answered."""
        self._stopping.set()

    async def run(self, report: Report) -> Account:
        """Watch until the source ends, the limit is reached or ``stop`` is called.

        A frame's error is reported and counted, and the run goes on. Raises ``InvalidMedia`` when
        the source itself cannot be read (further) or the chain does not see pictures, and
        ``Unavailable`` when the chain is gone for good. If cancelled, frames under way count as
        failed with ``Cancelled``; in every case the account is complete afterwards.
        """
        self._sights.of(self._chain.manifest)
        flow = _Flow(asyncio.Queue(MOST_UNTOLD if self._gate else self._in_flight + 1))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(group, flow))
                while (task := await flow.answers.get()) is not None:
                    report(await self._finished(await task))
        finally:
            self._close_account()
            if self._album is not None:
                await asyncio.to_thread(self._album.close)
        if flow.failure is not None:
            raise flow.failure
        return self.account()

    # Frames in -------------------------------------------------------------------------------

    async def _feed(self, group: asyncio.TaskGroup, flow: _Flow) -> None:
        """Take frames while there is room for one, and start their answers."""
        try:
            async with aclosing(self._source.frames(self._clock)) as frames:
                taken = 0
                while taken != self._limit:
                    await self._wait_for_room()
                    frame = None if self._stopping.is_set() else await anext(frames, None)
                    if frame is None:
                        break
                    taken += 1
                    self._ledger.sent(self._clock())
                    await flow.answers.put(group.create_task(self._answer(frame)))
        except EdgechainError as error:
            flow.failure = error  # raised when the frames before it are told
        await flow.answers.put(None)

    async def _wait_for_room(self) -> None:
        """Wait for a place, and for a chain that is gone. Raises ``Unavailable`` in the end."""
        if self._gate is None:
            await self._window.acquire()
        if self._outage is None:
            return
        since, error = self._outage
        if self._clock() - since >= GONE_SECONDS:
            reason = f"{error.reason}, for {GONE_SECONDS:g} s now: no more frames are sent"
            raise Unavailable(error.stage, reason)
        if self._gate is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._stopping.wait()

    # Answers ---------------------------------------------------------------------------------

    async def _answer(self, frame: Frame | BrokenFrame) -> _Told:
        if isinstance(frame, BrokenFrame):
            broken = FrameReport(frame.index, frame.name, error=frame.error)
            return _Told(broken, admitted=self._gate is None)
        if self._gate is not None and not await self._gate.enter():
            newer = Dropped("a newer frame took its place before it was sent")
            return _Told(FrameReport(frame.index, frame.name, error=newer), admitted=False)
        try:
            findings, latency = await self._look_at(frame)
        except EdgechainError as error:
            return _Told(FrameReport(frame.index, frame.name, error=error))
        return _Told(FrameReport(frame.index, frame.name, findings, latency), frame)

    async def _look_at(self, frame: Frame) -> tuple[Findings, float]:
        """What the chain sees; asked anew where it was replaced and wants other inputs now."""
        while True:
            sight = self._sights.of(self._chain.manifest)
            inputs, geometry = await asyncio.to_thread(sight.prepare, frame.image)
            try:
                answer = await self._chain.infer(inputs, newest=self._gate is not None)
            except (GenerationChanged, InvalidInput):
                if self._sights.of(self._chain.manifest) is sight:
                    raise
                continue
            seen = self._sights.get(answer.generation, sight)
            return await asyncio.to_thread(seen.read, answer.outputs, geometry), answer.latency

    async def _finished(self, told: _Told) -> FrameReport:
        """Save the frame, count it, and make room for another."""
        report = told.report
        if self._album is not None and told.frame is not None and report.findings is not None:
            try:
                await asyncio.to_thread(_save, self._album, told.frame, report.findings)
            except EdgechainError as error:
                report = FrameReport(report.index, report.name, error=error)
        self._count(report)
        if told.admitted:
            (self._gate.leave if self._gate is not None else self._window.release)()
        return report

    def _count(self, report: FrameReport) -> None:
        now, error = self._clock(), report.error
        if error is None:
            self._ledger.answered(now, report.latency)
        elif isinstance(error, Dropped):
            self._ledger.dropped(now)
        else:
            self._ledger.failed(now, error)
        if isinstance(error, Unavailable):
            self._outage = self._outage or (now, error)
        elif error is None or (isinstance(error, RequestError) and not isinstance(error, Dropped)):
            self._outage = None

    def _close_account(self) -> None:
        """Count what a cancelled run leaves behind."""
        for _ in range(self.account().under_way):
            self._ledger.failed(self._clock(), Cancelled("the run was stopped"))


def _save(album: Pictures, frame: Frame, findings: Findings) -> None:
    album.save(frame, draw(frame.image, findings))
