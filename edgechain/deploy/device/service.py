"""The node as a service of its device, whatever starts services there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from edgechain.deploy.device.health import Health
from edgechain.deploy.device.process_service import ProcessService
from edgechain.deploy.device.systemd_service import (
    SYSTEM,
    USER_KIND,
    SystemdService,
    answers,
    user_manager,
)

BOOTED = Path("/run/systemd/system")
"""There exactly where systemd is PID 1 (sd_booted(3))."""


class Service(Protocol):
    """Starts and ends the node of one root. ``kind`` is systemd, user or process."""

    kind: str

    def start(self, generation: Path, seconds: float) -> Health:
        """End the node that runs and start this generation's, which ``current`` must name.

        Returns when the node says that it is ready, has ended, or the time is over; a node that
        is not ready then does not stay.
        """

    def reload(self, generation: Path) -> Health:
        """Let the node that runs read its configuration again, that of this generation.

        ``current`` names it by now, and its environment is the node's. Returns when the node is
        told; it goes on with what it runs meanwhile. Not well where none runs.
        """

    def stop(self) -> None:
        """End the node; nothing happens if there is none."""

    def journal(self, lines: int) -> list[str]:
        """The last lines that the node has written."""

    def follow(self, lines: int) -> Iterator[str]:
        """The last lines, then every further one as it comes; ends when it is closed."""


def detect(root: Path, kind: str | None = None) -> Service:
    """What this machine starts services with, or the ``kind`` that is asked for.

    The system's systemd where we are root, else the user's own, else a process without either.
    """
    chosen = kind or _kind()
    if chosen == SYSTEM.kind:
        return SystemdService(root, SYSTEM)
    if chosen == USER_KIND:
        return SystemdService(root, user_manager())
    return ProcessService(root)


def _kind() -> str:
    if os.geteuid() == 0:
        return SYSTEM.kind if BOOTED.is_dir() and answers(SYSTEM) else ProcessService.kind
    return USER_KIND if answers(user_manager()) else ProcessService.kind
