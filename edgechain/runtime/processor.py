"""What a process has had of the processor."""

from __future__ import annotations

import os
import time
from pathlib import Path

READINGS = 100
"""One takes a microsecond, where there is a fine clock."""

_SCHEDULER_CLOCK = 2
"""CPUCLOCK_SCHED of the kernel's include/linux/posix-timers.h: a process's run time."""


def processor_seconds(pid: int) -> float:
    """User and system time of all its threads so far; raises ``OSError`` when it is gone.

    To the nanosecond where the kernel shows that clock (its number is what
    clock_getcpuclockid(3) computes), else in the 10 ms ticks of /proc/PID/stat.
    """
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULER_CLOCK)
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_finely_clocked() -> bool:
    """Whether this process's own clock tells what a few microseconds were spent on.

    It is tried: one that goes on in ticks stands still between most of a hundred readings, whatever
    resolution the system says that it has.
    """
    return len({processor_seconds(os.getpid()) for _ in range(READINGS)}) > READINGS / 2
