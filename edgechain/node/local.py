"""All nodes of a chain on this machine: what `edgechain up` and `edgechain down` do.

Each node is a real daemon process that finds the others by mDNS on loopback. While the chain
runs there is one record of it (``discovery.local``) and one directory with the nodes' configs
and logs; both are gone afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Self

from edgechain.discovery.local import (
    LocalChain,
    LocalNode,
    claim,
    forget,
    is_alive,
    process_started,
    record,
    running_chains,
    workplace,
)
from edgechain.discovery.peers import default_namespace
from edgechain.errors import AddressInUse, EdgechainError, NodeFailed, UnknownChain
from edgechain.runtime.chain_files import load_manifest, read_stage_file
from edgechain.spec.chain import ChainManifest, Stage
from edgechain.spec.config import MAX_THREADS, NodeConfig
from edgechain.spec.document import render
from edgechain.spec.ids import NodeName, is_name

START_SECONDS = 60.0
STOP_SECONDS = 10.0
"""Longer than a worker may take to end (5 s)."""

MAX_PORT = 65535
LOOPBACK = "127.0.0.1"

Progress = Callable[[str, int, int], None]
"""Told what is happening, how much of it is done and of how much."""

_KINDS: dict[str, type[EdgechainError]] = {"AddressInUse": AddressInUse}


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How the nodes are to be run. ``port`` is the first node's; 0 lets the system choose."""

    slots: int = 8
    threads: int = 0
    """Per stage; 0 shares this machine's processors out."""
    interpreter: Literal["auto", "litert", "tflite"] = "auto"
    port: int = 0
    namespace: str = field(default_factory=default_namespace)


