"""`edgechain doctor`: what is wrong, here or on a device, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgechain.cli.files import device_files
from edgechain.cli.output import say
from edgechain.cli.trust import Identity, Insecure
from edgechain.deploy.doctor.door import consult
from edgechain.deploy.doctor.findings import Severity
from edgechain.deploy.doctor.lines import lines
from edgechain.deploy.doctor.question import LISTEN_SECONDS, Question
from edgechain.deploy.doctor.remote import consult_on
from edgechain.deploy.doctor.report import Report
from edgechain.deploy.targets.address import parse_target


def doctor(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(help="one: of the node that this machine is to be; several: a fleet's"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--on", help="look at a device: ssh://[user@]host[:port][/root] or dir:PATH"),
    ] = None,
    chain: Annotated[str, typer.Option(help="the chain that is looked for")] = "",
    namespace: Annotated[str, typer.Option(help="which fleet")] = "",
    listen: Annotated[
        float, typer.Option(min=0.1, max=60.0, help="seconds to listen for nodes")
    ] = LISTEN_SECONDS,
    identity: Identity = None,
    insecure: Insecure = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Find out what is wrong: on this machine, around it, or on a device.

    Changes nothing. Exits with 1 when there is a fault.
    """
    question = Question(
        configs=tuple(device_files([str(config) for config in configs or ()])),
        chain=chain,
        namespace=namespace,
        identity=identity,
        insecure=insecure,
        listen=listen,
    )
    report = consult(question) if target is None else _consult_there(target, question)
    if as_json:
        say(report.to_json())
    else:
        _show(report)
    if report.severity is Severity.FAULT:
        raise typer.Exit(1)


def _consult_there(target: str, question: Question) -> Report:
    if question.configs:
        reason = "looks at the config that is installed there; leave CONFIG out"
        raise typer.BadParameter(reason, param_hint="--on")
    try:
        place = parse_target(target)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--on") from None
    return consult_on(place, question)


def _show(report: Report) -> None:
    """The worst last; all is well where nothing is worse than a note."""
    if sys.stdout.isatty():
        from edgechain.cli.doctor_table import draw  # noqa: PLC0415 - only a terminal needs it

        draw(report)
    else:
        say("\n".join(lines(report.findings)))
    say(_verdict(report))


def _verdict(report: Report) -> str:
    faults, warnings = (
        sum(finding.severity is severity for finding in report.findings)
        for severity in (Severity.FAULT, Severity.WARNING)
    )
    if not faults and not warnings:
        return f"{report.machine}: all is well"
    return f"{report.machine}: {_counted(faults, 'fault')}, {_counted(warnings, 'warning')}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
