"""``make bench``: chains beside the whole model, a hop beside plain gRPC, memory, start-up, what
the promise and mutual TLS cost, and how long the planner takes.

Everything takes turns in one run: a round of the hop, a round of every model, a start. Then comes
what the promise costs, one chain at a time, and the planner. What slows one round down slows all
its contenders down, and ratios are taken within rounds. Exit status 1 if a limit is not kept.
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
class Outcome:
    """What was measured, and where: everything, or one part. Absent models are ``skipped``."""

    machine: Machine
    rounds: int
    whole: bool = False
    chains: Sequence[ChainReport] = ()
    hop: HopReport | None = None
    identity: IdentityReport | None = None
    start: StartReport | None = None
    prices: Sequence[PriceReport] = ()
    plans: PlanReport | None = None
    skipped: Sequence[str] = ()

    def verdicts(self) -> list[Verdict]:
        """Every limit; what could not be measured is not passed over in silence."""
        verdicts = judge_hop(self.hop) if self.hop else []
        for price in self.prices:
            verdicts += judge_price(price)
        if self.start is not None:
            verdicts += judge_start(self.start)
        elif self.whole:
            verdicts.append(Verdict("memory and start of a node", "not measured", passed=False))
        return verdicts + (judge_plans(self.plans) if self.plans else [])

    def tables(self) -> list[Table]:
        """What was measured, for people."""
        parts = (*self.chains, self.hop, self.identity, self.start, *self.prices, self.plans)
        return [part.table() for part in parts if part is not None]

    def text(self) -> str:
        """For people."""
        tables = [*self.tables(), verdict_table(self.verdicts())]
        return "\n\n".join([self.heading(), *(table.text() for table in tables)])

    def heading(self) -> str:
        """Where it was measured, and with which models it was not."""
        lines = [self.machine.line(), f"{self.rounds} rounds, everything in turns"]
        if self.machine.busy:
            lines.append("WARNING: others were computing here; trust ratios, not milliseconds")
        skipped = [f"SKIPPED {model}: not in {MODELS}" for model in self.skipped]
        return "\n\n".join(["\n".join(lines), *skipped])

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {
            "machine": dataclasses.asdict(self.machine),
            "rounds": self.rounds,
            "chains": [report.document() for report in self.chains],
            "hop": self.hop.document() if self.hop else None,
            "identity": self.identity.document() if self.identity else None,
            "start": self.start.document() if self.start else None,
            "prices": [report.document() for report in self.prices],
            "plans": self.plans.document() if self.plans else None,
            "skipped": list(self.skipped),
            "verdicts": [dataclasses.asdict(verdict) for verdict in self.verdicts()],
        }


def measure_planner(counts: Counts) -> Outcome:
    """A run of nothing but the planner."""
    machine = this_machine()
    return Outcome(machine, counts.rounds, plans=_plans(counts))


def _plans(counts: Counts) -> PlanReport:
    plans = PlanBench(counts)
    for number in range(counts.rounds):
        _progress(f"the planner: round {number + 1} of {counts.rounds}")
        plans.round()
    return plans.report


async def measure_price(counts: Counts, folder: Path) -> Outcome:
    """A run of nothing but what the promise costs."""
    machine = this_machine()
    prices = await _prices(counts, folder, _new_namespace())
    return Outcome(machine, counts.rounds, prices=prices, skipped=_absent(counts.priced))


async def _prices(counts: Counts, folder: Path, namespace: str) -> list[PriceReport]:
    """A small difference, which the beats of fifty idle processes drown: each chain for itself."""
    models = [model for model in counts.priced if (MODELS / model).is_file()]
    benches = [PriceBench(model, counts, folder, namespace) for model in (None, *models)]
    for bench in benches:
        _progress(f"the price of the promise: {bench.report.title}")
        async with bench:
            for _ in range(counts.rounds * counts.price_rounds):
                await bench.round()
    return [bench.report for bench in benches]


async def measure(counts: Counts, folder: Path) -> Outcome:
    """One run: start everything, take turns, end everything."""
    machine, namespace = this_machine(), _new_namespace()
    present = [model for model in counts.models if (MODELS / model).is_file()]
    benches = [ChainBench(model, counts, folder, namespace) for model in present]
    start = StartBench(counts, folder, namespace) if MOBILENET in present else None
    hop = HopBench(counts, folder)
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
    return Outcome(
        machine,
        counts.rounds,
        whole=True,
        chains=[bench.report for bench in benches],
        hop=hop.report,
        identity=identity,
        start=start.report if start else None,
        prices=await _prices(counts, folder, namespace),
        plans=_plans(counts),  # seconds without a word on open links would end them
        skipped=_absent(counts.models),
    )


def _new_namespace() -> str:
    return f"bench-{uuid.uuid4().hex[:8]}"


def _absent(models: Sequence[str]) -> list[str]:
    return [model for model in models if not (MODELS / model).is_file()]


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = _parser().parse_args(arguments)
    counts = QUICK if options.quick else FULL
    if options.rounds is not None:
        counts = dataclasses.replace(counts, rounds=options.rounds)
    outcome = measure_planner(counts) if options.planner else _measure(counts, options.price)
    text = json.dumps(outcome.document(), indent=1) if options.json else outcome.text()
    sys.stdout.write(text + "\n")
    return 0 if all(verdict.passed for verdict in outcome.verdicts()) else 1


def _measure(counts: Counts, only_price: bool) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="edgechain-bench-") as folder:
        os.environ[ENVIRONMENT] = str(Path(folder, "state"))
        run = measure_price if only_price else measure
        outcome: Outcome = uvloop.run(run(counts, Path(folder)))
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
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--planner", action="store_true", help="only how long the planner takes")
    part.add_argument("--price", action="store_true", help="only what the promise costs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
