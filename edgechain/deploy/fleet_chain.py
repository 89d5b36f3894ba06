"""Which chain the devices of a fleet run, from what each of them says. Pure but for manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgechain.deploy.fleet_member import FleetMember
from edgechain.deploy.prepared import Order
from edgechain.errors import EdgechainError, FlashFailed
from edgechain.runtime.chain_files import MANIFEST_FILE, load_manifest
from edgechain.spec.ids import NodeName, StageName
from edgechain.spec.moving import RunningChain
from edgechain.spec.status import GenerationState

_WHOLE = (GenerationState.READY, GenerationState.CURRENT)


def running_chain(members: Sequence[FleetMember], to: Path | None = None) -> RunningChain:
    """The one chain that they run; ``to`` is a further directory that it may be in.

    Where moving it was cut off in the middle, that is the generation that it was moving to. Raises
    ``FlashFailed`` where they run several, or none.
    """
    name = _name(members)
    generation = _generation(members)
    assignment = {member.name: _stages(member, generation) for member in members}
    cuts = _folder(members[0].order).parent
    directory = _find(generation, _places([member.order for member in members], cuts, to))
    return RunningChain(name, generation, assignment, directory, cuts)


def _name(members: Sequence[FleetMember]) -> str:
    named = {member.status.chain: member.name for member in members}
    if len(named) > 1:
        who = ", ".join(f"{device} is of {name}" for name, device in sorted(named.items()))
        raise FlashFailed(f"these devices run several chains ({who}); name the devices of one")
    (name,) = named
    return name


def _generation(members: Sequence[FleetMember]) -> str:
    """The generation that serves where anything does; what stands by may have another one."""
    working = [member for member in members if member.status.stages]
    serving = {member.status.generation for member in working}
    if len(serving) > 1:
        serving = {one for one in serving if all(_has(member, one) for member in working)}
    if len(serving) == 1:
        return serving.pop()
    if not working:
        raise FlashFailed("all of these devices stand by; name those that run the chain, too")
    who = ", ".join(f"{m.name} runs {m.status.generation[:12]}" for m in working)
    reason = f"these devices do not run the same generation ({who})"
    raise FlashFailed(f"{reason}; flash them alike, or apply again what was broken off")


def _has(member: FleetMember, generation: str) -> bool:
    known = member.status.generations
    return any(one.generation == generation and one.state in _WHOLE for one in known)


def _stages(member: FleetMember, generation: str) -> tuple[StageName, ...]:
    """Its stages of this generation: of one that is only ready there its configuration has them."""
    if member.status.generation == generation:
        return tuple(stage.name for stage in member.status.stages)
    stages = member.config.next_stages
    return stages if _has(member, generation) and isinstance(stages, tuple) else ()


def _folder(order: Order) -> Path:
    return (order.file.parent / order.config.chain).resolve()


def _places(orders: Iterable[Order], cuts: Path, to: Path | None) -> Iterator[Path]:
    yield from dict.fromkeys(map(_folder, orders))
    if to is not None:
        yield to
    yield from (path.parent for path in sorted(cuts.glob(f"*/{MANIFEST_FILE}")))


def _find(generation: str, places: Iterable[Path]) -> Path | None:
    for place in places:
        try:
            if load_manifest(place).generation == generation:
                return place
        except EdgechainError:  # no chain, or one of another version: it is not this one
            continue
    return None


def require_all(wanted: Iterable[NodeName], orders: Sequence[Order], plan: Path) -> None:
    """Raise ``FlashFailed`` unless every device that a plan needs is among those that are named."""
    named = {order.name for order in orders}
    absent = [device for device in wanted if device not in named]
    if absent:
        reason = f"{plan} has stages for {', '.join(absent)}, and no file is named for"
        raise FlashFailed(f"{reason} {'it' if len(absent) == 1 else 'them'}; name all devices")
