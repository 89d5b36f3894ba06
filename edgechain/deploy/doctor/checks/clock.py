"""Whether the clock is right, as far as one machine can tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from edgechain.deploy.doctor.findings import Finding, fault, fine, warning

LARGEST_JUMP = 0.5
"""Seconds. Whoever keeps a clock right without jumps moves it by half a millisecond a second."""

SLACK = 120.0
"""Seconds by which a file may be from the future: it came from another machine."""

SET_IT = "timedatectl set-ntp true, and let it reach a time server; a Pi has no clock of its own"


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """``now`` and ``earliest`` (no right clock shows less) are seconds since 1970.

    ``jump`` is by how many seconds it was set meanwhile; ``synchronised`` None where the system
    does not tell. ``newest`` is when the newest file of ``newest_file`` was written.
    """

    now: float
    earliest: float
    jump: float = 0.0
    synchronised: bool | None = None
    newest: float = 0.0
    newest_file: str = ""


def judge(facts: ClockFacts) -> list[Finding]:
    """What a wrong clock breaks: logs, certificates that begin later, and whoever compares times.

    Requests do not suffer: budgets are durations.
    """
    shown = _moment(facts.now)
    if facts.now < facts.earliest:
        what = f"it shows {shown}, before this program was written"
        return [fault("clock-unset", "clock", what, SET_IT)]
    if facts.newest > facts.now + SLACK:
        what = f"it shows {shown}, and {facts.newest_file} is from {_moment(facts.newest)}"
        return [fault("clock-behind", "clock", what, SET_IT)]
    if abs(facts.jump) > LARGEST_JUMP:
        what = f"it was set by {facts.jump:+.1f} s while we looked"
        advice = "one program only may set it: systemd-timesyncd, chrony, or neither in a container"
        return [warning("clock-jumps", "clock", what, advice)]
    if facts.synchronised is False:
        return [warning("clock-unsynchronised", "clock", f"{shown}; nobody keeps it right", SET_IT)]
    return [fine("clock", "clock", f"{shown}{', kept right' if facts.synchronised else ''}")]


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
