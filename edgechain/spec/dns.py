"""Where DNS says who might be there: part of a node's file, and what clients say in one word.

discovery: dns
dns: {service: _edgechain._tcp.fleet.example}
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from edgechain.spec.tensor import Frozen

MAX_NAME = 253
"""Characters of a name in DNS as it is written (RFC 1035, section 2.3.4: 255 octets)."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")

MAX_PORT = 65535


def _check_service(text: str) -> str:
    labels = text.removesuffix(".").split(".")
    if len(text) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("is no name in DNS, such as _edgechain._tcp.fleet.example")
    return text


def _check_server(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        right = 0 < int(port) <= MAX_PORT
    except ValueError:
        right = False
    if not right:
        raise ValueError("should be the DNS server's IP address and port, such as 10.0.0.1:53")
    return text


class DnsConfig(Frozen):
    """What to ask DNS for: SRV records, as Consul and headless services of Kubernetes answer."""

    service: Annotated[str, AfterValidator(_check_service)]
    """The whole name, such as _edgechain._tcp.fleet.example."""
    server: Annotated[str, AfterValidator(_check_server)] | None = None
    """Whom to ask, address:port; this machine's own resolvers when absent."""
    seconds: float = Field(default=10.0, ge=0.1, le=3600, allow_inf_nan=False)
    """How often to ask, in seconds."""

    @classmethod
    def from_word(cls, word: str) -> Self:
        """Read ``SERVICE`` or ``SERVICE@SERVER``. Raises ``ValueError``."""
        service, at, server = word.partition("@")
        return cls(service=service, server=server if at else None)
