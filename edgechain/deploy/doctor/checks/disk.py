"""Whether there is room where something has to be written, or was."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.deploy.doctor.findings import Finding, fault, fine, warning

MIB = 1 << 20
FULL_BYTES = 16 * MIB
"""Logs and a config still fit; a submodel does not."""
LOW_BYTES = 256 * MIB
LOW_SHARE = 0.1
FEW_FILES = 64


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One file system, by a directory on it. ``files`` is 0 where it counts no files.

    ``problem`` is what the system says to a small file that is written there; ``written`` whether
    somebody of ours has to.
    """

    path: str
    free: int
    total: int
    free_files: int
    files: int
    readonly: bool
    written: bool
    problem: str = ""


def judge(facts: DiskFacts) -> list[Finding]:
    """One finding for a file system."""
    room = f"{facts.free / 1e6:.0f} MB of {facts.total / 1e6:.0f} MB free"
    if facts.readonly:
        return [_readonly(facts)]
    if facts.free < FULL_BYTES:
        advice = (
            f"delete what is not needed (du -xh {facts.path} | sort -h | tail), or a larger card"
        )
        return [fault("disk-full", facts.path, room, advice)]
    if facts.files and facts.free_files < FEW_FILES:
        what = f"it has room for {facts.free_files} more files, though {room}"
        advice = f"delete small files (du -x --inodes {facts.path} | sort -n | tail)"
        return [fault("disk-inodes", facts.path, what, advice)]
    if facts.problem:
        what = f"nothing can be written there: {facts.problem}"
        advice = "check whose directory it is, and dmesg for a failing card"
        return [fault("disk-readonly", facts.path, what, advice)]
    if facts.free < LOW_BYTES and facts.free < LOW_SHARE * facts.total:
        advice = "another generation of a model may not fit; delete what is not needed"
        return [warning("disk-low", facts.path, room, advice)]
    return [fine("disk", facts.path, room)]


def _readonly(facts: DiskFacts) -> Finding:
    what = "its file system can only be read"
    if not facts.written:
        return warning("disk-readonly", facts.path, what, "as it is, nothing can be flashed there")
    advice = "dmesg says why: after errors a card is mounted so; then copy it, and take a new one"
    return fault("disk-readonly", facts.path, what, advice)
