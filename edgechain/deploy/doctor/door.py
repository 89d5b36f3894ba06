"""The doctor's door: first what everything else stands on, then the rest.

Imports nothing that may be broken before it has looked at that.
"""

from __future__ import annotations

import asyncio
import platform
import time

from edgechain.deploy.doctor.checks import packages as packages_check
from edgechain.deploy.doctor.checks import python as python_check
from edgechain.deploy.doctor.findings import Severity, worst
from edgechain.deploy.doctor.probes import packages, python
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.report import Report


def consult(question: Question) -> Report:
    """Examine this machine. What does not stand on sound packages is not examined."""
    findings = python_check.judge(python.look())
    findings += packages_check.judge(packages.look())
    if worst(tuple(findings)) is Severity.FAULT:
        return Report(platform.node(), time.time(), tuple(findings))
    from edgechain.deploy.doctor.examination import examine  # noqa: PLC0415 - it may not load

    report = asyncio.run(examine(question))
    return Report(report.machine, report.time, (*findings, *report.findings))
