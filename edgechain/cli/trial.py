"""A model on nodes of this machine for a few seconds, to see what the nodes themselves cost."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, permutations
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import uvloop

from edgechain.client.chain import Chain
from edgechain.client.connect import connect
from edgechain.discovery.local import LocalNode
from edgechain.errors import NotMeasured, UnknownNode
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
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.ids import StageName
from edgechain.spec.partition import contiguous
from edgechain.spec.probing import MOST_SECONDS, Probed, ProbeOrder
from edgechain.spec.profile import LinkCosts
from edgechain.spec.progress import Progress, silent
from edgechain.spec.status import NodeStatus
from edgechain.transport.memory import tune_allocator
from edgechain.transport.probe_call import fetch_probe
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


@dataclass(frozen=True, slots=True)
class Tried:
    """What every stage cost its node besides the interpreter, and a link over loopback alone."""

    trials: Sequence[Trial]
    links: Sequence[Probed]

    @property
    def loopback(self) -> LinkCosts | None:
        """The mean of all links; nothing where the processor's clock is too coarse to tell."""
        each = {
            what: [cost for link in self.links if (cost := getattr(link, what)) is not None]
            for what in LinkCosts.model_fields
        }
        if not all(each.values()):
            return None
        return LinkCosts(**{what: round(fmean(costs), 6) for what, costs in each.items()})


def node_trials(what: Measuring, progress: Progress) -> Tried:
    """Run the model whole and in two parts on nodes, and see what they spend on a request.

    Raises what keeps a node from starting, or a request from its answer.
    """
    tune_allocator()
    found: Tried = uvloop.run(_trials(what, progress))
    return found


async def _trials(what: Measuring, progress: Progress) -> Tried:
    cuts = trial_cuts(what.graph)
    trials: list[Trial] = []
    links: list[Probed] = []
    for number, ends in enumerate(cuts):
        progress("measuring nodes", number, len(cuts))
        with tempfile.TemporaryDirectory(prefix="edgechain-profile-") as folder:
            found = await _trial(what, ends, Path(folder), f"profile-{os.getpid()}-{number}")
        trials += found.trials
        links += found.links
    progress("measuring nodes", len(cuts), len(cuts))
    return Tried(trials, links)


async def _trial(what: Measuring, ends: tuple[int, ...], folder: Path, name: str) -> Tried:
    """One cut, on a node for every part."""
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
        links = await nodes.links(min(what.seconds / TURNS, MOST_SECONDS))
        for _ in range(TURNS):
            await nodes.ask({cut.names[t]: a for t, a in sample.items()}, what.seconds / TURNS)
            alone.append(await asyncio.to_thread(_alone, what, cut, sample))
    means = (sum(taken) / TURNS for taken in zip(*alone, strict=True))
    moved = traffic(report.manifest)
    trials = [
        Trial(nodes.spent[stage.name] / nodes.requests - taken, taken, moved[stage.name])
        for stage, taken in zip(report.manifest.stages, means, strict=True)
    ]
    return Tried(trials, links)


def _alone(what: Measuring, cut: Cut, sample: Mapping[int, Array]) -> list[float]:
    """The processor's seconds of every part when only the interpreter runs."""
    seconds = what.seconds / TURNS / len(cut.submodels)
    taken = part_seconds(cut, sample, open_timed=what.isolated.open, seconds=seconds)
    return [each.processor for each in taken]


class _Nodes:
    """A chain's nodes, what they have been asked, and what they have spent on it."""

    def __init__(
        self,
        chain: Chain,
        nodes: Sequence[LocalNode],
        pids: Mapping[StageName, tuple[int, ...]],
        security: LinkSecurity,
    ):
        self._chain = chain
        self._nodes = nodes
        self._pids = pids
        self._security = security
        self.requests = 0
        self.spent = dict.fromkeys(pids, 0.0)
        """The processor's seconds, by stage."""

    async def links(self, seconds: float) -> list[Probed]:
        """Have every node measure its link to every other for so long, as long as none is asked.

        Nothing comes of it where a node does not find the time.
        """
        found = []
        for here, there in permutations(self._nodes, 2):
            order = ProbeOrder(node=there.name, addresses=(there.address,), seconds=seconds)
            with suppress(NotMeasured, UnknownNode):
                asked = fetch_probe(here.address, here.name, order, security=self._security)
                found.append(await asked)
        return found

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
        yield _Nodes(chain, runner.chain.nodes, pids, security)
