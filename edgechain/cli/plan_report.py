"""What `edgechain plan` prints of its plans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import typer

from edgechain.cli.output import brief, briefly, table
from edgechain.plan.compare import Option
from edgechain.plan.copies import loads
from edgechain.plan.explain import as_document, packed_words, proof, what_helps
from edgechain.plan.timeline import timeline
from edgechain.plan.topology import Device
from edgechain.plan.turns import hint
from edgechain.spec.plan import Placement
from edgechain.spec.printable import printable
from edgechain.spec.problem import Objective, Problem


def document(option: Option) -> dict[str, Any]:
    """One plan for scripts; with its devices' threads where they are known."""
    told = as_document(option.problem, option.placement)
    if option.threads:
        for group, share in zip(told["groups"], option.placement.shares, strict=True):
            group["threads"] = option.threads[share.board]
            if "devices" in group:
                group["threads_each"] = [option.threads[board] for board in share.boards]
    return told


def show(option: Option, *, with_threads: bool = False) -> None:
    """Print a placement for people."""
    found, score = option.placement, option.placement.score
    if found.has_copies:
        _show_loads(option, with_threads)
    else:
        _show_works(option, with_threads)
    route = " on the slowest route" if found.has_copies else ""
    say(f"  period   {score.period * 1000:.3f} ms, limited by {score.limits}")
    say(f"  latency  {score.latency * 1000:.3f} ms{route}")
    if found.packed:
        say(f"  packed   {briefly(packed_words(option.problem, found), 8)}")
    say(option.says)
    say(proof(found))


def show_what_helps(problem: Problem, found: Placement) -> None:
    """Print what would make a placement without copies better: devices, or copies."""
    for one in what_helps(problem, found)[:3]:
        gain = f"{one.gain:+.0%}" if one.gain < math.inf else "then it takes no time at all"
        say(f"would help: another {one.board}: {gain}")
    words = hint(problem, found) if found.objective is Objective.THROUGHPUT else None
    if words is not None:
        say(words)


def _show_works(option: Option, with_threads: bool) -> None:
    problem, found = option.problem, option.placement
    rows = [
        (
            *_device(option, work.share.board, with_threads),
            _units(problem, work.share.units),
            f"{work.share.seconds * 1000:.3f}",
            _share(work.seconds, found.score.period),
        )
        for work in timeline(problem, found).works
    ]
    table((*_head(with_threads), "units", "work ms", "busy"), rows, "Placement")


def _show_loads(option: Option, with_threads: bool) -> None:
    """Every device, with how many of all requests it takes."""
    problem, found = option.problem, option.placement
    rows = [
        (
            *_device(option, load.board, with_threads),
            _units(problem, load.units),
            f"{load.work * 1000:.3f}",
            f"{load.takes:.0%}",
            _share(load.busy, found.score.period),
        )
        for load in loads(problem, found)
    ]
    headers = (*_head(with_threads), "units", "work ms", "takes", "busy")
    table(headers, rows, "Placement with copies")


def _head(with_threads: bool) -> tuple[str, ...]:
    return ("device", "threads") if with_threads else ("device",)


def _device(option: Option, board: int, with_threads: bool) -> tuple[object, ...]:
    name = printable(option.problem.boards[board].name)
    return (name, option.threads[board]) if with_threads else (name,)


def _share(seconds: float, period: float) -> str:
    return f"{seconds / period:.0%}" if period else ""


def show_beside(options: Sequence[Option], complete: str | None = None) -> None:
    """Print several plans for people, what is to be said of each, and of all of them."""
    headers = ("plan", "period ms", "latency ms", "bound ms", "gap", "limited by", "devices")
    table(headers, [_row(one) for one in options], "Plans")
    for one in options:
        say(f"{one.name}: {one.says}")
    if complete is not None:
        say(complete)


def say_of_devices(devices: Sequence[Device]) -> None:
    """Print which times are no measurements; factors are."""
    names = [one.name for one in devices if not one.is_measured and not one.factors]
    if names:
        say(
            f"estimated from the kind of board, not measured: {briefly(names, 8)} "
            "(`edgechain profile` measures)"
        )


def say_of_threads(devices: Sequence[Device], found: Placement) -> None:
    """Print whose file should say another number of threads for its share."""
    for board in found.boards:
        device = devices[board]
        if device.others and device.used_threads != device.threads:
            say(
                f"{device.name} does its share sooner with `threads: {device.used_threads}`; "
                f"its file says {device.threads}"
            )


def _row(option: Option) -> tuple[str, ...]:
    found = option.placement
    devices = [printable(option.problem.boards[share.board].name) for share in found.shares]
    return (
        option.name,
        f"{found.score.period * 1000:.3f}",
        f"{found.score.latency * 1000:.3f}",
        f"{found.lower_bound * 1000:.3f}",
        f"{found.gap:.1%}",
        brief(printable(found.score.limits)),
        briefly(devices, 8),
    )


def _units(problem: Problem, units: tuple[int, ...]) -> str:
    names = [printable(problem.units[unit].name) for unit in units]
    if len(names) <= 2:
        return ", ".join(map(brief, names))
    return f"{brief(names[0], 24)} ... {brief(names[-1], 24)} ({len(names)})"


def say(line: str) -> None:
    """One line of the answer; names in it come from a file and are no commands to a terminal."""
    typer.echo(printable(line))
