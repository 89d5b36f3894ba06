"""What moving a chain to a plan changes, device by device. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgechain.spec.ids import NodeName, StageName
from edgechain.spec.plan_file import PlanFile


class Fate(StrEnum):
    """What becomes of a device's node."""

    STAYS = "stays"
    """It runs the same operators of the same model."""
    LOADS = "loads"
    STARTS = "starts"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What one device runs now and what it is to run, and that stages' work (milliseconds).

    ``work_ms`` is what the plan predicts for a request that goes through it, nothing where it has
    no stage.
    """

    device: NodeName
    now: tuple[StageName, ...]
    then: tuple[StageName, ...]
    operators: tuple[str, ...]
    work_ms: float | None
    fate: Fate


def assigned(stages: Mapping[StageName, tuple[NodeName, ...]]) -> dict[NodeName, tuple[str, ...]]:
    """From the devices of every stage to the stages of every device."""
    found: dict[NodeName, tuple[str, ...]] = {}
    for stage, devices in stages.items():
        for device in devices:
            found[device] = (*found.get(device, ()), stage)
    return found


def devices_of(plan: PlanFile) -> dict[StageName, tuple[NodeName, ...]]:
    """The devices of every stage of a plan."""
    return {stage.name: (stage.device, *stage.copies) for stage in plan.stages}


def changes(
    now: Mapping[NodeName, tuple[StageName, ...]], plan: PlanFile, before: PlanFile | None
) -> tuple[DeviceChange, ...]:
    """Every device that runs something ``now`` or is to, those of the plan first.

    ``before`` is the plan that the chain runs after, where there is one.
    """
    then = assigned(devices_of(plan))
    planned = {stage.name: stage for stage in plan.stages}
    earlier = _operators(before)
    found = []
    for device in (*then, *(name for name in now if name not in then)):
        stages = tuple(planned[name] for name in then.get(device, ()))
        operators = tuple(str(stage.operators) for stage in stages)
        had = tuple(earlier.get(name, "") for name in now.get(device, ()))
        same = before is not None and before.model == plan.model and had == operators
        found.append(
            DeviceChange(
                device,
                now.get(device, ()),
                then.get(device, ()),
                operators,
                sum(stage.work_ms for stage in stages) if stages else None,
                _fate(bool(now.get(device)), bool(stages), same),
            )
        )
    return tuple(found)


def _operators(plan: PlanFile | None) -> dict[StageName, str]:
    return {} if plan is None else {stage.name: str(stage.operators) for stage in plan.stages}


def _fate(runs: bool, is_to: bool, same: bool) -> Fate:
    if not is_to:
        return Fate.ENDS
    if not runs:
        return Fate.STARTS
    return Fate.STAYS if same else Fate.LOADS