@dataclass(slots=True)
class _Child:
    """One node process and the pipe it reports on."""

    stage: Stage
    process: asyncio.subprocess.Process
    reports: asyncio.StreamReader
    pipe: asyncio.ReadTransport
    log: Path
    reported: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def expect(self, event: str) -> None:
        """Wait until the node has reported an event. Raises what it says went wrong instead."""
        while event not in self.reported:
            line = await self.reports.readline()
            report = json.loads(line) if line else {"event": "failed", "reason": self.last_words()}
            self.reported[report["event"]] = report
            if report["event"] == "failed":
                kind = _KINDS.get(report.get("kind", ""), NodeFailed)
                raise kind(f"node of stage {self.stage.name}: {report['reason']}")

    def manner(self) -> str:
        """How it ended."""
        code = self.process.returncode or 0
        return f"was killed by signal {-code}" if code < 0 else f"ended: {self.last_words()}"

    def last_words(self) -> str:
        """The end of its log, once it has ended."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it ended and said nothing"


class LocalChainRunner:
    """Starts a chain's nodes, one a stage. ``async with`` ends them again unless ``detach``.

    Raises ``ChainAlreadyRunning``, or what keeps a node from starting; nothing is left then.
    """

    def __init__(
        self,
        directory: Path,
        name: str | None,
        options: LocalOptions,
        *,
        detach: bool,
        progress: Progress,
    ):
        self._directory = directory.resolve()
        self._manifest: ChainManifest = load_manifest(self._directory)
        self._name = name or self._manifest.name
        self._options = options
        self._detach = detach
        self._progress = progress
        self._children: list[_Child] = []
        self._lifeline: tuple[int, int] | None = None
        self.chain: LocalChain | None = None

    async def __aenter__(self) -> Self:
        last = self._options.port + len(self._manifest.stages) - 1
        if self._options.port and last > MAX_PORT:
            raise AddressInUse(f"the nodes would need port {last}, and the last one is {MAX_PORT}")
        for stage in self._manifest.stages:
            if stage.file is not None:
                read_stage_file(self._directory, stage)
        with claim(self._name):
            try:
                await self._start()
            except BaseException:
                await self._stop()
                raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._detach and exc[0] is None:
            self._let_go()
        else:
            await self._stop()

    async def _start(self) -> None:
        self._workplace.mkdir(parents=True, exist_ok=True)
        if not self._detach:
            self._lifeline = os.pipe()
        for number, stage in enumerate(self._manifest.stages):
            self._children.append(await self._spawn(number, stage))
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._await_all("listening", "starting nodes")
                self.chain = self._describe()
                record(self.chain)
                await self._await_all("linked", "nodes finding each other")
        except TimeoutError:
            raise NodeFailed(f"the nodes were not ready after {START_SECONDS:.0f} s") from None

    @property
    def _workplace(self) -> Path:
        return workplace(self._name)

    async def _spawn(self, number: int, stage: Stage) -> _Child:
        config = self._workplace / f"{stage.name}.yaml"
        config.write_text(render(self._config(number, stage)), encoding="utf-8")
        reading, writing = os.pipe()
        inherited = [writing]
        command = [sys.executable, "-m", "edgechain.node", str(config)]
        command += ["--announce-fd", str(writing)]
        if self._lifeline is not None:
            inherited.append(self._lifeline[0])
            command += ["--lifeline-fd", str(self._lifeline[0])]
        log = config.with_suffix(".log")
        try:
            process = await _start_process(command, inherited, log)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        reports, pipe = await _open_pipe(reading)
        return _Child(stage, process, reports, pipe, log)

    def _node_name(self, number: int, stage: Stage) -> NodeName:
        """The stage's name where there is room for it, and its number otherwise."""
        name = f"{self._name}-{stage.name}"
        return name if is_name(name) else f"{self._name[:56]}-{number}"

    def _config(self, number: int, stage: Stage) -> NodeConfig:
        options = self._options
        share = max(1, min(MAX_THREADS, (os.cpu_count() or 1) // len(self._manifest.stages)))
        return NodeConfig(
            name=self._node_name(number, stage),
            chain=str(self._directory),
            stages=(stage.name,),
            chain_name=self._name,
            namespace=options.namespace,
            host=LOOPBACK,
            port=options.port + number if options.port else 0,
            interfaces=(LOOPBACK,),
            slots=options.slots,
            threads=options.threads or share,
            interpreter=options.interpreter,
        )

    async def _await_all(self, event: str, what: str) -> None:
        done, total = 0, len(self._children)
        self._progress(what, done, total)

        async def expect(child: _Child) -> None:
            nonlocal done
            await child.expect(event)
            done += 1
            self._progress(what, done, total)

        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(expect(child))
        except BaseExceptionGroup as error:
            raise error.exceptions[0] from None

    def _describe(self) -> LocalChain:
        nodes = tuple(
            LocalNode(
                name=self._node_name(number, child.stage),
                pid=child.process.pid,
                started=process_started(child.process.pid),
                address=f"{LOOPBACK}:{child.reported['listening']['port']}",
                stages=(child.stage.name,),
            )
            for number, child in enumerate(self._children)
        )
        owner = None if self._detach else os.getpid()
        return LocalChain(
            name=self._name,
            generation=self._manifest.generation,
            directory=str(self._directory),
            owner_pid=owner,
            owner_started=process_started(owner) if owner else 0,
            nodes=nodes,
        )

    async def watch(self) -> None:
        """Wait until a node ends by itself; raises ``NodeFailed`` with the end of its log."""
        waits = {asyncio.create_task(c.process.wait()): c for c in self._children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            child = waits[done.pop()]
            raise NodeFailed(f"node of stage {child.stage.name} {child.manner()}")
        finally:
            for task in waits:
                task.cancel()

    async def _stop(self) -> None:
        for child in self._children:
            if child.process.returncode is None:
                child.process.terminate()
        await asyncio.gather(*(_reap(child) for child in self._children))
        self._let_go()
        forget(self._name)

    def _let_go(self) -> None:
        for child in self._children:
            child.pipe.close()
        if self._lifeline is not None:
            for fileno in self._lifeline:
                os.close(fileno)
            self._lifeline = None


async def _start_process(
    command: list[str], inherited: list[int], log: Path
) -> asyncio.subprocess.Process:
    """A node in a session of its own: Ctrl-C is `up`'s to answer."""
    with _open_log(log) as words:
        return await asyncio.create_subprocess_exec(
            *command,
            pass_fds=inherited,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=words,
        )


def _open_log(path: Path) -> IO[bytes]:
    return path.open("wb")


async def _open_pipe(fileno: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fileno, "rb", 0)
    )
    return reader, transport


async def _reap(child: _Child) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.process.wait()
    except TimeoutError:
        child.process.kill()
        await child.process.wait()


def choose_running(name: str | None) -> LocalChain:
    """The chain of this name, or the only one. Raises ``UnknownChain``."""
    chains = running_chains()
    if name is not None:
        chains = tuple(chain for chain in chains if chain.name == name)
        if not chains:
            raise UnknownChain(f"no chain called {name!r} runs on this machine")
    if not chains:
        raise UnknownChain("no chain runs on this machine")
    if len(chains) > 1:
        names = ", ".join(chain.name for chain in chains)
        raise UnknownChain(f"several chains run on this machine; name one of: {names}")
    return chains[0]


def take_down(chain: LocalChain) -> None:
    """End a chain's nodes, and the `up` that watches over them; nothing of it stays."""
    owner = chain.owner_pid
    if owner is not None and process_started(owner) == chain.owner_started != 0:
        _end_processes({owner: chain.owner_started})
    _end_processes({node.pid: node.started for node in chain.nodes if is_alive(node)})
    forget(chain.name)


def _end_processes(started: dict[int, int]) -> None:
    """Terminate processes (id to start time) and wait; kill what is still there then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [pid for pid, start in started.items() if process_started(pid) == start]
        handles = [handle for pid in alive if (handle := _signal(pid, number)) is not None]
        for handle in handles:
            handle.wait(STOP_SECONDS)
            handle.close()


class _ProcessHandle:
    """A process that is not our child, held so that its id cannot be another's."""

    def __init__(self, pid: int):
        self._fileno = os.pidfd_open(pid)

    def signal(self, number: signal.Signals) -> None:
        signal.pidfd_send_signal(self._fileno, number)

    def wait(self, seconds: float) -> bool:
        import select  # noqa: PLC0415 - only `down` waits for processes of others

        poll = select.poll()
        poll.register(self._fileno, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def close(self) -> None:
        os.close(self._fileno)


def _signal(pid: int, number: signal.Signals) -> _ProcessHandle | None:
    try:
        handle = _ProcessHandle(pid)
        handle.signal(number)
    except ProcessLookupError:
        return None
    return handle
