"""A node that counts, when it is sent SIGUSR1, what nobody sees from outside.

    python -m tests.faults.counted_node CONFIG ...

The answer is a line of JSON in ``CONFIG`` with the suffix ``.counts``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path

from edgechain.node.__main__ import main


def count_to(path: Path) -> None:
    """Write down how many tasks and objects there are; called in the middle of the loop."""
    gc.collect()
    counts = {"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(counts))
    draft.replace(path)


def answer_when_asked(config: Path) -> None:
    """Count on every SIGUSR1."""
    path = config.with_suffix(".counts")
    signal.signal(signal.SIGUSR1, lambda *_: count_to(path))


if __name__ == "__main__":
    answer_when_asked(Path(sys.argv[1]))
    sys.exit(main())
