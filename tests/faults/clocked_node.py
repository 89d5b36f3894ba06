"""A node whose wall clock is not this machine's: libfaketime tells it the time.

    python -m tests.faults.clocked_node CONFIG ...

``CONFIG`` with the suffix ``.clock`` holds what libfaketime is told, and may be written again
while the node runs: ``@1970-01-01 00:00:05`` (from the node's start on), ``+365d``, ``-1``. Timers
stay true unless ``CONFIG`` with the suffix ``.timers`` exists: then they jump along.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    """Where libfaketime is on this machine; Debian's package is called faketime."""
    for pattern in LIBRARIES:
        found = sorted(Path("/").glob(pattern.lstrip("/")))
        if found:
            return found[0]
    return None


def environment(config: Path) -> dict[str, str]:
    """What the node's process is to find in its environment."""
    timers = config.with_suffix(".timers").exists()
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(config.with_suffix(".clock")),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "0" if timers else "1",
        "FAKETIME_DONT_RESET": "1",
    }


if __name__ == "__main__":
    words = [sys.executable, "-m", "edgechain.node", *sys.argv[1:]]
    os.execve(sys.executable, words, os.environ | environment(Path(sys.argv[1])))
