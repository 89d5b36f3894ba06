"""Asks the stages' actors whether they live, and feeds the service manager's watchdog if all do.

What stops the feeding, and has the manager start the node again: an actor that does not come
round any more, a loop that stands still, a process that is stopped. What does not: a worker that
hangs or dies. That is its actor's to notice and to mend (``runtime.patience``), and no reason to
end the other stages; a slow run is none either, as long as its actor watches it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from edgechain.node.systemd import Notifier
from edgechain.runtime.actor import StageActor
from edgechain.spec.status import NodeStatus

_LOG = logging.getLogger(__name__)

STATUS_SECONDS = 10.0
"""How often the status is said where no watchdog wants to be fed."""

FED_PER_INTERVAL = 2
"""sd_watchdog_enabled(3) recommends half of the interval."""


class Watchdog:
    """``run`` asks and feeds until cancelled. ``actors`` are those of the serving generation."""

    def __init__(
        self,
        notifier: Notifier,
        actors: Callable[[], Iterable[StageActor]],
        status: Callable[[], NodeStatus],
    ):
        self._notifier = notifier
        self._actors = actors
        self._status = status
        wanted = notifier.watchdog_seconds / FED_PER_INTERVAL
        self._period = wanted or STATUS_SECONDS

    async def run(self) -> None:
        """Live."""
        while True:
            await self._ask()
            self._notifier.alive(status_line(self._status()))
            await asyncio.sleep(self._period)

    async def _ask(self) -> None:
        """Return when every actor has answered, however long that takes."""
        asked = {actor.ask(): actor.stage.name for actor in self._actors()}
        if not asked:  # a node that stands by
            return
        _, silent = await asyncio.wait(asked, timeout=self._period)
        if not silent:
            return
        names = ", ".join(sorted(asked[answer] for answer in silent))
        trouble = f"no answer for {self._period:.1f} s from the actor of stage {names}"
        _LOG.error("%s; the watchdog is not fed", trouble)
        self._notifier.troubled(trouble)
        await asyncio.wait(silent)
        _LOG.warning("stage %s answers again", names)


def status_line(status: NodeStatus) -> str:
    """A node in one line: its stages with what they ran, its links, what is under way."""
    stages = ", ".join(f"{stage.name} ({stage.ran} run)" for stage in status.stages) or "stands by"
    failed = sum(stage.failed for stage in status.stages)
    linked = sum(link.state == "up" for link in status.links)
    return (
        f"{linked} of {len(status.links)} links up; {status.slots_in_use} requests under way, "
        f"{failed} failed; chain {status.chain}: {stages}"
    )
