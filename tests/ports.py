"""Ports for tests, which stay free until whoever asked for them listens there.

A port below those that Linux gives to outgoing connections is nobody's by accident: between the
look and the use no client of another test is given it, and a node that comes back finds its own.
"""

from __future__ import annotations

import socket
import uuid
from random import Random

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Below 32768, where /proc/sys/net/ipv4/ip_local_port_range begins."""

_given: set[int] = set()
"""By this process, which may hold one back for later."""


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """So many ports on loopback that nobody has, and that were never given before."""
    return [free_row(1, kind)[0] for _ in range(count)]


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def free_udp_port() -> int:
    """One for datagrams."""
    return free_ports(1, socket.SOCK_DGRAM)[0]


def free_row(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """So many free ports, one after the other."""
    dice = Random(uuid.uuid4().int)
    while True:
        first = dice.choice(PORTS[: -count or None])
        row = list(range(first, first + count))
        if _given.isdisjoint(row) and all(_is_free(port, kind) for port in row):
            _given.update(row)
            return row


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as one:
        try:
            one.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
