"""``edgechain plan``: the best placement over unlike devices, with proof, or "do not split"."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from edgechain.cli.output import brief, briefly, emit_json, table
from edgechain.plan.compare import Option, chosen, compared
from edgechain.plan.explain import as_document, proof, what_helps
from edgechain.plan.files import read_problem
from edgechain.plan.picture import drawn
from edgechain.plan.svg import printable, save
from edgechain.plan.timeline import timeline
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem


class Wanted(StrEnum):
    """An objective, or each of them beside no split at all."""

    THROUGHPUT = Objective.THROUGHPUT.value
    LATENCY = Objective.LATENCY.value
    BOTH = "both"


def plan(
    problem_file: Annotated[
        Path, typer.Option("--problem", help="JSON file: units, devices and links.")
    ],
    objective: Annotated[
        Wanted,
        typer.Option(help="What is to be small: the period, one frame's way, or plans for both."),
    ] = Wanted.THROUGHPUT,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it, too: who does what when, as FILE.svg.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --objective both, a list.")
    ] = False,
) -> None:
    """Choose which device runs what, and prove how good that is."""
    _check_usage(problem_file, plot)
    problem = read_problem(problem_file)
    if objective is Wanted.BOTH:
        options: Sequence[Option] = compared(problem)
    else:
        options = (chosen(problem, Objective(objective)),)
    if plot is not None:
        save(plot, drawn(problem, options))
    if as_json:
        emit_json(_document(problem, objective, options))
    elif objective is Wanted.BOTH:
        show_beside(problem, options)
    else:
        show(problem, options[0])
    if plot is not None:
        typer.echo(f"Drawn in {plot}", err=as_json)


def _check_usage(problem_file: Path, plot: Path | None) -> None:
    if plot is None:
        return
    if plot.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{plot} should end in .svg", param_hint="--plot")
    if plot.exists() and problem_file.exists() and plot.samefile(problem_file):
        raise typer.BadParameter(f"{plot} is the problem itself", param_hint="--plot")


def _document(problem: Problem, objective: Wanted, options: Sequence[Option]) -> Any:
    """One plan as it is, several in a list and with their names."""
    if objective is not Wanted.BOTH:
        return as_document(problem, options[0].placement)
    return [{"plan": one.name, **as_document(problem, one.placement)} for one in options]


def show(problem: Problem, option: Option) -> None:
    """Print a placement for people."""
    found = option.placement
    rows = [
        (
            printable(problem.boards[work.share.board].name),
            _units(problem, work.share.units),
            f"{work.share.seconds * 1000:.3f}",
            f"{work.seconds / found.score.period:.0%}" if found.score.period else "",
        )
        for work in timeline(problem, found).works
    ]
    table(("device", "units", "work ms", "busy"), rows, "Placement")
    score = found.score
    _say(f"  period   {score.period * 1000:.3f} ms, limited by {score.limits}")
    _say(f"  latency  {score.latency * 1000:.3f} ms")
    _say(option.says)
    _say(proof(found))
    for one in what_helps(problem, found)[:3]:
        _say(f"would help: another {one.board}: {one.gain:+.0%}")


def show_beside(problem: Problem, options: Sequence[Option]) -> None:
    """Print several plans for people, and what is to be said of each."""
    headers = ("plan", "period ms", "latency ms", "bound ms", "gap", "limited by", "devices")
    table(headers, [_row(problem, one) for one in options], "Plans")
    for one in options:
        _say(f"{one.name}: {one.says}")


def _row(problem: Problem, option: Option) -> tuple[str, ...]:
    found: Placement = option.placement
    devices = [printable(problem.boards[share.board].name) for share in found.shares]
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


def _say(line: str) -> None:
    """One line of the answer; names in it come from a file and are no commands to a terminal."""
    typer.echo(printable(line))
