"""Which network interfaces discovery speaks on. The only door to ifaddr."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence

import ifaddr

from edgechain.errors import EdgechainError

ENVIRONMENT = "EDGECHAIN_INTERFACES"
"""Interface names or addresses, comma-separated: what is used where nothing else is said."""


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
