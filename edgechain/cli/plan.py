"""``edgechain plan``: the best placement over unlike devices, with proof, or "do not split"."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from edgechain.cli.output import brief, briefly, emit_json, table
from edgechain.model.graph import graph_of
from edgechain.model.source import read_model
from edgechain.plan.compare import Option, chosen, compared
from edgechain.plan.explain import as_document, proof, what_helps
from edgechain.plan.files import read_devices, read_problem, write_document
from edgechain.plan.picture import drawn
from edgechain.plan.svg import printable, save
from edgechain.plan.timeline import timeline
from edgechain.plan.topology import Device, problem_on
from edgechain.plan.units import ModelProblem
from edgechain.plan.written import plan_file
from edgechain.spec.chain import ModelSource
from edgechain.spec.plan import Placement
from edgechain.spec.plan_file import PlanFile
from edgechain.spec.problem import Objective, Problem


class Wanted(StrEnum):
    """An objective, or each of them beside no split at all."""

    THROUGHPUT = Objective.THROUGHPUT.value
    LATENCY = Objective.LATENCY.value
    BOTH = "both"


def plan(
    model: Annotated[Path | None, typer.Argument(help="A .tflite file.")] = None,
    devices: Annotated[
        list[str] | None,
        typer.Option(help="Device files, or a pattern of such; repeatable. With MODEL."),
    ] = None,
    problem_file: Annotated[
        Path | None,
        typer.Option("--problem", help="Instead of MODEL: a JSON file, units, devices and links."),
    ] = None,
    objective: Annotated[
        Wanted,
        typer.Option(help="What is to be small: the period, one frame's way, or plans for both."),
    ] = Wanted.THROUGHPUT,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File for the plan; `split --plan` reads it.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw it, too: who does what when, as FILE.svg.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; with --objective both, a list.")
    ] = False,
) -> None:
    """Choose which device runs what, and prove how good that is."""
    _check_usage(model, devices, problem_file, objective, out)
    _check_plot(plot, (model, problem_file, out))
    asked = _asked(model, devices or [], problem_file)
    problem = asked.problem
    if objective is Wanted.BOTH:
        options: Sequence[Option] = compared(problem)
    else:
        options = (chosen(problem, Objective(objective)),)
    if out is not None and asked.source is not None:
        write_document(out, asked.source.plan_file(options[0].placement))
    if plot is not None:
        save(plot, drawn(problem, options))
    if as_json:
        emit_json(_document(problem, objective, options))
    elif objective is Wanted.BOTH:
        show_beside(problem, options)
    else:
        show(problem, options[0])
    if not as_json:
        _say_estimated(asked)
    for what, file in (("Written to", out), ("Drawn in", plot)):
        if file is not None:
            typer.echo(f"{what} {file}", err=as_json)


@dataclass(frozen=True)
class _Source:
    """The model that is to be placed, and the devices as their files say."""

    model: ModelSource
    placed: ModelProblem
    devices: Sequence[Device]

    def plan_file(self, found: Placement) -> PlanFile:
        return plan_file(self.model, self.placed, found, self.devices)


@dataclass(frozen=True)
class _Asked:
    problem: Problem
    source: _Source | None = None


def _asked(model: Path | None, patterns: Sequence[str], problem_file: Path | None) -> _Asked:
    """The problem that was written, or the one that a model and devices make."""
    if problem_file is not None:
        return _Asked(read_problem(problem_file))
    if model is None:
        raise typer.BadParameter("give MODEL and --devices, or --problem")
    whole = read_model(model)
    devices = read_devices(_files(patterns), whole.sha256)
    placed = problem_on(graph_of(whole), devices)
    named = ModelSource(file=model.name, sha256=whole.sha256)
    return _Asked(placed.problem, _Source(named, placed, devices))


def _files(patterns: Sequence[str]) -> list[Path]:
    """What the patterns match, each once, in alphabetical order."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = sorted(glob.glob(pattern)) or [pattern]  # noqa: PTH207 - it may be absolute
        found |= dict.fromkeys(map(Path, matches))
    return list(found)


def _say_estimated(asked: _Asked) -> None:
    devices = asked.source.devices if asked.source else ()
    names = [device.name for device in devices if not device.is_measured]
    if names:
        _say(
            f"estimated from the kind of board, not measured: {briefly(names, 8)} "
            "(`edgechain profile` measures)"
        )


def _check_usage(
    model: Path | None,
    devices: list[str] | None,
    problem_file: Path | None,
    objective: Wanted,
    out: Path | None,
) -> None:
    if (model is None) == (problem_file is None):
        raise typer.BadParameter("give MODEL and --devices, or --problem")
    if (model is None) != (not devices):
        raise typer.BadParameter("MODEL and --devices go together", param_hint="--devices")
    if out is not None and model is None:
        raise typer.BadParameter("only the plan of a MODEL is written", param_hint="--out")
    if out is not None and objective is Wanted.BOTH:
        raise typer.BadParameter("choose one --objective to write", param_hint="--out")


def _check_plot(plot: Path | None, others: Sequence[Path | None]) -> None:
    if plot is None:
        return
    if plot.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{plot} should end in .svg", param_hint="--plot")
    for other in others:
        if other is not None and plot.resolve() == other.resolve():
            raise typer.BadParameter(f"{plot} would replace {other}", param_hint="--plot")


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
