"""Findings as plain lines, the worst last: that is where one looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgechain.deploy.doctor.findings import RANKS, Finding


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """From good to bad; what is equally bad stays as it was found."""
    return sorted(findings, key=lambda finding: RANKS.index(finding.severity))


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """One line for what was found, and one below it for what to do."""
    for finding in in_order(findings):
        yield f"{finding.severity:<8} {finding.code:<22} {finding.where}: {finding.what}"
        if finding.advice:
            yield f"{'':<31} -> {finding.advice}"
