"""A real node with a fault planted in it, which SIGUSR1 brings out.

python -m tests.chain.hung_node FAULT CONFIG

``loop``: the loop stands still. ``actor``: the actors wait for what never comes, as one with a
mistake in it would. ``none``: nothing happens; the others are compared with it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from edgechain.node.__main__ import main
from edgechain.node.daemon import Node
from edgechain.runtime.actor import StageActor

FAULTS = ("loop", "actor", "none")
BROUGHT_OUT = "the fault is brought out"
"""What it says at that moment."""


class Hanging(asyncio.Event):
    """Wakes nobody any more."""

    async def wait(self) -> bool:  # type: ignore[override]
        await asyncio.get_running_loop().create_future()
        return True


def stand_still() -> None:
    signal.sigwait({signal.SIGUSR2})


def hang(actors: tuple[StageActor, ...]) -> None:
    for actor in actors:
        waking, actor._wake = actor._wake, Hanging()
        waking.set()  # it comes round once more, and waits for the new one then


def plant(fault: str) -> None:
    """Let SIGUSR1 bring out a fault in any node of this process."""
    run = Node.run

    async def run_with_a_fault(self: Node) -> None:
        actions: dict[str, Callable[[], object]] = {
            "loop": stand_still,
            "actor": lambda: hang(self._serving_actors()),
            "none": lambda: None,
        }

        def bring_out() -> None:
            sys.stderr.write(f"{BROUGHT_OUT}\n")
            actions[fault]()

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, bring_out)
        await run(self)

    Node.run = run_with_a_fault  # type: ignore[method-assign]


if __name__ == "__main__":
    plant(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
