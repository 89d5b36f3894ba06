"""Notices that a stage has had no node for too long."""

from __future__ import annotations

from collections.abc import Callable

from edgechain.client.request import Timer, Timers
from edgechain.spec.ids import StageName

MISSING_SECONDS = 0.7
"""How long a stage may be without a node before what waits for it ends. A link that broke is up
again sooner; with the notice of the loss it stays below the second in which an error is due."""


class Absence:
    """``stage`` is the one that has been away for too long, until it is back.

    ``when_long`` is called each time that begins.
    """

    def __init__(self, timers: Timers, when_long: Callable[[StageName], None]):
        self._timers = timers
        self._when_long = when_long
        self._missing: tuple[StageName, ...] = ()
        self._timer: Timer | None = None
        self.stage: StageName | None = None

    def judge(self, missing: tuple[StageName, ...]) -> None:
        """These stages have no node now."""
        self._missing = missing
        if self.stage not in missing:
            self.stage = None
        if not missing:
            self.stop()
        elif self._timer is None and self.stage is None:
            self._timer = self._timers.call_later(MISSING_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._timer = None
        self.stage = self._missing[0]
        self._when_long(self.stage)

    def stop(self) -> None:
        """Watch no more, until the next judgement."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
