"""Power is cut while a device is flashed: snapshots of its disk at random instants."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.deploy.agent_client import AGENT
from tests.deploy.bundles import ready_root
from tests.faults.flashing import FlashLoop, Seen
from tests.faults.loop_disk import in_memory, loop_disk, mounted, run_program
from tests.faults.suite import Report, Row, Skipped, Suite, control, times
from tests.watch.needs import no_ext4

SNAPSHOTS = 300
"""Of each way of mounting."""

CONTROL_SNAPSHOTS = 60
LEAST = 8
ORDERED = "data=ordered,noauto_da_alloc,commit=1"
"""As Raspberry Pi OS mounts its card, without the help that ext4 gives to those who do not sync."""

WRITEBACK = "data=writeback,noauto_da_alloc,commit=1"
"""Names may reach the disk before what is in the files."""

MEGABYTES = 32
WRITES_PER_SECOND = 400
"""So slow that a copy falls between two writes of one sync."""

PAUSE = 0.1
"""Seconds between two snapshots, at most; drawn evenly."""


def run(scale: float, report: Report) -> Sequence[Row]:
    """All of it."""
    if reason := no_ext4():
        raise Skipped(reason)
    snapshots, seed = times(SNAPSHOTS, scale, LEAST), 5
    report.say(f"seed {seed}")
    rows = []
    for number, options in enumerate((ORDERED, WRITEBACK)):
        seen = _cut(options, snapshots, seed + number, report)
        test = f"power cut while flashing, {options.split(',')[0]}"
        figure = "old or new, whole: 0 torn, 0 acknowledged lost"
        rows.append(Row(test, figure, _told(seen), seen.is_sound))
    naive = ("-m", "tests.faults.naive_agent")
    seen = _cut(ORDERED, times(CONTROL_SNAPSHOTS, scale, LEAST), seed, report, naive)
    rows.append(control("renames without a sync", "torn or lost", _told(seen), not seen.is_sound))
    return rows


def _cut(
    options: str, snapshots: int, seed: int, report: Report, command: Sequence[str] = AGENT
) -> Seen:
    report.say(f"{command[-1].rpartition('.')[2]}, {options}")
    dice, seen = Random(seed), Seen()
    with (
        tempfile.TemporaryDirectory(prefix="edgechain-power-") as name,
        in_memory(Path(name)) as place,
        loop_disk(place, MEGABYTES, options, WRITES_PER_SECOND) as disk,
    ):
        root = ready_root(disk.mount / "root").root
        run_program("sync", "-f", disk.mount)
        with FlashLoop(root, command) as loop:
            while loop.marks.good < 1 and loop.error is None:
                time.sleep(PAUSE / 10)
            while seen.count < snapshots and loop.error is None:
                time.sleep(dice.uniform(0.0, PAUSE))
                before = loop.marks
                image = place / f"cut-{seen.count}.img"
                disk.snapshot(image)
                after = loop.marks
                with mounted(image, place / "cut") as cut:
                    seen.look(cut / "root", before, after)
                report.progress(seen.count, snapshots)
        report.say(f"{loop.marks.good} generations were flashed")
    return seen


def _told(seen: Seen) -> str:
    return f"{seen}{'; the first ' + seen.first if seen.first else ''}"


SUITE = Suite("power", "power cuts while a device is flashed: snapshots of its disk", run)
