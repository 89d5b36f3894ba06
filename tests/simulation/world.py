"""Virtual time: a heap of events, and processes that live, stop and die in it.

Nothing runs at the same time as anything else, and everything that happens follows from a seed.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any

from edgechain.spec.message import Released

LAST_EVENTS = 60
"""What is remembered of a run for the one who has to understand it."""

CLOCK_TICK = 1e-6
"""No timer is more exact than this; time goes on however often one is set."""

WAKE_SECONDS = 0.002
"""A process that goes on after a stop has caught up with what came in the meantime after this."""


class Event:
    """Something that will happen in a process; ``cancel`` prevents it.

    ``stream`` is what must stay in order among itself; events of none are timers.
    """

    __slots__ = ("arguments", "call", "cancelled", "done", "process", "stream")

    def __init__(
        self,
        process: Process | None,
        stream: object,
        call: Callable[..., object],
        arguments: tuple[Any, ...],
    ):
        self.process = process
        self.stream = stream
        self.call = call
        self.arguments = arguments
        self.cancelled = False
        self.done = False

    def cancel(self) -> None:
        """It does not happen; may be called at any time."""
        self.cancelled = True


class World:
    """The clock and what is to come. ``say`` keeps the last words for a failure's report."""

    def __init__(self, seed: int, echo: Callable[[str], None] | None = None):
        self.random = random.Random(seed)
        self._now = 0.0
        self._heap: list[tuple[float, int, Event]] = []
        self._order = 0
        self._said: deque[tuple[float, str, tuple[object, ...]]] = deque(maxlen=LAST_EVENTS)
        self._echo = echo
        self.events = 0

    def now(self) -> float:
        """The current instant in seconds."""
        return self._now

    def at(
        self,
        seconds: float,
        process: Process | None,
        stream: object,
        call: Callable[..., object],
        *arguments: Any,
    ) -> Event:
        """Let something happen so many seconds from now, unless its process is dead by then."""
        event = Event(process, stream, call, arguments)
        self._order += 1
        heapq.heappush(self._heap, (self._now + seconds, self._order, event))
        return event

    def run(self, until: float) -> None:
        """Let time pass until an instant."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, event = heapq.heappop(heap)
            if event.cancelled:
                continue
            self._now = max(self._now, when)
            process = event.process
            if process is not None:
                if not process.alive:
                    continue
                if process.stopped:
                    process.backlog.append(event)
                    continue
            self.events += 1
            event.done = True
            event.call(*event.arguments)
        self._now = max(self._now, until)

    def again(self, event: Event, seconds: float) -> None:
        """Let an event that a stopped process missed happen after all."""
        self._order += 1
        heapq.heappush(self._heap, (self._now + seconds, self._order, event))

    def timers(self, process: Process) -> list[str]:
        """The timers of a process that are set, by what they call."""
        return [
            event.call.__qualname__
            for _, _, event in self._heap
            if event.process is process and event.stream is None and not event.cancelled
        ]

    def say(self, what: str, *things: object) -> None:
        """Note what happens, to be worded only if somebody wants to read it."""
        if self._echo is not None:
            self._echo(_line(self._now, what, things))
        else:
            self._said.append((self._now, what, things))

    def last_words(self) -> list[str]:
        """What was noted last."""
        return [_line(*said) for said in self._said]


def _line(now: float, what: str, things: tuple[object, ...]) -> str:
    return f"{now:10.4f} {what} " + " ".join(map(_brief, things))


def _brief(thing: object) -> str:
    """Messages by their attempt and what else is short in them; the rest cut off."""
    key = getattr(thing, "key", None)
    if key is None:
        text = str(thing).replace("generation=", "")
        for one in thing.keys if isinstance(thing, Released) else ():
            text = f"Released({one})"
    else:
        told = ("tensor", "offset", "total", "kind", "stage", "reason")
        more = (str(getattr(thing, name)) for name in told if hasattr(thing, name))
        text = f"{type(thing).__name__}({key} {' '.join(more)})"
    return text if len(text) <= 160 else text[:157] + "..."


class Process:
    """One life of a program on one machine: it runs, is stopped and continued, and is dead.

    It hands out timers (``call_later``) as asyncio's loop does, and the time.
    """

    def __init__(self, world: World, machine: str):
        self.world = world
        self.machine = machine
        self.alive = True
        self.stopped = False
        self.stops = 0
        self.continued_at = 0.0
        self.backlog: list[Event] = []

    def now(self) -> float:
        """The current instant in seconds."""
        return self.world.now()

    def call_later(
        self,
        seconds: float,
        call: Callable[..., object],
        *arguments: Any,
    ) -> Event:
        """Call something later, as long as the process lives."""
        return self.world.at(max(CLOCK_TICK, seconds), self, None, call, *arguments)

    def stop(self) -> None:
        """SIGSTOP: nothing happens in it until ``go_on``; its machine goes on."""
        self.stopped = True
        self.stops += 1

    def go_on(self) -> None:
        """SIGCONT: what was missed happens now, streams in their order, timers among them."""
        if not self.alive:
            return
        self.stopped = False
        self.continued_at = self.now()
        missed, self.backlog = self.backlog, []
        lags: dict[int, float] = {}
        for event in missed:
            lag = lags.setdefault(id(event.stream), self.world.random.uniform(0, WAKE_SECONDS))
            self.world.again(event, lag)

    def die(self) -> None:
        """Nothing happens in it any more."""
        self.alive = False
        self.backlog.clear()

    def __str__(self) -> str:
        return self.machine
