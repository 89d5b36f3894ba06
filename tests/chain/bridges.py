"""Boards on a switch: network namespaces on a bridge that lives in one of its own."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

NIC = "eth0"
SWITCH = "br0"
LOCAL_CHOICES = ("EDGECHAIN_INTERFACES", "EDGECHAIN_NAMESPACE")


@dataclass(frozen=True)
class Board:
    """One namespace with one network card, called ``nic``."""

    namespace: str
    nic: str
    address: str

    def start(self, words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a command on this board; only its words say which network and fleet are meant."""
        env = {k: v for k, v in os.environ.items() if k not in LOCAL_CHOICES}
        command = ["ip", "netns", "exec", self.namespace, *words]
        with log.open("wb") as said:
            return subprocess.Popen(command, env=env, stdout=said, stderr=said)

    def run(self, words: Sequence[str], log: Path, within: float) -> None:
        """Run a command to its end; what it said is shown when it fails."""
        process = self.start(words, log)
        try:
            status = process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        assert status == 0, log.read_text()


@contextmanager
def bridge(boards: int) -> Iterator[tuple[Board, ...]]:
    """Boards on one switch; the last one is the switch itself, with an address of its own."""
    tag = f"ec{uuid.uuid4().hex[:8]}"
    net = f"10.77.{Random(tag).randrange(256)}"
    hub = Board(f"{tag}-hub", SWITCH, f"{net}.100")
    made = [hub.namespace]
    try:
        _ip("netns", "add", hub.namespace)
        # Snooping would need a querier on the switch before multicast passes.
        _ip("-n", hub.namespace, "link", "add", SWITCH, "type", "bridge", "mcast_snooping", "0")
        found = []
        for number in range(1, boards + 1):
            board = Board(f"{tag}-{number}", NIC, f"{net}.{number}")
            made.append(board.namespace)
            _plug_in(board, hub, f"port{number}")
            found.append(board)
        _give_address(hub)
        yield (*found, hub)
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)


def _plug_in(board: Board, hub: Board, port: str) -> None:
    _ip("netns", "add", board.namespace)
    peer = ("peer", "name", NIC, "netns", board.namespace)
    _ip("-n", hub.namespace, "link", "add", port, "type", "veth", *peer)
    _ip("-n", hub.namespace, "link", "set", port, "master", SWITCH, "up")
    _give_address(board)


def _give_address(board: Board) -> None:
    _ip("-n", board.namespace, "address", "add", f"{board.address}/24", "dev", board.nic)
    _ip("-n", board.namespace, "link", "set", board.nic, "up")
    _ip("-n", board.namespace, "link", "set", "lo", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
