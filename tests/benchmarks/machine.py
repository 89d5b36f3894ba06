"""Where the numbers were measured, in one line."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

BUSY = 0.3
"""Load average per core above which others visibly take part in the result."""

INTERPRETERS = ("ai-edge-litert", "tflite-runtime")
"""In the order in which the product prefers them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts about this machine. ``load`` is the one-minute load average at the start."""

    cores: int
    processor: str
    python: str
    grpcio: str
    uvloop: str
    interpreter: str
    load: float

    @property
    def busy(self) -> bool:
        """Whether somebody else was computing here when the run began."""
        return self.load > BUSY * self.cores

    def line(self) -> str:
        """All of it for people."""
        return (
            f"{self.cores} cores ({self.processor}), Python {self.python}, "
            f"grpcio {self.grpcio}, uvloop {self.uvloop}, {self.interpreter}, "
            f"load average {self.load:.2f}"
        )


def this_machine() -> Machine:
    """The machine we are on."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        python=platform.python_version(),
        grpcio=metadata.version("grpcio"),
        uvloop=metadata.version("uvloop"),
        interpreter=_interpreter(),
        load=os.getloadavg()[0],
    )


def _processor() -> str:
    """The model name where the kernel says one (x86), else the architecture."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _interpreter() -> str:
    for name in INTERPRETERS:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return "no interpreter"
