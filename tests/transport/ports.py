"""The one port of a node, open as long as a block runs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from edgechain.spec.identity import LinkSecurity
from edgechain.transport.server import Acceptor, NodeServer

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def opened(
    accept: Acceptor, security: LinkSecurity | None = None, **more: Any
) -> AsyncIterator[str]:
    """Its address; ``more`` is what it answers beside links, if not what is usual here."""
    usual: dict[str, Any] = {"status": lambda: "fine", "manifest": lambda: "a: 1"}
    server = NodeServer(accept, now=time.monotonic, security=security, **(usual | more))
    port = await server.start(LOOPBACK, 0)
    try:
        yield f"{LOOPBACK}:{port}"
    finally:
        await server.stop()
