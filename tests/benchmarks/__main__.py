"""``make bench``: chains beside the whole model, a hop beside plain gRPC, memory, start-up, what
the promise and mutual TLS cost, and how long the planner takes.

Everything takes turns in one run: a round of the hop, a round of every model, a start. What
slows one round down slows all its contenders down, and ratios are taken within rounds. Exit
status 1 if a limit is not kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from edgechain.discovery.local import ENVIRONMENT
from tests.benchmarks.chain_report import ChainReport
from tests.benchmarks.chains import ChainBench
from tests.benchmarks.hop import HopBench, HopReport
from tests.benchmarks.machine import Machine, this_machine
from tests.benchmarks.nodes import IdentityReport, StartBench, StartReport, ask_identity
from tests.benchmarks.plans import PlanBench, PlanReport
from tests.benchmarks.price import PriceBench, PriceReport
from tests.benchmarks.settings import FULL, MOBILENET, MODELS, QUICK, Counts
from tests.benchmarks.table import Table
from tests.benchmarks.verdict import (
    Verdict,
    judge_hop,
    judge_plans,
    judge_price,
    judge_start,
    verdict_table,
)


@dataclass(frozen=True)
class PlannerOutcome:
    """What was measured of the planner, and where."""

    machine: Machine
    rounds: int
    plans: PlanReport

    def verdicts(self) -> list[Verdict]:
        """Every limit."""
        return judge_plans(self.plans)

    def tables(self) -> list[Table]:
        """What was measured, for people."""
        return [self.plans.table()]

    def text(self) -> str:
        """For people."""
        tables = [*self.tables(), verdict_table(self.verdicts())]
        return "\n\n".join([self.heading(), *(table.text() for table in tables)])

    def heading(self) -> str:
        """Where it was measured."""
        lines = [self.machine.line(), f"{self.rounds} rounds, everything in turns"]
        if self.machine.busy:
            lines.append("WARNING: others were computing here; trust ratios, not milliseconds")
        return "\n".join(lines)

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {
            "machine": dataclasses.asdict(self.machine),
            "rounds": self.rounds,
            "plans": self.plans.document(),
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts()],
        }


@dataclass(frozen=True)
class Outcome(PlannerOutcome):
    """Everything that was measured. Absent models are named in ``skipped``."""

    chains: Sequence[ChainReport]
    hop: HopReport
    identity: IdentityReport
    start: StartReport | None
    prices: Sequence[PriceReport]
    skipped: Sequence[str]

    def verdicts(self) -> list[Verdict]:
        """Every limit; what could not be measured is not passed over in silence."""
        verdicts = judge_hop(self.hop)
        for price in self.prices:
            verdicts += judge_price(price)
        if self.start is None:
            verdicts.append(Verdict("memory and start of a node", "not measured", passed=False))
        else:
            verdicts += judge_start(self.start)
        return verdicts + super().verdicts()

    def tables(self) -> list[Table]:
        """What was measured, for people."""
        tables = [report.table() for report in self.chains]
        tables += [self.hop.table(), self.identity.table()]
        tables += [self.start.table()] if self.start else []
        tables += [report.table() for report in self.prices]
        return tables + super().tables()

    def heading(self) -> str:
        """Where it was measured, and with which models it was not."""
        skipped = [f"SKIPPED {model}: not in {MODELS}" for model in self.skipped]
        return "\n\n".join([super().heading(), *skipped])

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {
            **super().document(),
            "chains": [report.document() for report in self.chains],
            "hop": self.hop.document(),
            "identity": self.identity.document(),
            "start": self.start.document() if self.start else None,
            "prices": [report.document() for report in self.prices],
            "skipped": list(self.skipped),
        }


def measure_planner(counts: Counts) -> PlannerOutcome:
    """A run of nothing but the planner."""
    machine, plans = this_machine(), PlanBench(counts)
    for number in range(counts.rounds):
        _progress(f"round {number + 1} of {counts.rounds}")
        plans.round()
    return PlannerOutcome(machine, counts.rounds, plans.report)


async def measure(counts: Counts, folder: Path) -> Outcome:
    """One run: start everything, take turns, end everything."""
    machine = this_machine()
    namespace = f"bench-{uuid.uuid4().hex[:8]}"
    present = [model for model in counts.models if (MODELS / model).is_file()]
    benches = [ChainBench(model, counts, folder, namespace) for model in present]
    start = StartBench(counts, folder, namespace) if MOBILENET in present else None
    hop = HopBench(counts, folder)
    prices = [PriceBench(None, counts, folder, namespace)]
    prices += [PriceBench(m, counts, folder, namespace) for m in counts.priced if m in present]
    plans = PlanBench(counts)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hop)
        for bench in benches:
            await stack.enter_async_context(bench)
        for number in range(counts.rounds):
            _progress(f"round {number + 1} of {counts.rounds}")
            await hop.round()
            for bench in benches:
                await bench.round()
            if start is not None and number < counts.starts:
                await start.round()
        identity = await ask_identity(counts, folder, namespace)
    for price in prices:  # a small difference, which the beats of fifty idle processes drown
        _progress(f"the price of the promise: {price.report.title}")
        async with price:
            for _ in range(counts.rounds * counts.price_rounds):
                await price.round()
    for _ in range(counts.rounds):  # seconds without a word on open links would end them
        plans.round()
    return Outcome(
        machine,
        counts.rounds,
        plans.report,
        [bench.report for bench in benches],
        hop.report,
        identity,
        start.report if start else None,
        [price.report for price in prices],
        [model for model in counts.models if model not in present],
    )


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = _parser().parse_args(arguments)
    counts = QUICK if options.quick else FULL
    if options.rounds is not None:
        counts = dataclasses.replace(counts, rounds=options.rounds)
    outcome = measure_planner(counts) if options.planner else _measure_everything(counts)
    text = json.dumps(outcome.document(), indent=1) if options.json else outcome.text()
    sys.stdout.write(text + "\n")
    return 0 if all(verdict.passed for verdict in outcome.verdicts()) else 1


def _measure_everything(counts: Counts) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="edgechain-bench-") as folder:
        os.environ[ENVIRONMENT] = str(Path(folder, "state"))
        outcome: Outcome = uvloop.run(measure(counts, Path(folder)))
    return outcome


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return rounds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_rounds, help=f"how often [default: {FULL.rounds}]")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one short round with one model: shows that it works, not how fast",
    )
    parser.add_argument("--planner", action="store_true", help="only how long the planner takes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
