"""What is measured on a wire of known bandwidth is what the wire has."""

from __future__ import annotations

import subprocess

import pytest

from edgechain.spec.probing import Probed
from tests.chain.bridges import Board, bridge
from tests.node.probes import listening

pytestmark = [pytest.mark.netns, pytest.mark.processes, pytest.mark.once]

TRIES = 5
"""Who has no time to keep a wire full measures less; who measures wrongly is never right."""


def shape(board: Board, mbit: float) -> None:
    """Let its card send so much."""
    words = ["tc", "qdisc", "add", "dev", board.nic, "root", "tbf"]
    words += ["rate", f"{mbit}mbit", "burst", "16kb", "latency", "400ms"]
    subprocess.run(["ip", "netns", "exec", board.namespace, *words], check=True)


@pytest.mark.parametrize(("there_mbit", "back_mbit"), [(80.0, 80.0), (35.0, 5.0), (4.0, 35.0)])
def test_the_bandwidth_is_that_of_the_wire_in_this_direction(
    there_mbit: float, back_mbit: float
) -> None:
    found: list[Probed] = []
    with bridge(2) as (here, there, _hub), listening(there) as other:
        shape(here, there_mbit)
        shape(there, back_mbit)
        while len(found) < TRIES and not (found and is_right(found[-1], there_mbit)):
            found.append(other.probed(here))
    assert is_right(found[-1], there_mbit), found
    assert min(known(found[-1])) > 0


def is_right(found: Probed, mbit: float) -> bool:
    return 0.85 * mbit < found.mbit < 1.15 * mbit and found.round_trip_ms < 20


def known(found: Probed) -> tuple[float, float]:
    """What a megabyte costs both processors."""
    assert found.send_ms_per_mb is not None
    assert found.receive_ms_per_mb is not None
    return found.send_ms_per_mb, found.receive_ms_per_mb


BURNT_MS = 20.0
"""Of every MiB; far above what sending and receiving one takes."""


def test_a_receiver_that_burns_processor_costs_what_it_burns() -> None:
    """On a wire that is fast, where little is spent on waiting for the next packet."""
    with bridge(2) as (here, there, _hub):
        with listening(there) as other:
            send, receive = known(other.probed(here))
        with listening(there, burnt_ms=BURNT_MS) as other:
            sends, wastes = known(other.probed(here))
    assert wastes - receive == pytest.approx(BURNT_MS / 1.048576, rel=0.3)
    assert abs(sends - send) < 0.3 * BURNT_MS, "the sender burns nothing"
