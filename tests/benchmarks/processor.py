"""What processes cost: processor time and resident memory, read from outside."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgechain.runtime import processor


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time that these processes have used so far, all their threads."""
    return sum(map(processor.processor_seconds, pids))


def resident_megabytes(pid: int) -> float:
    """VmRSS in 10^6 bytes: pages shared with other processes count in full."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:") * 1024 / 1e6


def proportional_megabytes(pid: int) -> float:
    """Pss in 10^6 bytes: a page shared by n processes counts as 1/n."""
    return _kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * 1024 / 1e6


def private_megabytes(pid: int) -> float:
    """In 10^6 bytes what no other process shares: what ending this one would give back."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    fields = ("Private_Clean:", "Private_Dirty:")
    return sum(_kibibytes(rollup, field) for field in fields) * 1024 / 1e6


def children(pid: int) -> tuple[int, ...]:
    """The processes that this one started and that have not ended."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    found = " ".join((thread / "children").read_text(encoding="ascii") for thread in threads)
    return tuple(map(int, found.split()))


def _kibibytes(path: Path, field: str) -> int:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))
