"""One model on one scene's boards: profiled, placed, cut, run, and kept busy."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgechain.client.chain import IN_FLIGHT
from edgechain.model.source import Model, read_model
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.interpreter import open_interpreter
from edgechain.spec.chain import ChainManifest
from edgechain.spec.profile import DeviceProfile, LinkCosts
from tests.benchmarks.boards.cages import cage
from tests.benchmarks.boards.cells import Spent, cell_of, drift_of
from tests.benchmarks.boards.client import seeded
from tests.benchmarks.boards.emulated import (
    NAMESPACE,
    card_costs,
    emulated,
    limit,
    node_profile,
    nodes,
    profiles,
    with_node,
)
from tests.benchmarks.boards.neighbours import Neighbours
from tests.benchmarks.boards.placing import FREE, Placed, placed
from tests.benchmarks.boards.report import Cell, middle
from tests.benchmarks.boards.scenes import BoardKind, Scene
from tests.benchmarks.chain_side.identity import write_identity
from tests.benchmarks.chain_side.sample import fingerprint
from tests.benchmarks.child import Child
from tests.benchmarks.processor import children, private_megabytes, processor_seconds
from tests.benchmarks.running import running

CLIENT = "tests.benchmarks.boards.client"
SEEDS = (1, 2, 3)
"""Inputs whose answers are compared with the whole model's."""

A_STAGE = 8
"""Requests that are under way for every stage: enough that no board waits for another, all of which
rest for most of a cage's period."""


Watched = tuple[tuple[int, ...], tuple[int, ...]]
"""The processes of a board, and its worker alone."""


@dataclass(frozen=True, slots=True)
class Profiled:
    """Boards' profiles, and how fast the machine was meanwhile."""

    profiles: list[DeviceProfile]
    speed: float | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long everything takes, in seconds."""

    profile: float
    """Of every halving: more than a few turns of a throttled board."""
    nodes: float
    """Of every halving and every cut that runs on nodes, where nothing is throttled."""
    warm: float
    least: float
    most: float
    frames: int
    """As many as this are measured, if there is time."""
    rounds: int
    """How often a cell is measured, with profiles of its own, among all others of its model."""

    def window(self, rate: float) -> float:
        """For a chain that is expected to have so many frames a second."""
        return min(self.most, max(self.least, self.frames / rate))


@dataclass
class Bench:
    """Remembers the profiles of a round: scenes with some of the same boards need no others."""

    folder: Path
    lengths: Lengths
    beside: Neighbours
    _profiles: dict[tuple[BoardKind, ...], Profiled] = field(default_factory=dict)
    _here: DeviceProfile | None = None
    """What nodes cost here, in this round."""
    _count: int = 0
    _cards: LinkCosts = FREE
    """What links between boards cost here, in this round."""
    _idle_mb: float = 0.0
    """Of a worker of its own, before it has a model."""

    async def start(self) -> None:
        """See what a worker has in memory that has no model."""
        write_identity(self.folder / "idle", 1_000)
        async with running(self.folder / "idle", "idle", f"boards-{uuid.uuid4().hex}") as chain:
            self._idle_mb = private_megabytes(*chain.workers)

    async def cells(self, scenes: Sequence[Scene], path: Path) -> list[Cell]:
        """One model on every scene's boards: of several rounds over all scenes the middle ones.

        This machine is shared: it is now faster, now slower, and a profile may be of other minutes
        than what runs on it. Every round profiles, plans and measures anew.
        """
        rounds = [await self._round(scenes, path) for _ in range(self.lengths.rounds)]
        return [middle(found) for found in zip(*rounds, strict=True)]

    async def _round(self, scenes: Sequence[Scene], path: Path) -> list[Cell]:
        """In the scenes' order; those with the same boards run one after the other."""
        self._profiles.clear()
        self._here = None
        found: dict[str, Cell] = {}
        for scene in sorted(scenes, key=lambda scene: scene.kinds == scenes[0].kinds, reverse=True):
            cell = found[scene.title] = await self._cell(scene, path)
            progress(_brief(cell))
        return [found[scene.title] for scene in scenes]

    async def _cell(self, scene: Scene, path: Path) -> Cell:
        found = await asyncio.to_thread(self._profiled, scene, path)
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir()
        model = read_model(path)
        plan = await asyncio.to_thread(placed, model, scene, found.profiles, self._cards)
        stages = await asyncio.to_thread(plan.cut, folder)
        progress(f"{scene.title}, {path.name}: running {', '.join(stages)}")
        return await self._run(plan, folder / "chain", stages, found.speed)

    def _profiled(self, scene: Scene, path: Path) -> Profiled:
        count = len(scene.kinds)
        for kinds, known in self._profiles.items():
            if kinds[:count] == scene.kinds:
                return Profiled(known.profiles[:count], known.speed)
        progress(f"{scene.title}, {path.name}: edgechain profile on every board")
        folder = Path(tempfile.mkdtemp(prefix="profiles-", dir=self.folder))
        begin = self.beside.mark()
        if self._here is None:
            self._here = node_profile(path, folder, self.lengths.nodes)
            self._cards = card_costs()
            progress(_costs(self._here, self._cards))
        found = [
            with_node(profile, self._here, kind.quota)
            for profile, kind in zip(
                profiles(scene, path, folder, self.lengths.profile), scene.kinds, strict=True
            )
        ]
        profiled = Profiled(found, self.beside.speed(begin))
        self._profiles[scene.kinds] = profiled
        return profiled

    async def _run(
        self, plan: Placed, chain: Path, stages: Mapping[str, str], before: float | None
    ) -> Cell:
        manifest = load_manifest(chain)
        with (
            emulated(plan.scene) as (boards, hub),
            nodes(boards, chain, dict(stages), slots=_slots(len(stages))) as started,
            cage(None) as room,
        ):
            used = [one for one in boards if one.name in stages]
            where = {
                "chain": manifest.name,
                "namespace": NAMESPACE,
                "peers": [one.address for one in used],
                "identity": str(started.identity),
            }
            async with Child(CLIENT, hub.namespace, str(room.members)) as client:
                await client.ready()
                await client.ask(what="connect", connections=_connections(len(stages)), where=where)
                answers = await client.ask(what="answers", seeds=SEEDS)
                limit(boards)
                workers = [_worker(started.processes[one.name].pid) for one in used]
                watched = [(one.cage.pids, (w,)) for one, w in zip(used, workers, strict=True)]
                rate, begin = 1 / plan.found.score.period, self.beside.mark()
                spent, ends = await self._keep_busy(client, watched, rate)
                drift = drift_of(before, self.beside.speed(begin))
                memory = [private_megabytes(worker) - self._idle_mb for worker in workers]
                await client.ask(what="leave")
        exact = answers["fingerprints"] == await asyncio.to_thread(_wanted, plan.model, manifest)
        return cell_of(plan, used, spent, memory, ends, exact, drift)

    async def _keep_busy(
        self, client: Child, watched: Sequence[Watched], rate: float
    ) -> tuple[list[Spent], list[float]]:
        """Processor's seconds of a request on every board, and when requests were answered.

        Those while the chain filled and emptied are left out of the latter.
        """
        seconds = self.lengths.warm + self.lengths.window(rate)
        before = [tuple(map(processor_seconds, each)) for each in watched]
        ends = (await client.ask(what="busy", seconds=seconds))["answered"]
        after = [tuple(map(processor_seconds, each)) for each in watched]
        spent = [
            Spent(*((b - a) / len(ends) for a, b in zip(*each, strict=True)))
            for each in zip(before, after, strict=True)
        ]
        return spent, [end for end in ends if self.lengths.warm <= end <= seconds]


