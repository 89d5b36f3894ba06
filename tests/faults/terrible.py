"""A terrible network in user space: boards on TUN devices, and a relay that loses and delays.

    python -m tests.faults.terrible SEED LOSS SHORTEST LONGEST NAMESPACE=ADDRESS ...

Every packet is lost with the probability ``LOSS``, or comes ``SHORTEST`` to ``LONGEST`` seconds
later, each for itself, so that they overtake each other. Says "ready", and what it did with how
many packets when its standard input ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import uvloop

from tests.chain.bridges import Board
from tests.faults.namespaces import inside

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
"""Linux's if_tun.h."""

DEVICE = "tun0"
PACKET_BYTES = 65536
DESTINATION = slice(16, 20)
"""Of an IPv4 header."""


@dataclass
class Relay:
    """Carries packets between boards, badly."""

    dice: Random
    loss: float
    delays: tuple[float, float]
    devices: Mapping[bytes, int]
    """The other end of each board's TUN device, by the board's address."""
    carried: int = 0
    lost: int = 0
    overtaken: int = 0
    _latest: float = 0.0

    def take(self, device: int) -> None:
        """A board sends: to be called when there is something to read."""
        loop = asyncio.get_running_loop()
        packet = os.read(device, PACKET_BYTES)
        to = self.devices.get(packet[DESTINATION])
        if to is None:
            return  # multicast and what else boards say when they boot
        if self.dice.random() < self.loss:
            self.lost += 1
            return
        self.carried += 1
        due = loop.time() + self.dice.uniform(*self.delays)
        self.overtaken += due < self._latest
        self._latest = max(self._latest, due)
        loop.call_at(due, self._give, to, packet)

    def _give(self, device: int, packet: bytes) -> None:
        try:
            os.write(device, packet)
        except BlockingIOError:
            self.lost += 1


def open_device(namespace: str, address: str, network: str) -> int:
    """Put a TUN device into a namespace and give it an address; the file descriptor to it."""
    with inside(namespace):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(device, _TUNSETIFF, request)
    for words in (
        ("address", "add", f"{address}/{network}", "dev", DEVICE),
        ("link", "set", DEVICE, "up"),
        ("link", "set", "lo", "up"),
    ):
        subprocess.run(["ip", "-n", namespace, *words], check=True)
    return device


async def run(seed: int, loss: float, delays: tuple[float, float], boards: Sequence[str]) -> None:
    """Relay until standard input ends."""
    devices = {}
    for board in boards:
        namespace, address = board.split("=")
        devices[socket.inet_aton(address)] = open_device(namespace, address, "24")
    relay = Relay(Random(seed), loss, delays, devices)
    loop = asyncio.get_running_loop()
    for device in devices.values():
        loop.add_reader(device, relay.take, device)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    counts = {"carried": relay.carried, "lost": relay.lost, "overtaken": relay.overtaken}
    sys.stdout.write(json.dumps(counts) + "\n")


@dataclass
class Counts:
    """What the relay did; set when it has ended."""

    carried: int = 0
    lost: int = 0
    overtaken: int = 0


@contextmanager
def terrible(
    boards: int, *, seed: int, loss: float, delays: tuple[float, float]
) -> Iterator[tuple[tuple[Board, ...], Counts]]:
    """So many boards on such a network."""
    tag = f"ec{uuid.uuid4().hex[:8]}"
    net = f"10.78.{Random(tag).randrange(256)}"
    made = [Board(f"{tag}-{n}", DEVICE, f"{net}.{n}") for n in range(1, boards + 1)]
    words = [sys.executable, "-m", "tests.faults.terrible", str(seed), str(loss)]
    words += [str(delay) for delay in delays]
    words += [f"{board.namespace}={board.address}" for board in made]
    counts = Counts()
    try:
        for board in made:
            subprocess.run(["ip", "netns", "add", board.namespace], check=True)
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as relay:
            assert relay.stdout is not None
            if relay.stdout.readline() != "ready\n":
                raise RuntimeError(f"the relay ended with status {relay.wait()}")
            yield tuple(made), counts
            said, _ = relay.communicate(timeout=60)
            vars(counts).update(json.loads(said))
    finally:
        for board in made:
            subprocess.run(["ip", "netns", "delete", board.namespace], check=False)


if __name__ == "__main__":
    _seed, _loss, _shortest, _longest = sys.argv[1:5]
    _delays = float(_shortest), float(_longest)
    uvloop.run(run(int(_seed), float(_loss), _delays, sys.argv[5:]))
