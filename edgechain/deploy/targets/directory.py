"""A device whose ROOT is a directory of this machine: for containers, images and trials."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from edgechain.deploy.targets.address import DirectoryAddress
from edgechain.deploy.targets.agent_session import AgentSession
from edgechain.deploy.targets.bootstrap import Agent
from edgechain.deploy.targets.last_words import LastWords
from edgechain.deploy.targets.wire import Wire
from edgechain.errors import CannotReach

END_SECONDS = 5.0
"""In which an agent that is told nothing more ends by itself; then it is ended."""


@asynccontextmanager
async def directory_session(address: DirectoryAddress, agent: Agent) -> AsyncIterator[AgentSession]:
    """The same agent as on a board, as a process of ours.

    The node it starts is a process, too: this machine's service manager is none of its business.
    """
    command = agent.command(sys.executable, str(address.path), "--service", "process")
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise CannotReach(f"{address}: Python does not start: {error.strerror}") from error
    told, says, errors = _pipes(process)
    words = LastWords(errors)
    try:
        yield await agent.begin(Wire(str(address), says, told, words.all))
    finally:
        told.close()
        await _end(process)
        await words.close()


def _pipes(
    process: asyncio.subprocess.Process,
) -> tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader]:
    """Standard input, output and error; they were asked for."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("a process without pipes")
    return process.stdin, process.stdout, process.stderr


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it see the end of its input, and do not wait for ever."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
