"""Chains cut and run with the product's own means, and the ids of their processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgechain.model.chain import Plan, make_chain
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.node.local import LocalChainRunner, LocalOptions
from edgechain.plan.balance import balance
from edgechain.runtime.interpreter import open_interpreter
from edgechain.security.identity import load_identity
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status
from tests.benchmarks.processor import children
from tests.benchmarks.settings import IN_FLIGHT, MODELS, THREADS

PROOF_RUNS = 1
"""The cut is proved by tests; here it only has to be one."""


@dataclass(frozen=True, slots=True)
class Running:
    """A chain that runs: by process id its nodes, their zygotes and their workers."""

    name: str
    nodes: tuple[int, ...]
    zygotes: tuple[int, ...]
    workers: tuple[int, ...]
    ready_seconds: float
    """From before the first process was started until every node had said that it listens."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Every process of it."""
        return self.nodes + self.zygotes + self.workers


def cut(model: str, stages: int, directory: Path) -> Path:
    """Cut a model into balanced stages, as ``edgechain split`` does. Blocks for seconds."""
    whole = read_model(MODELS / model)
    plan = Plan(balance(graph_of(whole), stages))
    name = f"{whole.file.split('.')[0].replace('_', '-')[:20]}-{stages}"
    make_chain(whole, plan, directory, open_runner=open_interpreter, name=name, runs=PROOF_RUNS)
    return directory


@dataclass(slots=True)
class _Listening:
    """Notes when all nodes listen; the runner tells it how far they are."""

    start: float = field(default_factory=time.perf_counter)
    seconds: float = 0.0

    def note(self, what: str, done: int, total: int) -> None:
        if what == "starting nodes" and done == total:
            self.seconds = time.perf_counter() - self.start


@asynccontextmanager
async def running(
    directory: Path, name: str, namespace: str, *, insecure: bool = False
) -> AsyncIterator[Running]:
    """Start a chain, one node process a stage, and end it again."""
    options = LocalOptions(slots=IN_FLIGHT, threads=THREADS, namespace=namespace, insecure=insecure)
    listening = _Listening()
    runner = LocalChainRunner(directory, name, options, detach=False, progress=listening.note)
    async with runner:
        if runner.chain is None:
            raise RuntimeError("a runner that started has a chain")
        identity = runner.chain.identity
        security = load_identity(Path(identity)) if identity else None
        found = await asyncio.gather(*(_status(a, security) for a in runner.chain.addresses))
        yield Running(
            name,
            tuple(status.pid for status in found),
            tuple(child for status in found for child in children(status.pid)),
            tuple(stage.pid for status in found for stage in status.stages),
            listening.seconds,
        )


async def _status(address: str, security: LinkSecurity | None) -> NodeStatus:
    return NodeStatus.model_validate_json(await fetch_status(address, security=security))
