"""The agent without its protection, for controls: it renames, and syncs nothing."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from edgechain.deploy.device.__main__ import main


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


def main_without_sync() -> int:
    """The agent as it would be if a rename were enough."""
    os.fsync = _forget
    return main()


def _forget(fd: int | _HasFileno) -> None:
    """Let the system write it some day."""


if __name__ == "__main__":
    sys.exit(main_without_sync())
