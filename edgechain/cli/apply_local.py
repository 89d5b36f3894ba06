"""`edgechain apply` for a chain that `edgechain up` runs on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import uvloop

from edgechain.cli.apply_chain import devices_in
from edgechain.cli.apply_order import Applied, ApplyOrder
from edgechain.cli.output import progress_reporter
from edgechain.cli.swap import unless_interrupted
from edgechain.discovery.local import LocalChain, changing, workplace
from edgechain.node.ending import choose_running
from edgechain.node.swapping import LocalSwap
from edgechain.spec.document import render
from edgechain.spec.moving import RunningChain

CHAINS = "chains"
"""Beside the configurations of a running chain's nodes: what was cut for it, gone with it."""


def apply_here(order: ApplyOrder, name: str | None) -> None:
    """Move the chain of this name, or the only one."""
    running = _running(choose_running(name))
    preview = order.preview(running)
    if not preview.agreed(f"move chain {running.name} so?"):
        return
    with changing(running.name), progress_reporter() as progress:
        before = choose_running(running.name)
        directory = preview.chosen.get(progress)
        swapping = LocalSwap(
            *(before, directory, progress, devices_in(order.plan, directory)),
            plan=render(order.plan),
        )
        moved = uvloop.run(unless_interrupted(swapping.run()))
        _tidy(before, directory, Path(before.directory))
    preview.tell(Applied(moved, swapping.generation))


def _running(chain: LocalChain) -> RunningChain:
    return RunningChain(
        chain.name,
        chain.generation,
        {node.name: node.stages for node in chain.nodes},
        Path(chain.directory),
        workplace(chain.name) / CHAINS,
        chain.plan,
    )


def _tidy(chain: LocalChain, *used: Path) -> None:
    """Remove what was cut for this chain and is neither used nor the last that was."""
    kept = {path.resolve() for path in used}
    for path in (workplace(chain.name) / CHAINS).glob("*"):
        if path.resolve() not in kept:
            shutil.rmtree(path, ignore_errors=True)
