"""``edgechain plan``: the best placement over unlike devices, with proof, or "do not split"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from edgechain.cli.files import device_files
from edgechain.cli.output import emit_json
from edgechain.cli.plan_answer import Answer
from edgechain.cli.plan_options import (
    AsJson,
    Asked,
    Copies,
    Devices,
    Goal,
    Links,
    Listen,
    ModelFile,
    Namespace,
    Old,
    Out,
    Pins,
    Plot,
    ProblemFile,
    Wanted,
)
from edgechain.cli.refine import Asking
from edgechain.cli.trust import Identity, Insecure
from edgechain.errors import CannotPlace
from edgechain.plan.compare import chosen, compared, shared
from edgechain.plan.files import read_devices, read_links, read_plan, read_problem, write_document
from edgechain.plan.picture import drawn
from edgechain.plan.pins import pinned
from edgechain.plan.refine import refine
from edgechain.plan.svg import save
from edgechain.plan.threads import compared_on, planned, planned_with_copies, traded_on
from edgechain.plan.topology import Device, with_links, with_pins
from edgechain.plan.trade import trade
from edgechain.spec.chain import ModelSource
from edgechain.spec.graph import OpGraph
from edgechain.spec.problem import Problem


def plan(
    model: ModelFile = None,
    devices: Devices = None,
    links: Links = None,
    problem_file: ProblemFile = None,
    objective: Goal = None,
    copies: Copies = False,
    pin: Pins = None,
    out: Out = None,
    plot: Plot = None,
    old: Old = None,
    namespace: Namespace = None,
    listen: Listen = None,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Choose which device runs what, and prove how good that is."""
    asked = Asked(
        model=model,
        patterns=devices or (),
        links=links,
        problem_file=problem_file,
        objective=objective,
        copies=copies,
        pinned=pin or (),
        out=out,
        plot=plot,
        old=old,
        asking=Asking(namespace, listen, identity, insecure),
    )
    asked.check()
    _hand_over(_answer(asked), asked, as_json=as_json)


def _hand_over(answer: Answer, asked: Asked, *, as_json: bool) -> None:
    """Write the plan and draw it where that was asked for, and say it."""
    if asked.out is not None:
        write_document(asked.out, answer.file())
    if asked.plot is not None:
        save(asked.plot, drawn(answer.options))
    if as_json:
        emit_json(answer.document())
    else:
        answer.show()
    for what, file in (("Written to", asked.out), ("Drawn in", asked.plot)):
        if file is not None:
            typer.echo(f"{what} {file}", err=as_json)


def _answer(asked: Asked) -> Answer:
    """Plans for the problem that was written, or for the one that a model and devices make."""
    if asked.problem_file is not None:
        return _of_problem(_problem(asked, asked.problem_file), asked.wanted, copies=asked.copies)
    if asked.model is None:
        raise typer.BadParameter("give MODEL and --devices, or --problem")
    from edgechain.model.graph import graph_of  # noqa: PLC0415 - a problem needs no schema
    from edgechain.model.source import read_model  # noqa: PLC0415

    whole = read_model(asked.model)
    graph, source = graph_of(whole), ModelSource(file=asked.model.name, sha256=whole.sha256)
    devices = _devices(asked, whole.sha256)
    if asked.old is not None:
        return _refined(graph, devices, source, asked.old, asked)
    return _of_model(graph, devices, source, asked.wanted, copies=asked.copies)


def _problem(asked: Asked, file: Path) -> Problem:
    """The problem that was written."""
    problem = read_problem(file)
    return pinned(problem, asked.pins(), problem.called)


def _devices(asked: Asked, sha256: str) -> tuple[Device, ...]:
    """The devices as their files, measured links, and pins say."""
    devices = read_devices(device_files(asked.patterns), sha256)
    if asked.links is not None:
        devices = with_links(devices, read_links(asked.links))
    return tuple(with_pins(devices, asked.pins()))


def _of_model(
    graph: OpGraph,
    devices: Sequence[Device],
    source: ModelSource,
    wanted: Wanted,
    *,
    copies: bool,
) -> Answer:
    """Plans for a model on these devices. Raises ``CannotPlace``."""
    if wanted is Wanted.FRONT:
        options, complete = traded_on(graph, devices)
        return Answer(options, devices, source, complete=complete)
    if (one := wanted.one) is None:
        return Answer(compared_on(graph, devices), devices, source)
    best = planned_with_copies(graph, devices) if copies else planned(graph, devices, one)
    return Answer((best.option,), best.posed.devices, source, best, copied=copies)


def _of_problem(problem: Problem, wanted: Wanted, *, copies: bool) -> Answer:
    """Plans for the problem that was written. Raises ``CannotPlace``."""
    if copies:
        return Answer((shared(problem),), copied=True)
    if wanted is Wanted.FRONT:
        options, complete = trade(problem)
        return Answer(options, complete=complete)
    return Answer((chosen(problem, one),) if (one := wanted.one) else compared(problem))


def _refined(
    graph: OpGraph,
    devices: Sequence[Device],
    source: ModelSource,
    old: Path,
    asked: Asked,
) -> Answer:
    """The plan anew, after the running nodes were asked. Raises ``CannotPlace``."""
    plan = read_plan(old, source.sha256)
    if any(stage.copies for stage in plan.stages):
        raise CannotPlace(f"{old}: a plan with copies cannot be refined; plan anew, with --copies")
    from edgechain.cli.refine_ask import ask  # noqa: PLC0415 - loads gRPC, which only this needs

    found = ask(old, plan, asked.asking)
    objective = asked.objective.one if asked.objective else None
    refined = refine(graph, devices, plan, found, objective or plan.objective)
    new = refined.new
    return Answer((new.option,), new.posed.devices, source, new, refined)
