"""`edgechain plan --refine`: who is asked what the stages of a plan take, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgechain.cli.output import briefly, table
from edgechain.cli.plan_report import say
from edgechain.plan.explain import WORTH, figures
from edgechain.plan.measured import LEAST_RUNS
from edgechain.plan.refine import Beside, Refined
from edgechain.spec.printable import printable


@dataclass(frozen=True, slots=True)
class Asking:
    """Which nodes are asked, for how long they are listened for, and who asks."""

    namespace: str | None = None
    listen: float | None = None
    identity: Path | None = None
    insecure: bool = False

    @property
    def is_said(self) -> bool:
        """Whether any of it was given."""
        return self != Asking()


def show_refined(refined: Refined) -> None:
    """Print what was measured beside what was predicted, and what counts for nothing."""
    headers = ("stage", "device", "nodes", "ran", "predicted ms", "measured ms", "ratio")
    table(headers, [_row(one) for one in refined.stages], "Measured")
    for one in refined.stages:
        if not one.nodes:
            say(f"{one.stage.name}: no node that answers runs it")
        elif one.measured is None:
            few = f"ran {one.runs} times on {one.device}, which is no measurement"
            say(f"{one.stage.name} {few} ({LEAST_RUNS} times are one)")
    if refined.unmeasured:
        say(f"not measured, their times stay: {briefly(refined.unmeasured, 8)}")


def show_gain(refined: Refined) -> None:
    """Print whether it is worth to move."""
    now = f"the old plan now: {figures(refined.old.found)}"
    if refined.new is refined.old:
        say(f"{now}; no better one was found")
        return
    say(f"{now}; the new one: {figures(refined.new.found)}, {refined.gain:.2f} times as fast")
    if refined.gain < 1 + WORTH:
        say("that is hardly worth another split: keep the old plan")


def as_document(refined: Refined) -> dict[str, Any]:
    """The same for scripts; milliseconds."""
    old = refined.old.found.score
    return {
        "stages": [_as_json(one) for one in refined.stages],
        "not_measured": list(refined.unmeasured),
        "old": {"period_ms": old.period * 1000, "latency_ms": old.latency * 1000},
        "gain": refined.gain,
        "kept": refined.new is refined.old,
    }


def _as_json(one: Beside) -> dict[str, Any]:
    return {
        "stage": one.stage.name,
        "device": one.device,
        "nodes": list(one.nodes),
        "ran": one.runs,
        "predicted_ms": one.predicted * 1000,
        "measured_ms": None if one.measured is None else one.measured * 1000,
        "ratio": one.factor,
    }


def _row(one: Beside) -> tuple[object, ...]:
    return (
        one.stage.name,
        one.device,
        printable(briefly(one.nodes)),
        one.runs,
        f"{one.predicted * 1000:.3f}",
        "" if one.measured is None else f"{one.measured * 1000:.3f}",
        "" if one.factor is None else f"{one.factor:.2f}",
    )
