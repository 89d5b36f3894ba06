"""From a device's bare Python to an open session with our agent on it."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass

from edgechain.deploy.device import boot
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.wire import Wire

START_SECONDS = 60.0
"""For Python's start on a loaded board with a cold card; a Pi Zero 2 W takes two."""

_BOOT = inspect.getsource(boot)
_MAX_PIECE = 64 << 10


@dataclass(frozen=True, slots=True)
class Agent:
    """The zipped agent that is sent to devices."""

    content: bytes
    keep: bool
    """Whether the device may keep it for the next time; not when nothing is to change there."""

    def command(self, python: str, root: str | None, *more: str) -> list[str]:
        """What starts it with a device's Python; ``root`` None is the device's own default.

        ``more`` are options of the agent's own.
        """
        digest = hashlib.sha256(self.content).hexdigest()
        size, keep = str(len(self.content)), str(int(self.keep))
        return [python, "-I", "-c", _BOOT, digest, size, root or "", keep, *more]

    async def begin(self, wire: Wire) -> AgentSession:
        """The session, once the command runs at the other end of ``wire``.

        Raises ``CannotReach`` with what was said there when it does not start.
        """
        if await wire.greeting(boot.MARK, START_SECONDS) == b"-":
            for start in range(0, len(self.content), _MAX_PIECE):
                piece = self.content[start : start + _MAX_PIECE]
                await wire.write(piece, "sending the agent", START_SECONDS)
        return AgentSession(wire)
