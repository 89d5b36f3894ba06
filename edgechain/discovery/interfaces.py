"""Which network interfaces discovery speaks on. The only door to ifaddr."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import ifaddr

from edgechain.errors import EdgechainError

ENVIRONMENT = "EDGECHAIN_INTERFACES"
"""Interface names or addresses, comma-separated: what is used where nothing else is said."""

_GET_FLAGS = 0x8913
"""SIOCGIFFLAGS of Linux's sockios.h: asked so, it is the caller's own network namespace."""

_UP, _LOOPBACK, _POINT_TO_POINT, _RUNNING, _MULTICAST = 0x1, 0x8, 0x10, 0x40, 0x1000
"""netdevice(7)."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface as it is now. ``addresses`` are its IPv4 addresses."""

    name: str
    index: int
    addresses: tuple[str, ...]
    is_up: bool
    is_connected: bool
    """Up, and with somebody at the other end of the cable."""
    has_multicast: bool
    is_loopback: bool
    is_point_to_point: bool


def interfaces() -> tuple[Interface, ...]:
    """Every interface of this machine, also those that are down or have no address."""
    known = _known()
    return tuple(
        _interface(index, name, tuple(a for a, interface in known if interface == name))
        for index, name in socket.if_nameindex()
    )


def _interface(index: int, name: str, addresses: tuple[str, ...]) -> Interface:
    flags = _flags(name)
    return Interface(
        name=name,
        index=index,
        addresses=addresses,
        is_up=bool(flags & _UP),
        is_connected=bool(flags & _UP and flags & _RUNNING),
        has_multicast=bool(flags & _MULTICAST),
        is_loopback=bool(flags & _LOOPBACK),
        is_point_to_point=bool(flags & _POINT_TO_POINT),
    )


def _flags(name: str) -> int:
    """An interface's flags; none where it has just gone."""
    asked = struct.pack("16sH14x", name.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _GET_FLAGS, asked)
        except OSError:
            return 0
    return int(struct.unpack_from("H", answer, 16)[0])


def multicast_addresses(wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The IPv4 addresses to speak mDNS on.

    ``wanted`` are interface names or addresses; when empty, ``EDGECHAIN_INTERFACES`` says, and
    otherwise every interface that has an address. mDNS is always given explicit addresses,
    because without a default route the system's own choice raises. Raises ``EdgechainError``
    when a wanted one does not exist.
    """
    names = tuple(wanted) or tuple(filter(None, os.environ.get(ENVIRONMENT, "").split(",")))
    known = _known()
    if not names:
        return tuple(address for address, _ in known)
    found = tuple(a for a, interface in known if a in names or interface in names)
    for name in names:
        if not any(name in pair for pair in known):
            have = ", ".join(f"{interface} ({address})" for address, interface in known)
            raise EdgechainError(f"interface {name!r} is not there or has no IPv4; have: {have}")
    return found


def reachable_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """What to tell others: loopback only where there is nothing else."""
    outside = tuple(a for a in addresses if not ipaddress.ip_address(a).is_loopback)
    return outside or tuple(addresses)


def _known() -> list[tuple[str, str]]:
    return [
        (address.ip, adapter.name)
        for adapter in ifaddr.get_adapters()
        for address in adapter.ips
        if isinstance(address.ip, str)
    ]
