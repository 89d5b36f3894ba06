"""A node with one protection of its workers taken away, for the controls.

WITHOUT=zygote|judgement python -m tests.faults.crippled_node CONFIG
"""

from __future__ import annotations

import os
import sys
from typing import Any

from edgechain.node.__main__ import main
from edgechain.runtime.patience import RunWatch
from edgechain.runtime.zygote_process import ZygoteProcess


def without_zygote() -> None:
    """Every worker imports everything anew: what it was forked from is never used again."""
    fork = ZygoteProcess.fork

    async def alone(self: ZygoteProcess, *arguments: Any) -> Any:
        await self.close()
        return await fork(self, *arguments)

    ZygoteProcess.fork = alone  # type: ignore[method-assign, assignment]


def without_judgement() -> None:
    """No run ever counts as hung."""
    RunWatch.is_hung = lambda *_, **__: False  # type: ignore[method-assign]


if __name__ == "__main__":
    {"zygote": without_zygote, "judgement": without_judgement}[os.environ["WITHOUT"]]()
    sys.exit(main())
