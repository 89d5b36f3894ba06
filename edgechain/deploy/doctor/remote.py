"""The same examination on a device, by the environment that is installed there."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time

from edgechain.deploy.device.boot import default_root
from edgechain.deploy.device.consult import consult
from edgechain.deploy.doctor.checks.clock import SET_IT
from edgechain.deploy.doctor.findings import warning
from edgechain.deploy.doctor.probes import programs
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.report import Report
from edgechain.deploy.targets.address import CardAddress, DirectoryAddress, SshAddress, Target
from edgechain.errors import CannotReach
from edgechain.spec.printable import one_line

PATIENCE_SECONDS = 180.0
"""A Zero 2 W imports for several seconds, and loads every model once."""

MAX_CLOCK_SECONDS = 30.0
"""By how much a device's clock may differ from ours: more than connecting to it takes."""

_IMPORTS = "import os, sys\nfrom pathlib import Path\n"
_SCRIPT = f"{_IMPORTS}{inspect.getsource(default_root)}{inspect.getsource(consult)}consult()\n"


def consult_on(target: Target, question: Question) -> Report:
    """Examine a device. Raises ``CannotReach``: why, and what to do."""
    if isinstance(target, CardAddress):
        raise CannotReach(f"{target}: nothing runs on an SD card; say where its board is")
    began = time.time()
    report = _read(target, *asyncio.run(_ask(target, question)))
    return _with_clock(report, began, time.time())


async def _ask(target: SshAddress | DirectoryAddress, question: Question) -> tuple[str, str]:
    """What the device's doctor writes to standard output and standard error."""
    options = ["--listen", str(question.listen)]
    options += ["--chain", question.chain] if question.chain else []
    options += ["--namespace", question.namespace] if question.namespace else []
    if not isinstance(target, DirectoryAddress):
        from edgechain.deploy.targets.ssh import ssh_output  # noqa: PLC0415 - an optional package

        words = ["python3", "-I", "-c", _SCRIPT, target.root or "", *options]
        return await ssh_output(target, words, PATIENCE_SECONDS)
    words = [sys.executable, "-I", "-c", _SCRIPT, str(target.path), *options]
    ended = await programs.run(words, PATIENCE_SECONDS)
    if ended.status is None:
        raise CannotReach(f"{target}: nothing was said for {PATIENCE_SECONDS:.0f} s")
    return ended.out, ended.errors


def _read(target: Target, out: str, errors: str) -> Report:
    try:
        return Report.from_json(out)
    except ValueError as error:
        last = (errors.strip() or out.strip() or "it said nothing").splitlines()[-1]
        raise CannotReach(f"{target}: {one_line(last)}") from error


def _with_clock(report: Report, began: float, ended: float) -> Report:
    """With what two clocks tell: the report was made between ``began`` and ``ended`` of ours."""
    off = min(report.time - began, 0.0) or max(report.time - ended, 0.0)
    if abs(off) <= MAX_CLOCK_SECONDS:
        return report
    found = warning("clock-differs", "clock", f"it is {off:+.0f} s off this machine's", SET_IT)
    return Report(report.machine, report.time, (*report.findings, found))