def _slots(stages: int) -> int:
    return IN_FLIGHT * _connections(stages)


def _connections(stages: int) -> int:
    """Each has as many requests under way as a stream has by default."""
    return -(-A_STAGE * stages // IN_FLIGHT)


def _worker(node: int) -> int:
    """The one worker of a node, which its zygote forked."""
    (zygote,) = children(node)
    (worker,) = children(zygote)
    return worker


def _wanted(model: Model, manifest: ChainManifest) -> list[str]:
    """What the whole model answers."""
    with open_interpreter(model.content, threads=1) as whole:
        return [fingerprint(whole.run(list(seeded(manifest, seed).values()))) for seed in SEEDS]


def _costs(here: DeviceProfile, cards: LinkCosts) -> str:
    links = {"loopback": here.loopback or FREE, "a board's card": cards}
    each = [
        f"{where} {cost.message_ms:.2f} ms a message, {cost.send_ms_per_mb:.2f} and "
        f"{cost.receive_ms_per_mb:.2f} ms a MB"
        for where, cost in links.items()
    ]
    mb = f"{here.send_ms_per_mb:.2f} and {here.receive_ms_per_mb:.2f} ms a MB sent and received"
    return f"a stage costs {here.stage_ms:.2f} ms, {mb}; links alone: {', '.join(each)}"


def _brief(cell: Cell) -> str:
    figures = f"predicted {cell.predicted:.2f}, measured {cell.measured:.2f} frames/s"
    return f"{cell.scene}, {cell.model}: {figures}, x {cell.ratio:.3f}, machine {cell.machine}"


def progress(text: str) -> None:
    """One line for whoever waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
