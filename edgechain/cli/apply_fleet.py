"""`edgechain apply` for the chain of devices that `edgechain flash` has flashed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import uvloop

from edgechain.cli.apply_chain import PLAN_FILE, devices_in, placed
from edgechain.cli.apply_order import Applied, ApplyOrder
from edgechain.cli.devices import orders_of
from edgechain.cli.output import progress_reporter
from edgechain.cli.swap import unless_interrupted
from edgechain.deploy.fleet import Fleet, NextChain
from edgechain.deploy.fleet_chain import require_all, running_chain
from edgechain.deploy.fleet_member import FleetMember
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.zipped import agent
from edgechain.errors import InvalidChain, InvalidDocument, NodeFailed
from edgechain.files.drafts import draft_of
from edgechain.node.moving import Move
from edgechain.plan.change import assigned, devices_of
from edgechain.runtime.chain_files import load_manifest
from edgechain.spec.document import parse, render
from edgechain.spec.ids import Generation
from edgechain.spec.moving import RunningChain
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.progress import Progress


def apply_to_fleet(order: ApplyOrder, configs: Sequence[Path]) -> None:
    """Move the chain that these devices run."""
    orders = orders_of(configs, None)
    require_all(assigned(devices_of(order.plan)), orders, order.file)
    fleet = Fleet(orders, Agent(agent(), keep=not order.dry_run))
    members = uvloop.run(unless_interrupted(fleet.look()))
    running = _with_plan(running_chain(members, order.to))
    preview = order.preview(running, ends=False)
    if not preview.agreed(f"move chain {running.name} so?"):
        return
    with progress_reporter() as progress:
        directory = preview.chosen.get(progress)
        manifest = load_manifest(directory)
        generation = Generation(manifest.generation)
        stages = devices_in(order.plan, directory)
        chain = NextChain(running.name, generation, directory, stages)
        _keep_plan(directory, order.plan)
        moving = _move(fleet, members, chain, progress)
        moved, files = uvloop.run(unless_interrupted(moving))
    preview.tell(Applied(moved, generation, files))


async def _move(
    fleet: Fleet, members: Sequence[FleetMember], chain: NextChain, progress: Progress
) -> tuple[bool, Sequence[Path]]:
    """Whether anything moved, and the files that say something else now."""
    async with fleet.moving(members, chain, progress) as (ground, drafts):
        try:
            moved = await Move(ground, chain.generation, progress).run()
        except NodeFailed as error:
            if drafts.is_settled and drafts.files:
                written = ", ".join(map(str, drafts.files))
                raise NodeFailed(f"{error}; written anew: {written}") from error
            raise
        return moved, drafts.files


def _keep_plan(directory: Path, plan: PlanFile) -> None:
    """Beside the chain that was cut for it, for the next time somebody compares.

    Raises ``InvalidChain`` where it cannot be written.
    """
    try:
        with draft_of(directory / PLAN_FILE) as draft:
            draft.write_text(render(plan), encoding="utf-8")
    except OSError as error:
        reason = f"the plan cannot be kept there: {error.strerror}"
        raise InvalidChain(f"{directory}: {reason}") from error


def _with_plan(running: RunningChain) -> RunningChain:
    """With the plan that lies beside the chain, where its stages are placed so."""
    path = running.directory / PLAN_FILE if running.directory is not None else None
    if path is None or not path.is_file():
        return running
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        plan = parse(PlanFile, text, file=str(path))
    except InvalidDocument:  # of another version of ours
        return running
    same = placed(assigned(devices_of(plan))) == placed(running.assignment)
    return replace(running, plan=text) if same else running
