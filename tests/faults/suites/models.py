"""Damaged models are given to nodes: each ends in a typed way, and the daemon lives."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.document import render
from edgechain.spec.status import GenerationState
from tests.benchmarks.running import cut
from tests.benchmarks.settings import MODELS
from tests.faults.hash_chain import write_chain
from tests.faults.ledger import Ledger
from tests.faults.load import Asker, loaded
from tests.faults.model_eater import write_mutant
from tests.faults.mutants import Original, mutant
from tests.faults.processes import NodeProcess
from tests.faults.running import running
from tests.faults.suite import Report, Row, Skipped, Suite, control, in_a_folder, times
from tests.watch.needs import ROOT

MUTANTS, BESIDE = 5000, 100
SMALL = ("keras_lstm_mnist_ptq.tflite", "split_concat.tflite")
LARGE = (
    "mobilenet_v2_1.0_224_quant.tflite",
    "detect.tflite",
    "movenet_single_pose_lightning_ptq.tflite",
)
LARGE_FROM_SCALE = 0.1
"""To cut and prove the large ones takes longer than a short version may."""

ENDS = {"refused", "ran", "failed", "lost at load", "lost in its run"}
MOST_GROWTH = 4.0
"""Megabytes after the warm-up; all mutants together come to gigabytes."""

SILENT_SECONDS = 30.0
"""A process that says nothing for so long hangs."""

LOADED_SECONDS = 90.0
"""More than a worker may take to load."""

RATE = 20.0
DEADLINE = 5.0


async def _run(folder: Path, scale: float, report: Report) -> list[Row]:
    count = times(MUTANTS, scale)
    report.say("cutting")
    names = SMALL if scale < LARGE_FROM_SCALE else (*SMALL, *LARGE)
    originals = await asyncio.to_thread(_originals, folder, names)
    report.say(f"{count} mutants")
    eaten = await _eat(count, folder, originals, report)
    report.say("as a next generation")
    beside = await _beside(folder / "beside", originals, times(BESIDE, scale, 2), report)
    report.say("control")
    direct = await _eat(MUTANTS, folder, originals[: len(SMALL)], report, "--directly")
    return [*_judge(count, eaten), beside, _judge_directly(direct)]


def _originals(folder: Path, names: Sequence[str]) -> list[Path]:
    """Chain directories of one stage each; what is damaged is the file that a node would have."""
    if not MODELS.is_dir():
        raise Skipped("no models beside the repository")
    return [cut(name, 1, folder / name.partition(".")[0]) for name in names]


@dataclass
class Eaten:
    """What became of a process and of the models that it was given."""

    ends: Counter[str] = field(default_factory=Counter)
    last: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    hung: bool = False
    errors: str = ""


async def _eat(
    count: int, folder: Path, originals: Sequence[Path], report: Report, *options: str
) -> Eaten:
    command = ("-m", "tests.faults.model_eater", *options, str(count), str(folder))
    log = await asyncio.to_thread((folder / "eater.log").open, "w+b")
    with log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, *map(str, originals)),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            eaten = await _hear(process, count, report)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        log.seek(0)
        eaten.status, eaten.errors = process.returncode or 0, log.read().decode(errors="replace")
    return eaten


async def _hear(process: asyncio.subprocess.Process, count: int, report: Report) -> Eaten:
    """Read what it says until it ends or hangs."""
    eaten = Eaten()
    if process.stdout is None:
        raise RuntimeError("it was started without a pipe")
    try:
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                line = await process.stdout.readline()
            if not line:
                break
            eaten.last = json.loads(line)
            eaten.ends[eaten.last.get("end", "")] += 1
            report.progress(eaten.ends.total(), count + 1)
    except TimeoutError:
        eaten.hung = True
        return eaten
    await process.wait()
    return eaten


def _judge(count: int, eaten: Eaten) -> list[Row]:
    ends = {end: times for end, times in eaten.ends.items() if end}
    told = ", ".join(f"{times:,} {end}" for end, times in sorted(ends.items()))
    survived = eaten.status == 0 and not eaten.hung and "Traceback" not in eaten.errors
    manner = "" if survived else f"; status {eaten.status}: {eaten.errors[-300:]}"
    before, after = eaten.last.get("before", {}), eaten.last.get("after", {})
    growth = after.get("megabytes", 0.0) - before.get("megabytes", 0.0)
    same = bool(before) and all(before[what] == after[what] for what in ("zygote", "descriptors"))
    return [
        Row(
            f"{count:,} mutants loaded and run",
            "the daemon survives all, every end has its name",
            told + manner,
            survived and sum(ends.values()) == count and set(ends) <= ENDS,
        ),
        Row(
            "what they leave",
            f"same zygote and descriptors, growth <= {MOST_GROWTH:g} MB",
            f"{'the same' if same else f'{before}, then {after}'}, {growth:.1f} MB",
            same and growth <= MOST_GROWTH,
        ),
    ]


def _judge_directly(eaten: Eaten) -> Row:
    died = eaten.status < 0 or eaten.hung
    end = "hung" if eaten.hung else f"ended with status {eaten.status}"
    return control(
        "the same loaded inside one process",
        "it is killed, or hangs",
        f"{end} at mutant {eaten.ends.total()}",
        died,
    )


# Hot swap ----------------------------------------------------------------------------------------


async def _beside(folder: Path, originals: Sequence[Path], count: int, report: Report) -> Row:
    """A node that serves is given mutants as its next generation."""
    chain = write_chain(folder / "chain", {"only": ("x", "y")})
    ledger, states = Ledger(chain.answer), Counter[str]()
    async with running(chain, folder) as live, live.connect() as client:
        node = live.nodes["only-1"]
        pid = node.pid
        async with loaded(Asker(client, chain, ledger, DEADLINE), rate=RATE):
            for number in range(count):
                origin = originals[number % len(SMALL)]
                generation = await asyncio.to_thread(_prepare, folder, origin, number)
                states[await _state_of(node, generation)] += 1
                report.progress(number + 1, count)
        lives = node.is_running and node.pid == pid
    account = ledger.account()
    known = states[GenerationState.READY] + states[GenerationState.FAILED]
    told = ", ".join(f"{times} {state}" for state, times in sorted(states.items()))
    return Row(
        f"{count} mutants as the next generation of a node that serves",
        "the node serves on, each is ready or failed",
        f"{told}; {'the same daemon' if lives else 'the daemon ended'}, {account}",
        lives and known == count and account.right > 0 and not account.faults + account.failed,
    )


def _prepare(folder: Path, origin: Path, number: int) -> str:
    """Write a mutant's chain and the node's configuration that names it; its generation."""
    manifest = load_manifest(origin)
    (stage,) = manifest.stages
    content = mutant(Original(origin.name, (origin / str(stage.file)).read_bytes()), number)
    made = write_mutant(folder / f"next-{number}", manifest, content)
    (folder / f"next-{number}" / "chain.yaml").write_text(render(made))
    path = folder / "only-1.yaml"
    config = json.loads(path.read_text())
    config |= {"next": str(folder / f"next-{number}"), "next_stages": "all", "chain_name": "faults"}
    path.write_text(json.dumps(config))
    return made.generation


async def _state_of(node: NodeProcess, generation: str) -> str:
    """What becomes of a generation beside the one that serves."""
    node.signal(signal.SIGHUP)
    try:
        async with asyncio.timeout(LOADED_SECONDS):
            while True:
                for found in (await node.status()).generations:
                    loading = found.state is GenerationState.LOADING
                    if found.generation == generation and not loading:
                        return str(found.state)
                await asyncio.sleep(0.02)
    except TimeoutError:
        return "unknown"


SUITE = Suite("models", "mutated models given to a node", partial(in_a_folder, _run))
