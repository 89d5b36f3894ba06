"""What `edgechain doctor` found, on a terminal. Loaded only where there is one."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgechain.deploy.doctor.findings import Finding, Severity
from edgechain.deploy.doctor.lines import in_order
from edgechain.deploy.doctor.report import Report

_STYLES = {
    Severity.OK: "green",
    Severity.NOTE: "dim",
    Severity.WARNING: "yellow",
    Severity.FAULT: "bold red",
}


def draw(report: Report) -> None:
    """Draw it on standard output, the worst last."""
    drawn = Table(header_style="bold")
    for header in ("", "code", "where, what, and what to do"):
        drawn.add_column(header, overflow="fold", no_wrap=header == "code")
    for finding in in_order(report.findings):
        drawn.add_row(*_cells(finding))
    Console().print(drawn)


def _cells(finding: Finding) -> tuple[Text, ...]:
    style = _STYLES[finding.severity]
    said = Text(f"{finding.where}: {finding.what}")
    said.stylize("bold", 0, len(finding.where))
    if finding.advice:
        said.append(f"\n-> {finding.advice}", style="italic")
    return Text(finding.severity, style), Text(finding.code), said
