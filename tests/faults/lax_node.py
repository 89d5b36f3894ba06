"""A node that serves whoever comes, whatever generation they name.

    python -m tests.faults.lax_node CONFIG ...

With such nodes a route spans generations: the control of the swap suite.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from edgechain.node.__main__ import main
from edgechain.node.exchange import Exchange
from edgechain.node.generation import RunningGeneration
from edgechain.node.generations import Generations
from edgechain.spec.ids import Generation
from edgechain.spec.message import Chunk


def serve_whoever_comes() -> None:
    """Take every Hello and every key as if they named the generation that serves."""
    refusal = Exchange._refusal

    def lax_pick(self: Generations, generation: Generation | None) -> RunningGeneration | None:
        del generation
        return self.current

    def lax_refusal(self: Exchange, chunk: Chunk) -> Any:
        ours = Generation(self._manifest.generation)
        return refusal(self, replace(chunk, key=chunk.key._replace(generation=ours)))

    Generations.pick = lax_pick  # type: ignore[method-assign]
    Exchange._refusal = lax_refusal  # type: ignore[method-assign]


if __name__ == "__main__":
    serve_whoever_comes()
    sys.exit(main())
