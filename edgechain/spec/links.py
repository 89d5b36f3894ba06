"""Links between nodes as they were measured: ``edgechain profile --links`` writes, ``plan`` reads.

links:
  pi-a:
    pi-b: {mbit: 612.4, ms: 0.31, send_ms_per_mb: 4.1, receive_ms_per_mb: 5.6, message_ms: 0.4}
  pi-b:
    pi-a: {mbit: 608.9, ms: 0.31}
"""

from __future__ import annotations

from pydantic import Field

from edgechain.spec.ids import Name
from edgechain.spec.tensor import Frozen
from edgechain.spec.topology import NetworkConfig


class LinksFile(Frozen):
    """By sender, then by receiver; what stands under a sender are ``links`` of its device file."""

    links: dict[Name, dict[Name, NetworkConfig]] = Field(min_length=1, max_length=256)
