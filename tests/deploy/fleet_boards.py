"""Several boards behind one sshd that run a chain together, and a client that asks all the time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import edgechain
from edgechain.deploy.device.process_record import ProcessRecord
from edgechain.deploy.device.process_service import ProcessService
from edgechain.plan.files import write_document
from edgechain.security.identity import load_identity
from edgechain.spec.chain import ModelSource
from edgechain.spec.plan_file import PlanFile, PlannedStage
from edgechain.spec.problem import Objective
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status
from tests.commands import Said, same_bits, whole_model
from tests.deploy.board import DIGITS, Board, board
from tests.ports import free_port

NAMES = ("pi-a", "pi-b", "pi-c")
WORKS = ("pi-a", "pi-b")
"""Who runs the chain at first; the third one stands by."""

OPERATORS = 119
PICTURES = 8


@dataclass
class FleetBoards:
    """Boards by their names; ``first`` has the project and what runs commands."""

    first: Board
    ports: Mapping[str, int]

    def root(self, name: str) -> Path:
        return self.first.root.parent / name

    def file(self, name: str) -> Path:
        return self.first.config.with_stem(name)

    @property
    def files(self) -> list[Path]:
        return [self.file(name) for name in NAMES]

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.ports.values()]

    def write_file(self, name: str, stages: Sequence[str], **more: object) -> Path:
        """A device's file with comments, which are to stay."""
        path = self.first.write_config(
            name,
            port=self.ports[name],
            stages=list(stages),
            peers=[one for one in self.addresses if not one.endswith(f":{self.ports[name]}")],
            flash={"target": f"{self.first.server.url}{self.root(name)}"},
            **more,
        )
        path.write_text(f"# the board {name}\n{path.read_text()}# and its end\n")
        return path

    def plan(self, label: str, *stages: tuple[str, int, Sequence[str]], **more: Any) -> Path:
        """A plan: every stage's name, its first operator and its devices."""
        ends = [first for _, first, _ in stages[1:]] + [OPERATORS]
        planned = tuple(
            PlannedStage(
                name=name,
                device=devices[0],
                copies=tuple(devices[1:]),
                operators=f"{first}-{end - 1}" if end - 1 > first else str(first),
                work_ms=10.0,
            )
            for (name, first, devices), end in zip(stages, ends, strict=True)
        )
        fields: dict[str, Any] = {
            "model": ModelSource(file=DIGITS.name, sha256=sha256(DIGITS.read_bytes()).hexdigest()),
            "objective": Objective.THROUGHPUT,
            "period_ms": 10.0,
            "latency_ms": 10.0 * len(stages),
            "lower_bound_ms": 10.0,
            "limits": "device pi-a",
            "stages": planned,
        }
        path = self.first.project / f"{label}.plan"
        write_document(path, PlanFile(**fields | more))
        return path

    def words(self, plan: Path, *more: str) -> list[str | Path]:
        """The command that moves the chain to a plan."""
        return ["apply", plan, *self.files, "--model", DIGITS, *more]

    def apply(self, plan: Path, *more: str | Path, status: int | None = 0) -> Said:
        words = ("--model", DIGITS) if "--to" not in more else ()
        return self.first("apply", plan, *self.files, *words, "--yes", *more, status=status)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """A command, left to the caller to end."""
        return subprocess.Popen(
            [sys.executable, "-m", "edgechain", *map(str, words)],
            cwd=self.first.project,
            env=self.first.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pids(self) -> dict[str, int]:
        """The nodes' processes; 0 for one that is not on record."""
        found = {name: ProcessRecord.read(self.root(name) / "pid") for name in NAMES}
        return {name: record.pid if record else 0 for name, record in found.items()}

    def currents(self) -> dict[str, str]:
        """The generation that each board would start with, and what it holds for good."""
        return {
            name: f"{(self.root(name) / 'current').readlink().name} "
            f"{(self.root(name) / 'good').read_text().strip()}"
            for name in NAMES
        }

    async def statuses(self) -> dict[str, NodeStatus]:
        identity = load_identity(self.first.project / "identities" / "laptop")
        found = {}
        for name, port in self.ports.items():
            text = await fetch_status(f"127.0.0.1:{port}", 20.0, security=identity)
            found[name] = NodeStatus.model_validate_json(text)
        return found

    async def placement(self) -> dict[str, list[str]]:
        """What the nodes say that they run."""
        statuses = await self.statuses()
        return {name: [s.name for s in status.stages] for name, status in statuses.items()}

    async def workers(self) -> set[int]:
        """The processes of all stages."""
        statuses = await self.statuses()
        return {stage.pid for status in statuses.values() for stage in status.stages if stage.pid}

    async def generation(self) -> str:
        """The one that serves on every board."""
        (found,) = {status.generation for status in (await self.statuses()).values()}
        return found

    @asynccontextmanager
    async def asked(self, at_a_time: int = 3) -> AsyncIterator[Answers]:
        """Pictures are asked about all the while; how that ended is in what is yielded."""
        async with edgechain.connect(
            "digits",
            namespace="default",
            peers=self.addresses,
            identity=self.first.project / "identities" / "laptop",
            timeout=60.0,
        ) as chain:
            answers = Answers(chain)
            askers = [asyncio.create_task(answers.ask()) for _ in range(at_a_time)]
            try:
                await answers.more(at_a_time)
                yield answers
                await answers.more(at_a_time)
            finally:
                answers.enough = True
                await asyncio.gather(*askers)


class Answers:
    """Requests without end, and what became of each."""

    def __init__(self, chain: Any):
        self._chain = chain
        self.enough = False
        self.asked = 0
        self.ended: Counter[str] = Counter()
        self._ended = asyncio.Event()
        random = np.random.default_rng(11)
        self._pictures = [
            random.integers(0, 255, (1, 160, 160, 3), np.uint8) for _ in range(PICTURES)
        ]
        self._expected = [whole_model(DIGITS, [picture]) for picture in self._pictures]

    async def ask(self) -> None:
        while not self.enough:
            number = self.asked % PICTURES
            self.asked += 1
            self.ended[await self._answer(number)] += 1
            self._ended.set()

    async def _answer(self, number: int) -> str:
        """What became of a request for one of the pictures."""
        try:
            result = await self._chain.infer({"image": self._pictures[number]}, deadline=30.0)
        except edgechain.RequestError as error:
            return f"{type(error).__name__}: {error}"
        right = same_bits(dict(result.outputs), self._expected[number])
        return "right" if right else "wrong"

    async def more(self, count: int) -> None:
        """Wait for further answers."""
        wanted = self.ended.total() + count
        async with asyncio.timeout(60):
            while self.ended.total() < wanted:
                await self._ended.wait()
                self._ended.clear()

    def require_all_right(self) -> None:
        """Every request had exactly one answer, the right one."""
        assert self.ended == {"right": self.asked}, self.ended


@contextmanager
def fleet_boards(folder: Path, wheels: Path) -> Iterator[FleetBoards]:
    """Three boards that were flashed: two with a stage each, one that stands by."""
    with board(folder, wheels) as first:
        ports = {name: free_port() for name in NAMES}
        made = FleetBoards(first, ports)
        first("init", first.project, *NAMES, "--client", "laptop")
        for name, stages in zip(NAMES, (["stage0"], ["stage1"], []), strict=True):
            made.write_file(name, stages)
        try:
            first("flash", *made.files, "--yes")
            first("flash", *made.files, "--yes")  # everybody hears whose first keys are out
            yield made
        finally:
            for name in NAMES:
                ProcessService(made.root(name)).stop()
