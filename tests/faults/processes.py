"""Node processes that can be killed, stopped, continued and started again, one by one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgechain.spec.identity import LinkSecurity
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status

READY_SECONDS = 60.0
END_SECONDS = 30.0

NODE = "edgechain.node"
"""The module that is run; a control's runs the same with something taken away."""


class NodeProcess:
    """One node of a chain. Each ``start`` is another life, at the same address.

    It ends with the process that started it: it holds one end of ``lifeline``.
    """

    def __init__(
        self,
        name: str,
        stages: tuple[str, ...],
        config: Path,
        address: str,
        security: LinkSecurity,
        lifeline: int,
        module: str = NODE,
    ):
        self.name, self.stages, self.address = name, stages, address
        self.module = module
        self._config = config
        self._security = security
        self._lifeline = lifeline
        self._process: subprocess.Popen[bytes] | None = None
        self._heard: dict[str, asyncio.Future[None]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._complaint = ""

    @property
    def pid(self) -> int:
        """The id of its process, also when that has ended."""
        return self._alive_or_not().pid

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start a life; returns when the process was made.

        Not by the loop's own means: uvloop forks, and where gRPC works in other threads one child
        in fifteen does not live to its exec. ``Popen`` uses vfork.
        """
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        self._heard = {event: loop.create_future() for event in ("listening", "linked")}
        words = [sys.executable, "-m", self.module, str(self._config)]
        words += ["--announce-fd", str(writing), "--lifeline-fd", str(self._lifeline)]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: ASYNC220 - for some milliseconds
                    words,
                    pass_fds=(writing, self._lifeline),
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._listening = asyncio.create_task(self._listen(reading), name=f"hear {self.name}")

    async def _listen(self, reading: int) -> None:
        """Note what the node says until it hangs up."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
        )
        try:
            while line := await reader.readline():
                said = json.loads(line)
                self._complaint = said.get("reason", self._complaint)
                future = self._heard.get(said["event"])
                if future is not None and not future.done():
                    future.set_result(None)
        finally:
            pipe.close()
            for future in self._heard.values():
                future.cancel()

    async def hears(self, event: str) -> None:
        """Wait until it has said that it is ``listening`` or ``linked``."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await asyncio.wait((self._heard[event],))
        except TimeoutError:
            raise AssertionError(f"{self.name} is not {event} yet: {self.last_words()}") from None
        if self._heard[event].cancelled():
            raise AssertionError(f"{self.name} ended: {self.last_words()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon, not to its workers."""
        self._alive_or_not().send_signal(number)

    async def kill(self) -> None:
        """``kill -9``; returns when the process is gone."""
        self.signal(signal.SIGKILL)
        await self.gone()

    async def gone(self) -> None:
        """Wait until the process has ended."""
        process = self._alive_or_not()
        if process.poll() is None:
            await _readable(os.pidfd_open(process.pid))
            process.wait()
        if self._listening is not None:
            await self._listening

    async def end(self) -> None:
        """End it as a user would, also when it is stopped; may be called twice."""
        if not self.is_running:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self.gone()
        except TimeoutError:
            await self.kill()

    async def status(self, seconds: float = 2.0) -> NodeStatus:
        """Ask it how it is. Raises ``Unavailable``."""
        text = await fetch_status(self.address, seconds, security=self._security)
        return NodeStatus.model_validate_json(text)

    @property
    def log(self) -> Path:
        """What all its lives have said."""
        return self._config.with_suffix(".log")

    def last_words(self) -> str:
        """The end of its log, and its exit status if it has ended."""
        lines = [] if self.is_running else [f"status {self._alive_or_not().returncode}"]
        lines += [self._complaint] if self._complaint else []
        if self.log.is_file():
            lines += self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return " | ".join(lines) or "it said nothing"

    def _alive_or_not(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("start() comes first")
        return self._process


async def _readable(handle: int) -> None:
    """Wait until a process has ended; its handle is closed then."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def write_config(path: Path, config: Mapping[str, Any]) -> Path:
    """A node's configuration; JSON is YAML."""
    path.write_text(json.dumps(config, indent=1))
    return path
