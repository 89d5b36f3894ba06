"""The links between emulated boards: a token bucket on every board's network card.

Where one board has slow links to some and quick ones to others, the card's traffic is sorted by
who it is for. The client is on the switch, and its links are quick.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tests.benchmarks.boards.scenes import FAST_MBIT, SLOW_MBIT, Scene
from tests.chain.bridges import Board

BURST = "256kb"
"""More than the largest piece that a card is handed at once."""

QUEUE = "400ms"
QUANTUM = "60000"
"""What a class may send before another one's turn; the kernel complains of more than 200,000."""


def shape(scene: Scene, boards: Sequence[Board]) -> None:
    """Give every board's card the rates of the scene."""
    for number, board in enumerate(boards):
        slow = [
            other
            for place, other in enumerate(boards)
            if scene.mbit(number, place) < FAST_MBIT and place != number
        ]
        if slow:
            _sorted(board, slow)
        else:
            _tc(board, "qdisc", "root", "tbf", *_rate(FAST_MBIT), "burst", BURST, "latency", QUEUE)


def _sorted(board: Board, slow: Sequence[Board]) -> None:
    _tc(board, "qdisc", "root", "handle", "1:", "htb", "default", "1")
    _class(board, "1:1")
    for number, other in enumerate(slow, 2):
        own = f"1:{number}"
        _class(board, own)
        tbf = (*_rate(SLOW_MBIT), "burst", BURST, "latency", QUEUE)
        _tc(board, "qdisc", "parent", own, "handle", f"{number}0:", "tbf", *tbf)
        match = ("u32", "match", "ip", "dst", f"{other.address}/32", "flowid", own)
        _tc(board, "filter", "parent", "1:", "protocol", "ip", *match)


def _class(board: Board, own: str) -> None:
    quick = ("htb", *_rate(FAST_MBIT), "burst", BURST, "quantum", QUANTUM)
    _tc(board, "class", "parent", "1:", "classid", own, *quick)


def _rate(mbit: float) -> tuple[str, str]:
    return "rate", f"{mbit:g}mbit"


def _tc(board: Board, what: str, *words: str) -> None:
    command = ["tc", what, "add", "dev", board.nic, *words]
    subprocess.run(["ip", "netns", "exec", board.namespace, *command], check=True)
