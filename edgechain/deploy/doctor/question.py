"""What is asked of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LISTEN_SECONDS = 2.0
"""A responder that has just spoken waits a second before it speaks again (RFC 6762, section 6)."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which configs, which chain, who asks.

    One config is that of the node that this machine is, or is to be, unless it says that it is
    flashed to another machine; that one, or several, are of a fleet that is seen from here.
    ``chain`` is the name of the chain that is looked for, ``identity`` who asks.
    """

    configs: tuple[Path, ...] = ()
    chain: str = ""
    namespace: str = ""
    identity: Path | None = None
    insecure: bool = False
    listen: float = LISTEN_SECONDS
