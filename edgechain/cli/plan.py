"""``edgechain plan``: the best placement over unlike devices, with proof, or "do not split"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.output import brief, emit_json, table
from edgechain.plan.explain import as_document, proof, verdict, what_helps
from edgechain.plan.files import read_problem
from edgechain.plan.place import place
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Objective, Problem


def plan(
    problem_file: Annotated[
        Path, typer.Option("--problem", help="JSON file: units, devices and links.")
    ],
    objective: Annotated[
        Objective, typer.Option(help="What is to be small: the period or one frame's way.")
    ] = Objective.THROUGHPUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Choose which device runs what, and prove how good that is."""
    problem = read_problem(problem_file)
    found = place(problem, objective)
    if as_json:
        emit_json(as_document(problem, found))
    else:
        show(problem, found)


def show(problem: Problem, found: Placement) -> None:
    """Print a placement for people."""
    rows = [
        (
            problem.boards[share.board].name,
            _units(problem, share.units),
            f"{share.seconds * 1000:.3f}",
            f"{share.seconds / found.score.period:.0%}" if found.score.period else "",
        )
        for share in found.shares
    ]
    table(("device", "units", "work ms", "busy"), rows, "Placement")
    score = found.score
    typer.echo(f"  period   {score.period * 1000:.3f} ms, limited by {score.limits}")
    typer.echo(f"  latency  {score.latency * 1000:.3f} ms")
    typer.echo(verdict(problem, found))
    typer.echo(proof(found))
    for one in what_helps(problem, found)[:3]:
        typer.echo(f"would help: another {one.board}: {one.gain:+.0%}")


def _units(problem: Problem, units: tuple[int, ...]) -> str:
    names = [problem.units[unit].name for unit in units]
    if len(names) <= 2:
        return ", ".join(map(brief, names))
    return f"{brief(names[0], 24)} ... {brief(names[-1], 24)} ({len(names)})"
