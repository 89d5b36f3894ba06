"""A model on nodes of this machine for a few seconds, to see what the nodes themselves cost."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from edgechain.client.chain import Chain
from edgechain.client.connect import connect
from edgechain.model.chain import Plan, make_chain
from edgechain.model.samples import random_samples
from edgechain.model.source import Model
from edgechain.model.split import Cut
from edgechain.model.timing import part_seconds
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.plan.node_costs import Trial, traffic, trial_cuts
from edgechain.runtime.isolation import IsolatedInterpreter
from edgechain.runtime.processor import processor_seconds
from edgechain.security.identity import load_identity
from edgechain.spec.graph import OpGraph
from edgechain.spec.ids import StageName
from edgechain.spec.partition import contiguous
from edgechain.spec.progress import Progress, silent
from edgechain.spec.status import NodeStatus
from edgechain.transport.memory import tune_allocator
from edgechain.transport.questions import fetch_status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TURNS = 4
"""How often nodes and interpreter take turns: what slows the machine down meets both."""

IN_FLIGHT = 4
LEAST_REQUESTS = 4
PATIENCE_SECONDS = 300.0
"""For a request, and for finding the nodes, on a board that has a tenth of a processor."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What is measured, with what, and for how many seconds for each cut."""

    model: Model
    graph: OpGraph
    isolated: IsolatedInterpreter
    options: LocalOptions
    seconds: float


def node_trials(what: Measuring, progress: Progress) -> list[Trial]:
    """Run the model whole and in two parts on nodes, and see what they spend on a request.

    Raises what keeps a node from starting, or a request from its answer.
    """
    tune_allocator()
    found: list[Trial] = uvloop.run(_trials(what, progress))
    return found


async def _trials(what: Measuring, progress: Progress) -> list[Trial]:
    cuts = trial_cuts(what.graph)
    found: list[Trial] = []
    for number, ends in enumerate(cuts):
        progress("measuring nodes", number, len(cuts))
        with tempfile.TemporaryDirectory(prefix="edgechain-profile-") as folder:
            found += await _trial(what, ends, Path(folder), f"profile-{os.getpid()}-{number}")
    progress("measuring nodes", len(cuts), len(cuts))
    return found


async def _trial(what: Measuring, ends: tuple[int, ...], folder: Path, name: str) -> list[Trial]:
    """One cut: what every stage costs its node besides the interpreter."""
    report = await asyncio.to_thread(
        make_chain,
        *(what.model, Plan(contiguous(what.graph, ends)), folder / "chain"),
        open_runner=what.isolated.open,
        runs=1,
    )
    cut = report.cut
    sample = random_samples(what.model, count=1, seed=0)[0]
    alone: list[list[float]] = []
    async with _running(folder / "chain", name, what.options) as nodes:
        for _ in range(TURNS):
            await nodes.ask({cut.names[t]: a for t, a in sample.items()}, what.seconds / TURNS)
            alone.append(await asyncio.to_thread(_alone, what, cut, sample))
    means = (sum(taken) / TURNS for taken in zip(*alone, strict=True))
    moved = traffic(report.manifest)
    return [
        Trial(nodes.spent[stage.name] / nodes.requests - taken, taken, moved[stage.name])
        for stage, taken in zip(report.manifest.stages, means, strict=True)
    ]


def _alone(what: Measuring, cut: Cut, sample: Mapping[int, Array]) -> list[float]:
    """The processor's seconds of every part when only the interpreter runs."""
    seconds = what.seconds / TURNS / len(cut.submodels)
    taken = part_seconds(cut, sample, open_timed=what.isolated.open, seconds=seconds)
    return [each.processor for each in taken]


class _Nodes:
    """A chain's nodes, what they have been asked, and what they have spent on it."""

    def __init__(self, chain: Chain, pids: Mapping[StageName, tuple[int, ...]]):
        self._chain = chain
        self._pids = pids
        self.requests = 0
        self.spent = dict.fromkeys(pids, 0.0)
        """The processor's seconds, by stage."""

    async def ask(self, inputs: Mapping[str, Array], seconds: float) -> None:
        """Keep the chain busy for so long. Raises what a request ended with."""
        before = self._now()
        frames = _frames(inputs, time.monotonic() + seconds)
        stream = self._chain.stream(frames, in_flight=IN_FLIGHT, deadline=PATIENCE_SECONDS)
        async for result in stream:
            if result.error is not None:
                raise result.error
            self.requests += 1
        for stage, now in self._now().items():
            self.spent[stage] += now - before[stage]

    def _now(self) -> dict[StageName, float]:
        return {stage: sum(map(processor_seconds, pids)) for stage, pids in self._pids.items()}


def _frames(inputs: Mapping[str, Array], end: float) -> Iterator[Mapping[str, Array]]:
    for number in count():
        if number >= LEAST_REQUESTS and time.monotonic() >= end:
            return
        yield inputs


@asynccontextmanager
async def _running(directory: Path, name: str, options: LocalOptions) -> AsyncIterator[_Nodes]:
    """Every stage on a node of its own, and a client that has had an answer."""
    runner = LocalChainRunner(directory, name, options, detach=False, progress=silent)
    async with (
        runner,
        connect(name, namespace=options.namespace, timeout=PATIENCE_SECONDS) as chain,
    ):
        if runner.chain is None:
            raise RuntimeError("a runner that started has a chain")
        security = load_identity(Path(runner.chain.identity))
        pids: dict[StageName, tuple[int, ...]] = {}
        for node in runner.chain.nodes:
            answer = await fetch_status(node.address, PATIENCE_SECONDS, security=security)
            workers = NodeStatus.model_validate_json(answer).stages
            pids[workers[0].name] = (node.pid, *(worker.pid for worker in workers))
        nodes = _Nodes(chain, pids)
        yield nodes
