"""Many timers on one of the event loop's: nearly all of them are cancelled before their time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgechain.client.request import Timer, Timers
    from edgechain.runtime.clock import Clock

EARLY_SECONDS = 0.0005
"""A loop that counts milliseconds rings so much too early; nobody minds."""

TIDY_ABOVE = 256
"""So many cancelled alarms may lie about before they are looked for."""


class Alarm:
    """One call to come, until it is cancelled."""

    __slots__ = ("_alarms", "arguments", "callback")

    def __init__(self, alarms: Alarms, callback: Callable[..., object], arguments: tuple[Any, ...]):
        self._alarms = alarms
        self.callback: Callable[..., object] | None = callback
        self.arguments = arguments

    def cancel(self) -> None:
        """It will not come; what it would have been called with is let go at once."""
        if self.callback is not None:
            self.callback, self.arguments = None, ()
            self._alarms.cancelled()


class Alarms:
    """Calls back as an event loop does, with one timer of the loop's at a time.

    Every request sets two timers and cancels both when it is answered. A loop's own cost several
    times as much as a heap's entry that is forgotten where it lies: of those there are never more
    than twice as many as there are alarms, and ``TIDY_ABOVE``.
    """

    def __init__(self, timers: Timers, clock: Clock):
        self._timers = timers
        self._clock = clock
        self._heap: list[tuple[float, int, Alarm]] = []
        self._born = self._forgotten = 0
        self._timer: Timer | None = None
        self._rings_at = float("inf")

    def __len__(self) -> int:
        """How many are remembered, cancelled ones among them."""
        return len(self._heap)

    def call_later(self, delay: float, callback: Callable[..., object], *arguments: Any) -> Alarm:
        """Call back in so many seconds."""
        alarm, at = Alarm(self, callback, arguments), self._clock.now() + delay
        self._born += 1
        heapq.heappush(self._heap, (at, self._born, alarm))
        if at < self._rings_at:
            self._set(at)
        return alarm

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = self._timers.call_later(max(0.0, at - self._clock.now()), self._ring)

    def _ring(self) -> None:
        """Call what is due, and wait for the next one that was not cancelled."""
        self._timer, self._rings_at = None, float("inf")
        due = self._clock.now() + EARLY_SECONDS
        while self._heap and (self._heap[0][0] <= due or self._heap[0][2].callback is None):
            _, _, alarm = heapq.heappop(self._heap)
            callback, arguments = alarm.callback, alarm.arguments
            if callback is None:
                self._forgotten -= 1
            else:
                alarm.callback = None
                callback(*arguments)
        if self._heap and self._heap[0][0] < self._rings_at:
            self._set(self._heap[0][0])

    def cancelled(self) -> None:
        """One of them was."""
        self._forgotten += 1
        if self._forgotten == len(self._heap):
            self.stop()
        elif self._forgotten > max(TIDY_ABOVE, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._forgotten = 0

    def stop(self) -> None:
        """No alarm rings any more; there may be new ones."""
        self._heap.clear()
        self._forgotten = 0
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = None, float("inf")
