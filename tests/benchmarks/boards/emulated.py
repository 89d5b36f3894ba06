"""Emulated boards: a network namespace on a switch and a share of a processor each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgechain.discovery.local import ENVIRONMENT
from edgechain.plan.files import read_profile
from edgechain.runtime.chain_files import load_manifest
from edgechain.security.identity import write_throwaway
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from edgechain.spec.profile import DeviceProfile, LinkCosts
from tests.benchmarks.boards.cages import Cage, cage, run_together
from tests.benchmarks.boards.scenes import THREADS, Scene, rows_of, slower
from tests.benchmarks.boards.wires import shape
from tests.benchmarks.figures import median
from tests.chain.bridges import Board, bridge
from tests.node.probes import listening

PORT = 50551
NAMESPACE = "boards"
CLIENT = "client"
PROFILE_SECONDS = 900.0
STOP_SECONDS = 60.0


PROBES = 3
"""Links that are measured; the middle figures count."""


@dataclass(frozen=True)
class Emulated:
    """A board, by the name that the plan knows it by."""

    name: str
    quota: float
    board: Board
    cage: Cage

    @property
    def address(self) -> str:
        """Of a node on it."""
        return f"{self.board.address}:{PORT}"

    def words(self, *words: str) -> list[str]:
        """A command of ours that runs on this board."""
        there = ["ip", "netns", "exec", self.board.namespace, sys.executable, "-m", *words]
        return self.cage.around(there)  # outside: control groups are not mounted in there


@contextmanager
def emulated(scene: Scene) -> Iterator[tuple[tuple[Emulated, ...], Board]]:
    """All boards of a scene, and the switch, where clients are; boards are not limited yet."""
    with bridge(len(scene.kinds)) as (*boards, hub), ExitStack() as stack:
        shape(scene, boards)
        yield (
            tuple(
                Emulated(name, kind.quota, board, stack.enter_context(cage(None)))
                for name, kind, board in zip(scene.names, scene.kinds, boards, strict=True)
            ),
            hub,
        )


def limit(boards: Sequence[Emulated]) -> None:
    """Give every board no more than its share."""
    for one in boards:
        one.cage.limit(one.quota)


def free(boards: Sequence[Emulated]) -> None:
    """Let all of them take what there is: nodes start and end faster."""
    for one in boards:
        one.cage.limit(None)


def profiles(scene: Scene, model: Path, folder: Path, seconds: float) -> list[DeviceProfile]:
    """What ``edgechain profile`` finds of the operators on every board, all at the same time.

    At the same time because here, other than on real boards, they share memory and caches. Nodes
    are left out: they would be throttled in step with their client, which no board does (what a
    stage costs was 1.3 to 2.1 times as much so as in a chain that is kept busy).
    """
    with emulated(scene) as (boards, _):
        limit(boards)
        outs = [folder / f"{one.name}.yaml" for one in boards]
        commands = []
        for one, out in zip(boards, outs, strict=True):
            words = _profile(model, one.name, out, seconds)
            commands.append(_with_records(folder, one.words(*words, "--no-node")))
        run_together(commands, [out.with_suffix(".log") for out in outs], PROFILE_SECONDS)
    return [read_profile(out) for out in outs]


def node_profile(model: Path, folder: Path, seconds: float) -> DeviceProfile:
    """What ``edgechain profile`` finds on this machine itself, where nothing is throttled."""
    out = folder / "here.yaml"
    words = [sys.executable, "-m", *_profile(model, "here", out, seconds)]
    with cage(None) as here:
        command = here.around(_with_records(folder, words))
        run_together([command], [out.with_suffix(".log")], PROFILE_SECONDS)
    return read_profile(out)


def with_node(board: DeviceProfile, here: DeviceProfile, quota: float) -> DeviceProfile:
    """A board's profile with what nodes cost here, packing too, as its quota makes it."""
    longer: dict[str, object] = {
        "stage_ms": here.stage_ms / quota,
        "send_ms_per_mb": here.send_ms_per_mb / quota,
        "receive_ms_per_mb": here.receive_ms_per_mb / quota,
        "loopback": None if here.loopback is None else slower(here.loopback, quota),
    }
    if (packing := here.packing) is not None:
        work = ("pack_ms_per_mb", "unpack_ms_per_mb")
        longer["packing"] = packing.model_copy(
            update={what: getattr(packing, what) / quota for what in work}
        )
    return board.model_copy(update=longer)


def card_costs() -> LinkCosts:
    """What a link between two boards costs here, as nodes measure it, where nothing is throttled.

    Boards' cards cut what is sent into packets, as loopback does not.
    """
    with emulated(rows_of(2)) as ((here, there), _), listening(there.board) as other:
        found = [other.probed(here.board).model_dump() for _ in range(PROBES)]
    return LinkCosts(
        **{what: median([one[what] for one in found]) for what in LinkCosts.model_fields}
    )


def _profile(model: Path, device: str, out: Path, seconds: float) -> list[str]:
    words = ["edgechain", "profile", str(model), "--device", device, "-o", str(out)]
    return [*words, "--threads", str(THREADS), "--seconds", f"{seconds:g}"]


def _with_records(folder: Path, words: Sequence[str]) -> list[str]:
    return ["env", f"{ENVIRONMENT}={folder / 'records'}", *words]


@dataclass(frozen=True)
class Nodes:
    """Running nodes, by board; their identities lie beside the chain."""

    processes: dict[str, subprocess.Popen[bytes]]
    identity: Path


@contextmanager
def nodes(
    boards: Sequence[Emulated], chain: Path, at: dict[str, str], slots: int
) -> Iterator[Nodes]:
    """A node on every board that has a stage (``at``: board to stage); ended cleanly."""
    folder = chain.parent
    used = [one for one in boards if one.name in at]
    identities = folder / "identities"
    write_throwaway(identities, folder.name, tuple(one.name for one in used), CLIENT)
    started = {one.name: _start(one, used, chain, at[one.name], slots) for one in used}
    try:
        yield Nodes(started, identities / CLIENT)
    finally:
        free(boards)
        for process in started.values():
            process.send_signal(signal.SIGINT)
        for process in started.values():
            _wait(process)


def _start(
    one: Emulated, used: Sequence[Emulated], chain: Path, stage: str, slots: int
) -> subprocess.Popen[bytes]:
    config = NodeConfig(
        name=one.name,
        identity=f"identities/{one.name}",
        chain=str(chain),
        chain_name=load_manifest(chain).name,
        stages=(stage,),
        namespace=NAMESPACE,
        port=PORT,
        discovery="static",
        peers=tuple(other.address for other in used if other is not one),
        slots=slots,
        threads=THREADS,
    )
    path = chain.parent / f"{one.name}.yaml"
    path.write_text(render(config))
    with path.with_suffix(".log").open("wb") as said:
        words = one.words("edgechain", "node", str(path))
        return subprocess.Popen(words, stdout=said, stderr=said, env=dict(os.environ))


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
