"""A client in a process of its own: asks a chain for every ``x<number>.npz`` in a folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import edgechain
from edgechain.client.archives import read_npz, write_npz

PATIENCE = 60.0


async def main(name: str, questions: list[Path], peers: list[str]) -> None:
    """All questions at once; the answers go to ``y<number>.npz``."""
    async with edgechain.connect(name, peers=peers, mdns=not peers, timeout=PATIENCE) as chain:
        await asyncio.gather(*(ask(chain, path) for path in questions))


async def ask(chain: edgechain.Chain, path: Path) -> None:
    result = await chain.infer(read_npz(path), deadline=PATIENCE)
    write_npz(path.with_name(f"y{path.name[1:]}"), result.outputs)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], list(Path(sys.argv[2]).glob("x*.npz")), sys.argv[3:]))
