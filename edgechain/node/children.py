"""The node processes that a command of this machine starts, and what they report to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from edgechain.errors import AddressInUse, EdgechainError, NodeFailed
from edgechain.node.systemd import SPOKEN_FOR
from edgechain.spec.chain import Stage
from edgechain.spec.ids import NodeName

STOP_SECONDS = 15.0
"""Longer than a node drains (5 s) and a worker may take to end (5 s)."""

LONGEST_REPORT = 1 << 16

_KINDS: dict[str, type[EdgechainError]] = {"AddressInUse": AddressInUse}


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Which stages a node runs, and what it is called.

    ``label`` tells the nodes of a chain apart: the stage's name, and its replica's letter where
    there are several, or the device's name where it stands for one. ``title`` is for messages.
    """

    number: int
    stages: tuple[Stage, ...]
    label: str
    name: NodeName
    title: str


@dataclass(slots=True)
class Child:
    """One node process and the pipe it reports on."""

    place: NodePlace
    process: asyncio.subprocess.Process
    reports: asyncio.StreamReader
    pipe: asyncio.ReadTransport
    log: Path
    reported: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def expect(self, event: str) -> None:
        """Wait until the node has reported an event. Raises what it says went wrong instead."""
        while event not in self.reported:
            line = await self.reports.readline()
            report = json.loads(line) if line else {"event": "failed", "reason": self.last_words()}
            self.reported[report["event"]] = report
            if report["event"] == "failed":
                kind = _KINDS.get(report.get("kind", ""), NodeFailed)
                raise kind(f"{self.place.title}: {report['reason']}")

    def manner(self) -> str:
        """How it ended."""
        code = self.process.returncode or 0
        return f"was killed by signal {-code}" if code < 0 else f"ended: {self.last_words()}"

    def last_words(self) -> str:
        """The end of its log, once it has ended."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended and said nothing"

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.returncode is not None

    async def reap(self) -> None:
        """Wait for the end of a process that was told to stop; kill it when that takes long."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start_child(place: NodePlace, config: Path, lifeline: int | None) -> Child:
    """Start a node; while ``lifeline`` is held open elsewhere it lives on."""
    reading, writing = os.pipe()
    inherited = [writing]
    command = [sys.executable, "-m", "edgechain.node", str(config)]
    command += ["--announce-fd", str(writing)]
    if lifeline is not None:
        inherited.append(lifeline)
        command += ["--lifeline-fd", str(lifeline)]
    log = config.with_suffix(".log")
    try:
        process = await _start_process(command, inherited, log)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    reports, pipe = await open_pipe(reading)
    return Child(place, process, reports, pipe, log)


async def _start_process(
    command: list[str], inherited: list[int], log: Path
) -> asyncio.subprocess.Process:
    """A node in a session of its own: Ctrl-C is `up`'s to answer."""
    with _open_log(log) as words:
        return await asyncio.create_subprocess_exec(
            *command,
            pass_fds=inherited,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env={name: word for name, word in os.environ.items() if name not in SPOKEN_FOR},
        )


def _open_log(path: Path) -> IO[bytes]:
    return path.open("wb")


async def open_pipe(
    fileno: int, longest: int = LONGEST_REPORT
) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Lines from the reading end of a pipe, each of so many bytes at most, until it is closed."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(longest)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fileno, "rb", 0)
    )
    return reader, transport
