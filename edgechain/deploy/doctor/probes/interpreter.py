"""What an interpreter does, seen from outside: it is tried in a process of its own.

A process, because a broken one does not raise: tflite-runtime with numpy 2 imports, and then ends
whoever calls it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgechain.deploy.doctor.checks.interpreter import InterpreterFacts
from edgechain.deploy.doctor.probes import programs
from edgechain.deploy.doctor.probes.programs import Ended

SECONDS = 60.0
"""A Zero 2 W loads 10 MB in 2 s; nothing that fits such a board needs a minute."""


async def look(wanted: str = "auto", models: Sequence[tuple[str, Path]] = ()) -> InterpreterFacts:
    """Try the interpreter that ``wanted`` means, and these stages' models."""
    words = [sys.executable, "-m", "edgechain.deploy.doctor.probes.invoke", wanted]
    ended = await programs.run([*words, *(f"{stage}={path}" for stage, path in models)], SECONDS)
    return _facts(wanted, ended.out, _manner(ended))


def _manner(ended: Ended) -> str:
    if ended.status is None:
        return f"hung for {SECONDS:.0f} s"
    if ended.status < 0:
        return f"was killed by signal {-ended.status}"
    last = next((line for line in reversed(ended.errors.splitlines()) if line.strip()), "")
    return f"exited with status {ended.status}: {last}" if ended.status else ""


def _facts(wanted: str, said: str, ended: str) -> InterpreterFacts:
    told: dict[str, Any] = {}
    stages: dict[str, str] = {}
    for line in said.splitlines():
        step = _read(line)
        if "stage" in step:
            stages[str(step["stage"])] = str(step.get("problem", ""))
        else:
            told |= step
    told.pop("done", None)
    if stages or told.get("reached") == "invoked":
        # What ends the process from here on is a model's doing, not the interpreter's.
        return InterpreterFacts(wanted, **told, stages=MappingProxyType(_blamed(stages, ended)))
    return InterpreterFacts(wanted, **told, ended=ended)


def _blamed(stages: dict[str, str], ended: str) -> dict[str, str]:
    """The stage that was under way when the process ended is the one that ended it."""
    if ended and stages:
        last = next(reversed(stages))
        return stages | {last: f"the process that loads it {ended}"}
    return stages


def _read(line: str) -> dict[str, Any]:
    """One step; an interpreter may write to standard output, too."""
    try:
        step = json.loads(line)
    except ValueError:
        return {}
    return step if isinstance(step, dict) else {}
