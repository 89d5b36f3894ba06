"""A node on a board of its own: in the network namespace that stands beside its configuration.

    [WITHOUT='PROTECTION ...'] python -m tests.faults.boarded_node CONFIG ...

``CONFIG`` with the suffix ``.netns`` holds the namespace's name.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from edgechain.node.__main__ import main
from tests.faults.boards import WITHOUT
from tests.faults.namespaces import enter

if __name__ == "__main__":
    enter(Path(sys.argv[1]).with_suffix(".netns").read_text())
    with ExitStack() as stack:
        for protection in os.environ.get("WITHOUT", "").split():
            stack.enter_context(WITHOUT[protection]())
        status = main()
    sys.exit(status)
