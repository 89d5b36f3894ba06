"""A million inputs to everything that takes bytes from outside, and garbage at a real port."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import uvloop

from tests.benchmarks.settings import ROOT
from tests.faults.fuzz.port import attack_port
from tests.faults.fuzz.ways import find_atheris
from tests.faults.suite import Report, Row, Suite, control, times

MOST_BYTES = 16 << 20
PATIENCE_SECONDS = 900.0

TARGETS: Mapping[str, str] = {
    "frames": "decoder and collector",
    "clients": "a client's stream, real exchange",
    "nodes": "a node's stream, real exchange",
    "packed": "packed chunks, real exchange",
    "greetings": "Hello and Welcome",
    "workers": "a worker's answers",
    "txt": "mDNS records",
    "manifests": "manifests as YAML",
}

PLAN: Mapping[str, Mapping[str, int]] = {
    "seeded": {
        "frames": 100_000,
        "clients": 130_000,
        "nodes": 110_000,
        "packed": 20_000,
        "greetings": 60_000,
        "workers": 40_000,
        "txt": 40_000,
        "manifests": 6_000,
    },
    "hypothesis": {
        "frames": 16_000,
        "clients": 20_000,
        "nodes": 14_000,
        "packed": 4_000,
        "greetings": 12_000,
        "workers": 6_000,
        "txt": 6_000,
        "manifests": 2_000,
    },
    "atheris": {
        "frames": 170_000,
        "clients": 80_000,
        "nodes": 60_000,
        "packed": 20_000,
        "greetings": 40_000,
        "workers": 21_000,
        "txt": 21_000,
        "manifests": 2_000,
    },
}
"""Inputs by way and target: a million in all, most of them where most happens."""

TITLES: Mapping[str, str] = {
    "seeded": "real inputs, bytes and fields changed",
    "hypothesis": "Hypothesis",
    "atheris": "atheris",
}

NO_ATHERIS = "skipped: atheris is not installed; pip install 'edgechain[fuzz]'"

CONTROL_INPUTS = 20_000


@dataclass(frozen=True)
class Job:
    """One fuzzing process."""

    target: str
    way: str
    count: int
    planted: str = ""


@dataclass(frozen=True)
class Found:
    """What came of it. ``broken`` is one line; empty where nothing broke."""

    job: Job
    inputs: int = 0
    good: int = 0
    grown: int = 0
    broken: str = ""


class Fuzzing:
    """Runs processes, as many at a time as there are cores."""

    def __init__(self, report: Report, folder: str) -> None:
        self._report = report
        self._seed = secrets.randbits(30)
        self._environment = {**os.environ, "TMPDIR": folder}
        report.say(f"seed {self._seed}")

    async def all(self, jobs: Sequence[Job]) -> list[Found]:
        """What came of each, in their order."""
        room = asyncio.Semaphore(len(os.sched_getaffinity(0)))
        self._done, self._total = 0, sum(job.count for job in jobs)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(job, room)) for job in jobs]
        return [task.result() for task in tasks]

    async def _one(self, job: Job, room: asyncio.Semaphore) -> Found:
        async with room:
            found = await self._fuzz(job)
        self._done += job.count
        self._report.progress(self._done, self._total)
        return found

    async def _fuzz(self, job: Job) -> Found:
        words = (job.target, job.way, str(job.count), str(self._seed), "--planted", job.planted)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.fuzz", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env=self._environment,
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                said, _ = await process.communicate()
        except TimeoutError:
            return Found(job, broken=f"no end within {PATIENCE_SECONDS:g} s")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return self._judge(job, said, process.returncode or 0)

    def _judge(self, job: Job, said: bytes, status: int) -> Found:
        """A process that said nothing has ended by itself."""
        line = said.decode().strip()
        if not line or status:
            return Found(job, broken=f"it ended by itself, status {status}")
        found = json.loads(line)
        if "error" in found and not job.planted:
            self._report.say(f"{job.target}, {job.way}: {found['error']}")
            self._report.say(f"input: {found['data']}")
            for one in found["trace"].splitlines():
                self._report.say(one)
        broken = found.get("error", "")
        return Found(job, found["inputs"], found["good"], found["grown"], broken)


def _row(title: str, founds: Iterable[Found]) -> Row:
    """Several processes together: how much there was, and the worst of it."""
    every = list(founds)
    inputs, wanted = sum(f.inputs for f in every), sum(f.job.count for f in every)
    good = sum(f.good for f in every)
    grown = max(f.grown for f in every)
    broken = [f"{f.job.target}: {f.broken}" for f in every if f.broken]
    measured = (
        f"{inputs:,} inputs ({good / max(inputs, 1):.0%} taken), {len(broken)} broke, "
        f"at most {grown / (1 << 20):.1f} MB"
    )
    return Row(
        title,
        f"{wanted:,} inputs: no uncaught error, no exit, at most {MOST_BYTES >> 20} MB growth",
        "; ".join([measured, *broken[:2]]),
        not broken and grown <= MOST_BYTES and inputs >= wanted,
    )


def _jobs(scale: float) -> list[Job]:
    ways = PLAN if find_atheris() else {way: PLAN[way] for way in PLAN if way != "atheris"}
    return [
        Job(target, way, times(count, scale, least=50))
        for way, counts in ways.items()
        for target, count in counts.items()
    ]


def _rows(founds: Sequence[Found]) -> list[Row]:
    """By way, and by target."""
    rows = []
    for way, title in TITLES.items():
        mine = [found for found in founds if found.job.way == way]
        figure = f"{sum(PLAN[way].values()):,} inputs"
        rows.append(_row(title, mine) if mine else Row(title, figure, NO_ATHERIS, passed=False))
    for target, title in TARGETS.items():
        rows.append(_row(title, (found for found in founds if found.job.target == target)))
    rows.append(_row("all together", founds))
    return rows


def _controls() -> list[Job]:
    ways = ["seeded", "hypothesis", *(["atheris"] if find_atheris() else [])]
    careless = [Job("frames", way, CONTROL_INPUTS, "careless") for way in ways]
    planted = ("hoarding", "quitting", "inflating")
    return careless + [Job("frames", "seeded", CONTROL_INPUTS, name) for name in planted]


def _control(found: Found) -> Row:
    job = found.job
    if job.planted == "hoarding":
        measured = f"grew {found.grown / (1 << 20):.1f} MB"
        title, figure = "a decoder that keeps frames", f"more than {MOST_BYTES >> 20} MB growth"
        return control(title, figure, measured, found.grown > MOST_BYTES)
    if job.planted == "quitting":
        is_seen = "ended by itself" in found.broken
        title = "a decoder that ends the process"
        return control(title, "an exit is seen", found.broken or "not seen", is_seen)
    if job.planted == "inflating":
        title, figure = "a decoder that believes a packed chunk's size", "a lack of memory is seen"
        is_seen = "MemoryError" in found.broken
        return control(title, figure, found.broken or "not seen", is_seen)
    title = f"a decoder with a bug, {TITLES[job.way]}"
    is_seen = "IndexError" in found.broken
    return control(title, "an uncaught error is seen", found.broken or "not seen", is_seen)


async def _fuzz(scale: float, report: Report) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="edgechain-fuzz-") as folder:
        fuzzing = Fuzzing(report, folder)
        rows = _rows(await fuzzing.all(_jobs(scale)))
        report.say("decoders that are broken on purpose")
        return rows + list(map(_control, await fuzzing.all(_controls())))


def run(scale: float, report: Report) -> Sequence[Row]:
    """Fuzz in processes of their own, then a real node's port."""
    rows = asyncio.run(_fuzz(scale, report))
    report.say("garbage at a real port")
    rows += uvloop.run(attack_port(scale, report))
    return rows


SUITE = Suite("wire", "wire fuzz: a million inputs, and garbage at a real port", run)
