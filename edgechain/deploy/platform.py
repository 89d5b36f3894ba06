"""What a device's wheels have to fit: its Python and its processor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgechain.errors import InvalidBundle

MACHINES = ("aarch64", "x86_64")
"""What ``uname -m`` says on the devices that edgechain is flashed to: 64-bit boards, PCs."""

OLDEST_PYTHON = (3, 11)
"""Raspberry Pi OS bookworm's; trixie has 3.13."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A device's Python, as ``3.11``, and machine, as ``uname -m`` has it.

    Raises ``InvalidBundle`` for one that edgechain is not installed on.
    """

    python: str
    machine: str

    def __post_init__(self) -> None:
        if re.fullmatch(r"3\.[0-9]{1,2}", self.python) is None or self.version < OLDEST_PYTHON:
            raise InvalidBundle(f"the device has Python {self.python!r}; edgechain needs 3.11")
        if self.machine not in MACHINES:
            known = " and ".join(MACHINES)
            reason = "a 32-bit system on a 64-bit board has to be replaced by the 64-bit one"
            raise InvalidBundle(
                f"the device is {self.machine!r}; edgechain is flashed to {known} ({reason})"
            )

    @property
    def version(self) -> tuple[int, int]:
        """The Python's version as numbers."""
        major, minor = self.python.split(".")
        return int(major), int(minor)

    def __str__(self) -> str:
        return f"Python {self.python} on {self.machine}"
