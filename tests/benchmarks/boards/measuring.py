"""One model on one scene's boards: profiled, placed, cut, run, and kept busy."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgechain.client.chain import IN_FLIGHT
from edgechain.model.source import Model, read_model
from edgechain.runtime.chain_files import load_manifest
from edgechain.runtime.interpreter import open_interpreter
from edgechain.spec.chain import ChainManifest
from edgechain.spec.profile import DeviceProfile
from tests.benchmarks.boards.cages import cage
from tests.benchmarks.boards.client import seeded
from tests.benchmarks.boards.emulated import (
    NAMESPACE,
    Emulated,
    emulated,
    limit,
    node_profile,
    nodes,
    profiles,
    with_node,
)
from tests.benchmarks.boards.placing import Placed, placed
from tests.benchmarks.boards.report import Cell, Part
from tests.benchmarks.boards.scenes import BoardKind, Scene
from tests.benchmarks.chain_side.identity import write_identity
from tests.benchmarks.chain_side.sample import fingerprint
from tests.benchmarks.child import Child
from tests.benchmarks.processor import children, private_megabytes, processor_seconds
from tests.benchmarks.running import running

CLIENT = "tests.benchmarks.boards.client"
SEEDS = (1, 2, 3)
"""Inputs whose answers are compared with the whole model's."""

A_STAGE = 4
"""Requests that are under way for every stage: enough that no board waits for another."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long everything takes, in seconds."""

    profile: float
    """Of every halving, and of every cut that runs on nodes."""
    warm: float
    least: float
    most: float
    frames: int
    """As many as this are measured, if there is time."""

    def window(self, rate: float) -> float:
        """For a chain that is expected to have so many frames a second."""
        return min(self.most, max(self.least, self.frames / rate))


@dataclass
class Bench:
    """Remembers the profiles of boards: scenes with some of the same need not measure again."""

    folder: Path
    lengths: Lengths
    _profiles: dict[tuple[tuple[BoardKind, ...], str], list[DeviceProfile]] = field(
        default_factory=dict
    )
    _here: dict[str, DeviceProfile] = field(default_factory=dict)
    _count: int = 0
    _idle_mb: float = 0.0
    """Of a worker of its own, before it has a model."""

    async def start(self) -> None:
        """See what a worker has in memory that has no model."""
        write_identity(self.folder / "idle", 1_000)
        async with running(self.folder / "idle", "idle", f"boards-{uuid.uuid4().hex}") as chain:
            self._idle_mb = private_megabytes(*chain.workers)

    async def cell(self, scene: Scene, path: Path) -> Cell:
        """Measure one model on one scene's boards."""
        found = await asyncio.to_thread(self._profiled, scene, path)
        self._count += 1
        folder = self.folder / f"run-{self._count}"
        folder.mkdir()
        model = read_model(path)
        plan = await asyncio.to_thread(placed, model, scene, found)
        stages = await asyncio.to_thread(plan.cut, folder)
        progress(f"{scene.title}, {path.name}: running {', '.join(stages)}")
        return await self._run(plan, folder / "chain", stages)

    def _profiled(self, scene: Scene, path: Path) -> list[DeviceProfile]:
        for (kinds, model), known in self._profiles.items():
            if model == path.name and kinds[: len(scene.kinds)] == scene.kinds:
                return known[: len(scene.kinds)]
        progress(f"{scene.title}, {path.name}: edgechain profile on every board")
        folder = self.folder / f"profiles-{len(self._profiles)}"
        folder.mkdir()
        here = self._here.get(path.name) or node_profile(path, folder, self.lengths.profile)
        self._here[path.name] = here
        found = [
            with_node(profile, here, kind.quota)
            for profile, kind in zip(
                profiles(scene, path, folder, self.lengths.profile), scene.kinds, strict=True
            )
        ]
        progress(f"a stage {here.stage_ms} ms, {here.send_ms_per_mb}, {here.receive_ms_per_mb}")
        self._profiles[scene.kinds, path.name] = found
        return found

    async def _run(self, plan: Placed, chain: Path, stages: Mapping[str, str]) -> Cell:
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
                spent, ends = await self._keep_busy(client, used, 1 / plan.period)
                workers = [_worker(started.processes[one.name].pid) for one in used]
                memory = [private_megabytes(worker) - self._idle_mb for worker in workers]
                await client.ask(what="leave")
        exact = answers["fingerprints"] == await asyncio.to_thread(_wanted, plan.model, manifest)
        return _cell(plan, used, spent, memory, ends, exact)

    async def _keep_busy(
        self, client: Child, used: Sequence[Emulated], rate: float
    ) -> tuple[list[float], list[float]]:
        """Processor's seconds of a request on every board, and when requests were answered.

        Those while the chain filled and emptied are left out of the latter.
        """
        seconds = self.lengths.warm + self.lengths.window(rate)
        before = [processor_seconds(one.cage.pids) for one in used]
        ends = (await client.ask(what="busy", seconds=seconds))["answered"]
        after = [processor_seconds(one.cage.pids) for one in used]
        spent = [(b - a) / len(ends) for a, b in zip(before, after, strict=True)]
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


def _cell(
    plan: Placed,
    used: Sequence[Emulated],
    spent: Sequence[float],
    memory: Sequence[float],
    ends: Sequence[float],
    exact: bool,
) -> Cell:
    rate = (len(ends) - 1) / (ends[-1] - ends[0])
    place = {one.name: number for number, one in enumerate(used)}
    busy, groups = plan.busy(), plan.problem.partition(plan.found).groups
    parts = []
    for share, group in zip(plan.found.shares, groups, strict=True):
        one = used[place[plan.scene.names[share.board]]]
        own = spent[place[one.name]] / one.quota
        parts.append(
            Part(
                one.name,
                ranges(group),
                busy[share.board],
                own,
                own * rate,
                memory[place[one.name]],
                plan.memory_mb[share.board],
            )
        )
    swapped = None if plan.swapped_period is None else 1 / plan.swapped_period
    return Cell(
        plan.scene.title,
        plan.model.file,
        parts,
        1 / plan.period,
        1 / plan.bound,
        1 / plan.bare_period,
        rate,
        len(ends),
        exact,
        plan.limits,
        swapped,
    )


def ranges(operators: Sequence[int]) -> str:
    """``0-12, 15`` for people."""
    found: list[list[int]] = []
    for op in operators:
        if found and op == found[-1][1] + 1:
            found[-1][1] = op
        else:
            found.append([op, op])
    return "+".join(f"{a}-{b}" if b > a else str(a) for a, b in found)


def progress(text: str) -> None:
    """One line for whoever waits."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
