"""What `edgechain apply` prints: the running placement beside the planned one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgechain.cli.output import table
from edgechain.cli.plan_report import say
from edgechain.errors import InvalidDocument
from edgechain.plan.change import DeviceChange, Fate
from edgechain.spec.document import parse
from edgechain.spec.moving import RunningChain
from edgechain.spec.plan_file import PlanFile

_WORDS = {
    Fate.STAYS: "runs the same",
    Fate.LOADS: "loads other submodels",
    Fate.STARTS: "is started",
    Fate.ENDS: "ends when its work is done",
}
_STANDING_BY = {Fate.STARTS: "stands by no longer", Fate.ENDS: "stands by"}


def running_plan(chain: RunningChain) -> PlanFile | None:
    """The plan that the chain runs after, where there is one."""
    try:
        return parse(PlanFile, chain.plan, file="the running plan") if chain.plan else None
    except InvalidDocument:  # of another version of ours
        return None


def show(
    found: Sequence[DeviceChange], old: PlanFile | None, new: PlanFile, source: str, *, ends: bool
) -> None:
    """Print what would change, for people. ``ends``: nodes come and go with their stages."""
    words = _WORDS if ends else _WORDS | _STANDING_BY
    headers = ("device", "now", "then", "operators", "work ms", "what becomes of it")
    table(headers, [_row(one, words) for one in found], "Placement")
    period, latency = (None, None) if old is None else (old.period_ms, old.latency_ms)
    say(f"  period   {_beside(period, new.period_ms)}, limited by {new.limits}")
    say(f"  latency  {_beside(latency, new.latency_ms)}")
    say(f"the submodels: {source}")


def document(
    chain: RunningChain,
    found: Sequence[DeviceChange],
    old: PlanFile | None,
    new: PlanFile,
    source: str,
) -> dict[str, Any]:
    """The same for scripts; milliseconds."""
    return {
        "chain": chain.name,
        "generation": chain.generation,
        "source": source,
        "now": _numbers(old),
        "then": _numbers(new),
        "devices": [
            {
                "name": one.device,
                "now": list(one.now),
                "then": list(one.then),
                "operators": list(one.operators),
                "work_ms": one.work_ms,
                "what": one.fate,
            }
            for one in found
        ],
    }


def _numbers(plan: PlanFile | None) -> dict[str, float] | None:
    if plan is None:
        return None
    return {"period_ms": plan.period_ms, "latency_ms": plan.latency_ms}


def _beside(old: float | None, new: float) -> str:
    before = "not planned" if old is None else f"{old:.3f} ms"
    return f"{before} now, {new:.3f} ms then"


def _row(one: DeviceChange, words: Mapping[Fate, str]) -> tuple[object, ...]:
    return (
        one.device,
        ", ".join(one.now),
        ", ".join(one.then),
        "; ".join(one.operators),
        "" if one.work_ms is None else f"{one.work_ms:.3f}",
        words[one.fate],
    )
