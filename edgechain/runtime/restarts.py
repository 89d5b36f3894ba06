"""How often a stage's workers may be lost before it rests, and before its node gives up. Pure."""

from __future__ import annotations

LOST_AT_ONCE = 5
"""Workers in a row, without a good run between them, that are replaced at once."""

REST_SECONDS, LONGEST_REST_SECONDS = 0.5, 30.0
"""The first rest after that, doubled with every further loss up to the longest."""

LOADS_TRIED = 5
"""Workers in a row that cannot be loaded: what is on the disk, or the board, is broken."""

LOAD_PAUSE_SECONDS = 0.1
"""Before the second try to load, doubled with every further one."""


class Restarts:
    """The account of one stage's workers; ``now`` is the node's clock."""

    def __init__(self) -> None:
        self._lost_in_a_row = 0
        self._unloadable_in_a_row = 0
        self._rest_until = 0.0
        self.lost_ever = 0

    def ran(self) -> None:
        """A run was good."""
        self._lost_in_a_row = 0

    def loaded(self) -> None:
        """A worker is ready."""
        self._unloadable_in_a_row = 0

    def lost(self, now: float) -> None:
        """A worker that had been ready has ended, or hung."""
        self.lost_ever += 1
        self._lost_in_a_row += 1
        self._rest(now, REST_SECONDS, self._lost_in_a_row - LOST_AT_ONCE)

    def unloadable(self, now: float) -> bool:
        """A worker could not be made ready; false when it is no use to try again."""
        self._unloadable_in_a_row += 1
        self._rest(now, LOAD_PAUSE_SECONDS, self._unloadable_in_a_row)
        return self._unloadable_in_a_row < LOADS_TRIED

    def _rest(self, now: float, first: float, time: int) -> None:
        if time > 0:
            seconds = first * 2.0 ** min(time - 1, 16)
            self._rest_until = now + min(seconds, LONGEST_REST_SECONDS)

    def rest(self, now: float) -> float:
        """Seconds that the stage still rests."""
        return max(0.0, self._rest_until - now)
