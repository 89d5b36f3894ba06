"""Other programs, started by the agent: what they print, or why they failed in one line."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgechain.deploy.device.refusal import Refused, one_line

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


class ProgramFailed(Refused):
    """A program ended with another status than 0; ``reason`` is the last line of its log."""

    def __init__(self, what: str, reason: str):
        super().__init__(f"{what} failed: {reason}")
        self.reason = reason


def run(
    what: str, command: Sequence[str | Path], seconds: float, more: Mapping[str, str] | None = None
) -> str:
    """What a program prints.

    Raises ``OSError`` when it says that the disk is full or broken, ``ProgramFailed`` when it says
    something else, and ``Refused`` when it does not start or does not end.

    ``seconds`` is the longest that it may take, ``more`` is added to the environment variables.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env={**os.environ, **(more or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"{what} took longer than {seconds:.0f} s") from None
    except OSError as error:
        raise Refused(f"{what} cannot start: {error.strerror}") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        _raise_disk_error(what, lines)
        reason = one_line(lines[-1]) if lines else f"exit status {done.returncode}"
        raise ProgramFailed(what, reason)
    return done.stdout.decode(errors="replace")


def _raise_disk_error(what: str, lines: Sequence[str]) -> None:
    """Programs name the error that ended them in the system's words."""
    for line in reversed(lines):
        for number in DISK_ERRORS:
            if os.strerror(number) in line:
                raise OSError(number, os.strerror(number), what)
