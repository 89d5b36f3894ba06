"""What binds a node's processes together: nobody outlives the daemon, signals are its to answer."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
"""linux/prctl.h."""

NAME_BYTES = 15
"""What Linux keeps of a process's name."""

FIRST_TO_GO = "800"
"""Of 1000, proc(5): a worker is made anew in milliseconds, and a bad model may want any amount."""

_ANSWERED_BY_THE_DAEMON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A terminal and systemd send these to the whole group; a worker goes on while its node drains."""


def die_with(parent: int) -> None:
    """End this process with the one that started it, even in the middle of an invoke.

    ``parent`` is the starter's process id: if it is gone already, so are we.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def leave_signals_to_the_daemon() -> None:
    """Go on after signals that are meant for the daemon; programs started from here do not."""
    for number in _ANSWERED_BY_THE_DAEMON:
        signal.signal(number, _go_on)  # SIG_IGN would be handed on to what an actor starts


def _go_on(number: int, frame: object) -> None:
    """Nothing: the daemon hangs up when it is time to end."""


def go_first() -> None:
    """Where memory runs out, let Linux end this process before the daemon."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


def name_process(name: str) -> None:
    """What ``top`` and ``ps -c`` show."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:NAME_BYTES])
