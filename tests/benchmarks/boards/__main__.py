"""``make boards``: the planner's predictions beside what emulated boards measure.

Every board is a network namespace on a switch and a share of a processor; ``edgechain profile``
runs on it, the best placement is cut, its nodes run there, and a client keeps them busy. Then ever
more equal boards, beside the planner's bound. Exit status 1 if a limit is not kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from edgechain.discovery.local import ENVIRONMENT
from tests.benchmarks.boards.cages import no_cages
from tests.benchmarks.boards.measuring import Bench, Lengths
from tests.benchmarks.boards.neighbours import neighbours
from tests.benchmarks.boards.report import BoardsReport, Cell, SpeedReport, parts_table
from tests.benchmarks.boards.scenes import SCENES, Scene, rows_of
from tests.benchmarks.machine import Machine, this_machine
from tests.benchmarks.settings import MODELS
from tests.benchmarks.verdict import Verdict, verdict_table
from tests.watch.needs import no_namespaces

PLACED = (
    "mobilenet_v2_1.0_224_quant.tflite",
    "detect.tflite",
    "movenet_single_pose_lightning_ptq.tflite",
    "deeplabv3_257_mv_gpu.tflite",
    "yolov8n_int8.tflite",
)
SPED_UP = ("deeplabv3_257_mv_gpu.tflite", "mobilenet_v2_1.0_224_quant.tflite")
"""A float model and one of 8 bits."""

COUNTS = (1, 2, 4, 8)
FULL = Lengths(profile=2.0, nodes=1.0, warm=2.0, least=10.0, most=20.0, frames=40, rounds=3)
QUICK = Lengths(profile=0.3, nodes=0.3, warm=0.5, least=2.0, most=4.0, frames=10, rounds=1)


@dataclass(frozen=True)
class Outcome:
    """Everything that was measured, and where."""

    machine: Machine
    placed: BoardsReport
    speed: SpeedReport

    def verdicts(self) -> list[Verdict]:
        """Every limit."""
        placed = self.placed.verdicts() if self.placed.cells else []
        return placed + self.speed.verdicts()

    def text(self) -> str:
        """For people."""
        cells = [*self.placed.cells, *(c for m in self.speed.cells.values() for c in m.values())]
        tables = [*self.placed.tables(), *self.speed.tables(), parts_table(cells)]
        tables.append(verdict_table(self.verdicts()))
        lines = [self.machine.line()]
        if self.machine.busy:
            lines.append("WARNING: others were computing here")
        return "\n\n".join(["\n".join(lines), *(table.text() for table in tables)])

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {
            "machine": dataclasses.asdict(self.machine),
            "placed": [dataclasses.asdict(cell) for cell in self.placed.cells],
            "speed": [
                dataclasses.asdict(cell) | {"boards": count}
                for by_count in self.speed.cells.values()
                for count, cell in by_count.items()
            ],
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts()],
        }


async def measure(options: argparse.Namespace, folder: Path) -> Outcome:
    """Model after model, scene after scene."""
    machine = this_machine()
    scenes = [scene for scene in SCENES if not options.scene or options.scene in scene.title]
    with neighbours(folder) as beside:
        bench = Bench(folder, QUICK if options.quick else FULL, beside)
        await bench.start()
        return await _measured(options, bench, scenes, machine)


async def _measured(
    options: argparse.Namespace, bench: Bench, scenes: Sequence[Scene], machine: Machine
) -> Outcome:
    cells = []
    for model in [] if options.speed else _chosen(PLACED, options):
        cells += await bench.cells(scenes, MODELS / model)
    speed: dict[str, dict[int, Cell]] = {}
    for model in [] if options.placed else _chosen(SPED_UP, options):
        counts = sorted({1, *options.counts}, reverse=True)  # one is what others speed up
        found = await bench.cells([rows_of(count) for count in counts], MODELS / model)
        speed[model] = dict(sorted(zip(counts, found, strict=True)))
    return Outcome(machine, BoardsReport(cells), SpeedReport(speed))


def _chosen(models: Sequence[str], options: argparse.Namespace) -> list[str]:
    return [model for model in models if options.model in model]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it has words for every fork
    options = _parser().parse_args(arguments)
    if reason := no_namespaces() or no_cages():
        sys.stderr.write(f"boards cannot be emulated here: {reason}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="edgechain-boards-") as folder:
        os.environ[ENVIRONMENT] = str(Path(folder, "state"))
        outcome: Outcome = uvloop.run(measure(options, Path(folder)))
    text = json.dumps(outcome.document(), indent=1) if options.json else outcome.text()
    sys.stdout.write(text + "\n")
    return 0 if all(verdict.passed for verdict in outcome.verdicts()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.boards", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short: shows that it works")
    parser.add_argument("--placed", action="store_true", help="only predicted beside measured")
    parser.add_argument("--speed", action="store_true", help="only ever more equal boards")
    parser.add_argument("--model", default="", help="only models with this in their name")
    parser.add_argument("--scene", default="", help="only scenes with this in their title")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="how many boards")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
