"""Running another program to its end, without waiting for it for ever."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

ALSO = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/opt/vc/bin")
"""Where an administrator's programs are, although a service's path may not say so."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said. ``status`` is None where it was ended: it hung."""

    status: int | None
    out: str
    errors: str


async def find(name: str) -> str | None:
    """Where a program is."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *ALSO))
    return await asyncio.to_thread(shutil.which, name, path=path)


async def run(words: Sequence[str], seconds: float) -> Ended:
    """Run it for so long at most. Raises ``OSError`` where it cannot be started."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdin=nothing, stdout=pipe, stderr=pipe)
    said = asyncio.ensure_future(process.communicate())
    try:
        done, _ = await asyncio.wait((said,), timeout=seconds)
        if not done:
            process.kill()
        out, errors = (text.decode(errors="replace") for text in await said)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return Ended(process.returncode if done else None, out, errors)
