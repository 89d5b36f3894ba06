"""What `edgechain flash` says: the steps and the difference before, and how it ended after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from edgechain.cli import card_report
from edgechain.cli.output import say, size
from edgechain.deploy.card import CardWritten, PreparedCard
from edgechain.deploy.carry_out import Flashed
from edgechain.deploy.difference import Changes
from edgechain.deploy.flash import Looked, Outcome
from edgechain.deploy.prepared import Prepared
from edgechain.deploy.steps import Step, StepKind, Steps

WHEEL = ".whl"


def show(prepared: Looked) -> None:
    """Print what will happen to a device or its card, and what that changes there."""
    for line in described(prepared):
        say(line)


def described(prepared: Looked) -> Iterator[str]:
    """The lines of it."""
    if isinstance(prepared, PreparedCard):
        return card_report.described(prepared)
    return _described(prepared)


def _described(prepared: Prepared) -> Iterator[str]:
    state, steps = prepared.state, prepared.steps
    runs = f"runs {state.current}" if state.current else "runs nothing of ours yet"
    kind = f"Python {state.python}, {state.machine}, {size(state.free_bytes)} free"
    yield f"{prepared.order.name}  {prepared.order.target}  {runs} ({kind})"
    if not steps.steps:
        yield "  nothing to do: it runs this already, and is well"
        return
    if steps.changes_what_runs:
        yield from (f"  {line}" for line in _difference(steps))
    for number, (kind_, words, count) in enumerate(_together(steps.steps), 1):
        sent = f"  {size(count)}" if count else ""
        yield f"  {number:2} {kind_:12} {words}{sent}"
    yield f"  {size(steps.bytes)} of files to send; {steps.kept} files are there already"


def _difference(steps: Steps) -> Iterator[str]:
    difference = steps.difference
    if difference.config:
        yield "config"
        yield from (f"  {line}" for line in difference.config)
    else:
        yield "config       as it is"
    yield f"chain        {_counted(difference.files)}"
    new = difference.wheels
    what = "kept" if not new.any else f"new: {_counted(new, brief=True)}"
    yield f"environment  {what}"


def _counted(changes: Changes, *, brief: bool = False) -> str:
    """What comes, goes and stays, by name or only how many."""
    kinds = (("new", changes.added), ("other", changes.changed), ("gone", changes.removed))
    named = [
        f"{len(names)} {word}" + ("" if brief else f" ({', '.join(names)})")
        for word, names in kinds
        if names
    ]
    kept = [f"{len(changes.kept)} kept"] if changes.kept else []
    return ", ".join(named + kept) or "nothing"


def _together(steps: Sequence[Step]) -> list[tuple[str, str, int]]:
    """The steps for people: wheels are sent as one."""
    wheels = [step for step in steps if _sends_wheel(step)]
    rest = [(step.kind.value, step.words, step.bytes) for step in steps if not _sends_wheel(step)]
    if not wheels:
        return rest
    total = sum(step.bytes for step in wheels)
    return [(StepKind.SEND.value, f"{len(wheels)} wheels", total), *rest]


def _sends_wheel(step: Step) -> bool:
    return step.kind is StepKind.SEND and step.words.endswith(WHEEL)


def ended(outcome: Outcome, *, dry_run: bool) -> str:
    """How it ended for one device, in a word."""
    if outcome.error is not None:
        return "failed"
    if outcome.flashed is not None:
        return "flashed"
    if outcome.prepared is not None and outcome.prepared.is_done:
        return "unchanged"
    return "shown" if dry_run else "declined"


def tell(outcome: Outcome) -> None:
    """Print what was done on a device, or the end of its journal when that says why not."""
    if isinstance(outcome.prepared, PreparedCard):
        card_report.tell(outcome.prepared, outcome.flashed)
    elif isinstance(outcome.flashed, Flashed):
        sent = size(outcome.flashed.bytes)
        say(f"{outcome.order.name}  runs {outcome.flashed.generation}, and is well; {sent} sent")
    for line in getattr(outcome.error, "journal", ()):
        say(f"{outcome.order.name} | {line}")


def as_json(outcome: Outcome, *, dry_run: bool) -> dict[str, Any]:
    """The same for programs."""
    told: dict[str, Any] = {
        "device": outcome.order.name,
        "target": str(outcome.order.target),
        "outcome": ended(outcome, dry_run=dry_run),
    }
    if isinstance(outcome.prepared, PreparedCard):
        told |= card_report.as_json(outcome.prepared)
    elif outcome.prepared is not None:
        told |= _steps(outcome.prepared)
    if isinstance(outcome.flashed, CardWritten):
        told |= {"bytes_written": outcome.flashed.bytes}
    elif outcome.flashed is not None:
        told |= {"generation": outcome.flashed.generation, "bytes_sent": outcome.flashed.bytes}
    if outcome.error is not None:
        told |= {"error": str(outcome.error), "journal": getattr(outcome.error, "journal", ())}
    return told


def _steps(prepared: Prepared) -> dict[str, Any]:
    state, steps = prepared.state, prepared.steps
    return {
        "current": state.current,
        "python": state.python,
        "machine": state.machine,
        "service": state.service,
        "steps": [{"kind": s.kind, "what": s.words, "bytes": s.bytes} for s in steps.steps],
        "bytes": steps.bytes,
        "kept": steps.kept,
        "difference": {
            "config": steps.difference.config,
            "files": _changes(steps.difference.files),
            "wheels": _changes(steps.difference.wheels),
        },
    }


def _changes(changes: Changes) -> dict[str, Sequence[str]]:
    return {
        "added": changes.added,
        "changed": changes.changed,
        "removed": changes.removed,
        "kept": changes.kept,
    }
