"""A device's disk fails at one call after the other, or is full: what ran before runs on."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

from tests.deploy.agent_client import agent
from tests.deploy.bundles import whole
from tests.faults.disk_faults import compiler
from tests.faults.failing import (
    NEW,
    NEXT,
    OLD,
    WORDS,
    Failures,
    Trial,
    first_flash,
    flash,
    flash_wheels,
    flashed_root,
    with_wheels,
)
from tests.faults.loop_disk import in_memory, loop_disk
from tests.faults.suite import Report, Row, Skipped, Suite, control, times
from tests.watch.needs import no_ext4

ERRORS = (errno.ENOSPC, errno.EIO)
LEAST = 3
SHORT = 0.05
"""Below this scale nothing is installed and no key is made: that takes seconds each time."""

WHEEL_CALLS = 60
"""Of some hundred: Python and pip make most of them, and are one step for us."""

FIRST_CALLS = 40
CONTROL_CALLS = 30
FIGURE = "the old one runs, one clear line, nothing left over: 0, 0, 0, 0"
MEGABYTES = 16
INODES = 40
"""Free ones, from none up: a flash needs fewer."""


def run(scale: float, report: Report) -> Sequence[Row]:
    """All of it."""
    if compiler() is None:
        raise Skipped("there is no C compiler; Debian's package is called gcc")
    if reason := no_ext4():
        raise Skipped(reason)
    with tempfile.TemporaryDirectory(prefix="edgechain-disk-") as name, in_memory(Path(name)):
        folder = Path(name)
        flashed_root(folder / "before")
        rows = [_every_call(Trial(folder), error, scale, report) for error in ERRORS]
        if scale >= SHORT:
            rows.append(_wheels(folder, scale, report))
            rows.append(_first(folder / "first", scale, report))
        rows.append(_full(scale, report))
        return [*rows, _careless(folder, scale, report)]


def _some(calls: int, count: int, seed: int, first: int = 1) -> list[int]:
    """So many calls from the ``first`` on, in order; all of them when there are no more."""
    there = range(first, calls + 1)
    return sorted(Random(seed).sample(there, min(count, len(there))))


def _disturbed(trial: Trial, calls: Sequence[int], error: int, report: Report) -> Failures:
    found = Failures()
    for number, at in enumerate(calls, 1):
        trial.disturb(at, error, found)
        report.progress(number, len(calls))
    return found


def _every_call(trial: Trial, error: int, scale: float, report: Report) -> Row:
    calls = trial.calls()
    some = _some(calls, times(calls, scale, LEAST), error)
    name = errno.errorcode[error]
    report.say(f"{name} at {len(some)} of {calls} calls")
    found = _disturbed(trial, some, error, report)
    test = f"{name} at {len(some)} of {calls} calls of a flash"
    return Row(test, FIGURE, str(found), found.is_sound)


def _wheels(folder: Path, scale: float, report: Report) -> Row:
    trial = Trial(folder, flash_wheels, new=with_wheels(NEW), next=with_wheels(NEXT))
    calls = trial.calls()
    some = _some(calls, times(WHEEL_CALLS, scale), 1)
    report.say(f"a flash with wheels, ENOSPC at {len(some)} of {calls} calls")
    found = _disturbed(trial, some, errno.ENOSPC, report)
    test = f"ENOSPC at {len(some)} of {calls} calls with wheels"
    return Row(test, FIGURE, str(found), found.is_sound)


def _first(folder: Path, scale: float, report: Report) -> Row:
    folder.mkdir()
    trial = first_flash(folder)
    calls = trial.calls()
    some = _some(calls, times(FIRST_CALLS, scale), 3)
    report.say(f"a first flash, EIO at {len(some)} of {calls} calls")
    found = _disturbed(trial, some, errno.EIO, report)
    test = f"EIO at {len(some)} of {calls} calls of a first flash, with real keys"
    return Row(test, FIGURE, str(found), found.is_sound)


def _careless(folder: Path, scale: float, report: Report) -> Row:
    trial = Trial(folder, command=("-m", "tests.faults.careless_agent"))
    calls = trial.calls()
    late = _some(calls, times(CONTROL_CALLS, scale, LEAST), 2, first=calls // 2)
    report.say(f"control: {len(late)} calls after files were sent, and nothing is cleared away")
    found = _disturbed(trial, late, errno.ENOSPC, report)
    return control("nothing is cleared away", "left over", str(found), found.left > 0)


def _full(scale: float, report: Report) -> Row:
    """A disk that is really full: so many inodes are free, then some more; and then no bytes."""
    found, step = Failures(), max(1, round(1 / scale / 4))
    report.say(f"a full disk, up to {INODES} free inodes, {step} apart")
    with (
        tempfile.TemporaryDirectory(prefix="edgechain-full-") as name,
        in_memory(Path(name)) as place,
        loop_disk(place, MEGABYTES) as disk,
    ):
        for free in range(0, INODES, step):
            _flash_full(disk.mount, partial(_leave_inodes, free), found)
            report.progress(free + step, INODES)
        _flash_full(disk.mount, _leave_no_byte, found)
    test = f"a full disk, 0 to {INODES} free inodes, no free byte"
    return Row(test, FIGURE, str(found), found.is_sound)


def _flash_full(disk: Path, fill: Callable[[Path], None], found: Failures) -> None:
    """Flash a full disk, and again when there is space."""
    root, ballast = disk / "root", disk / "ballast"
    flashed_root(root)
    ballast.mkdir()
    fill(ballast)
    with agent(root) as device:
        answer = flash(device, NEW)
        device.close()
    was_sound = found.is_sound
    runs = (NEW if answer["ok"] else OLD).name
    found.judge(root, answer, runs, WORDS[errno.ENOSPC])
    shown = f"{answer}, {whole(root)} runs"
    shutil.rmtree(ballast)
    with agent(root) as device:
        found.judge_next(root, flash(device, NEXT), NEXT.name)
        device.close()
    if was_sound and not found.is_sound:
        found.first = shown
    shutil.rmtree(root)


def _leave_inodes(free: int, ballast: Path) -> None:
    for number in range(os.statvfs(ballast).f_favail - free):
        (ballast / str(number)).touch()


def _leave_no_byte(ballast: Path) -> None:
    with (ballast / "zeros").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


SUITE = Suite("disk", "a device's disk fails at one call after the other, or is full", run)
