"""A node measures real models for clients, and whatever goes wrong nothing of it is left."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgechain.client.profiling import NodeAt, profile_on
from edgechain.errors import EdgechainError, InvalidModel, NodeFailed, NotMeasured
from edgechain.node import measuring, spool
from edgechain.node.profiling import ProfileDesk
from edgechain.spec.config import NodeConfig
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.profiling import NoKind, ProfileOrder
from edgechain.transport.grpc_options import PROFILE
from edgechain.transport.profile_words import encode_order, encode_piece
from edgechain.transport.secure import open_channel
from edgechain.transport.server import NodeServer
from tests.chain.nodes import until
from tests.model.made import row
from tests.transport.test_link import LOOPBACK, Answerer
from tests.watch import processes

pytestmark = [
    pytest.mark.processes,
    pytest.mark.may_block,  # the process is started in the loop's thread, for milliseconds
]

OPERATORS = 4
MODEL = row(OPERATORS).content()
PATIENCE = 60.0


def silent(what: str, done: int, total: int) -> None:
    """Nobody listens."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is temporary."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@dataclass
class Measurer:
    """A node's desk behind a port, and what it uses of the machine."""

    desk: ProfileDesk
    address: str
    tag: str
    temporary: Path

    async def measure(
        self,
        content: bytes = MODEL,
        progress: Callable[[str, int, int], None] = silent,
        **words: Any,
    ) -> DeviceProfile:
        asked = order(content, **words)
        return await profile_on(NodeAt(self.address, None, "pi-a"), asked, content, progress)

    async def refusal(
        self, kind: type[EdgechainError], content: bytes = MODEL, **words: Any
    ) -> str:
        with pytest.raises(kind) as error:
            await self.measure(content, **words)
        assert "\n" not in str(error.value)
        return str(error.value)

    @asynccontextmanager
    async def long_one(self) -> AsyncIterator[asyncio.Task[DeviceProfile]]:
        """A measurement that goes on for long, and has begun."""
        begun = asyncio.Event()

        def progress(what: str, done: int, total: int) -> None:
            if what == "measuring":
                begun.set()

        asking = asyncio.create_task(self.measure(progress=progress, seconds=600.0))
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait((asking, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            yield asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def measuring(self) -> set[int]:
        """The processes that measure; what they start has their name until its exec."""
        found = processes.tagged(self.tag)
        named = {pid for pid in found if measuring.MODULE in processes.command_of(pid)}
        return {pid for pid in named if _leads(pid)}

    def left(self) -> list[str]:
        """What is left: files, names or not, and processes."""
        files = [str(path) for path in self.temporary.rglob("*")]
        nameless = []
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                nameless.append(str(link.readlink()))
        files += [name for name in nameless if name.startswith(str(self.temporary))]
        return files + list(map(processes.command_of, processes.tagged(self.tag)))

    async def nothing_is_left(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.left():  # noqa: ASYNC110 - what ends has no event of its own
                await asyncio.sleep(0.01)


def _leads(pid: int) -> bool:
    """Whether it is the first of its group."""
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == pid
    return False


def order(content: bytes = MODEL, **words: Any) -> ProfileOrder:
    usual: dict[str, Any] = {
        "model": "row.tflite",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "seconds": 0.05,
        "nodes": False,
    }
    return ProfileOrder(**(usual | words))


@pytest.fixture
async def measurer(temporary: Path, leaves_no_process: str) -> AsyncIterator[Measurer]:
    desk = ProfileDesk(NodeConfig(name="pi-a", insecure=True, chain="none", threads=2))
    server = NodeServer(
        Answerer().accept,
        status=str,
        manifest=str,
        now=time.monotonic,
        security=None,
        profiler=desk,
    )
    port = await server.start(LOOPBACK, 0)
    found = Measurer(desk, f"{LOOPBACK}:{port}", leaves_no_process, temporary)
    try:
        yield found
    finally:
        await desk.close()
        await server.stop()
    await found.nothing_is_left()


async def test_what_is_not_said_is_as_the_node_has_it(measurer: Measurer) -> None:
    told = []
    found = await measurer.measure(progress=lambda *words: told.append(words))
    assert (found.device, found.threads, found.model.file) == ("pi-a", 2, "row.tflite")
    assert len(found.operator_ms) == OPERATORS
    assert min(found.operator_ms) > 0
    assert ("sending", 0, 1) in told
    assert {"measuring"} < {what for what, _, _ in told}
    await measurer.nothing_is_left()


async def test_what_is_said_counts(measurer: Measurer) -> None:
    found = await measurer.measure(device="board 7", threads=1, interpreter="litert", nodes=True)
    assert (found.device, found.threads, found.interpreter) == ("board 7", 1, "litert")
    assert found.stage_ms > 0.05, "no node serves a request within 50 microseconds"
    assert found.loopback is not None
    assert found.loopback.receive_ms_per_mb > 0
    await measurer.nothing_is_left()


async def test_what_arrives_must_be_what_was_announced(measurer: Measurer) -> None:
    begun = processes.tagged(measurer.tag)
    said = await measurer.refusal(NotMeasured, sha256="0" * 64)
    assert said == "pi-a: the model's SHA-256 is not the one that was announced"
    assert processes.tagged(measurer.tag) == begun
    assert (await measurer.measure()).device == "pi-a"


async def test_too_large_a_model_is_refused_before_it_is_sent(
    measurer: Measurer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append(what)

    said = await measurer.refusal(NotMeasured, size=(512 << 20) + 1, progress=progress)
    assert said == "pi-a: the model has 536870913 bytes, and 536870912 are the most"
    monkeypatch.setattr(spool, "MOST_MODEL_BYTES", 1 << 62)
    said = await measurer.refusal(NotMeasured, size=1 << 60, progress=progress)
    assert said.startswith(f"pi-a: {measurer.temporary} has room for ")
    assert told == []


async def test_a_full_disk_is_said(temporary: Path) -> None:
    full = spool.Spool(len(MODEL), hashlib.sha256(MODEL).hexdigest())
    full._file = await asyncio.to_thread(open, "/dev/full", "wb", 0)
    with pytest.raises(NotMeasured, match="the model cannot be kept: No space left") as error:
        await full.add(MODEL)
    assert error.value.kind is NoKind.NO_ROOM
    await full.close()
    await full.close()


async def test_what_is_no_model_is_refused(measurer: Measurer) -> None:
    said = await measurer.refusal(InvalidModel, b"TFL3" * 100)
    assert said.startswith("pi-a: row.tflite: ")
    await measurer.nothing_is_left()


async def test_one_at_a_time(measurer: Measurer) -> None:
    async with measurer.long_one() as first:
        with pytest.raises(NotMeasured) as error:
            await measurer.measure()
        assert error.value.kind is NoKind.BUSY
        assert not first.done()
    await measurer.nothing_is_left()
    assert (await measurer.measure()).device == "pi-a"


async def test_an_upload_that_breaks_off_leaves_nothing(measurer: Measurer) -> None:
    async with open_channel(measurer.address, None) as channel:
        call = channel.stream_stream(PROFILE)()
        await call.write(encode_order(order()))
        assert isinstance(await call.read(), bytes)
        await call.write(encode_piece(MODEL[:100]))
        kept = str(measurer.temporary)
        await until(lambda: any(n.startswith(kept) for n in measurer.left()), "it is kept")
        call.cancel()
    await measurer.nothing_is_left()
    assert (await measurer.measure()).device == "pi-a"


async def test_who_hangs_up_ends_what_measures(measurer: Measurer) -> None:
    async with measurer.long_one():
        (pid,) = measurer.measuring()
        assert os.getpgid(pid) == pid != os.getpgid(0)
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10
    await measurer.nothing_is_left()


async def test_the_end_of_the_node_ends_what_measures(measurer: Measurer) -> None:
    async with measurer.long_one() as asking:
        await measurer.desk.close()
        await measurer.nothing_is_left()
        with pytest.raises(NodeFailed, match="pi-a: this node is about to stop"):
            await asking
    assert "about to stop" in await measurer.refusal(NodeFailed)


async def test_what_measures_may_be_killed(measurer: Measurer) -> None:
    async with measurer.long_one() as asking:
        (pid,) = measurer.measuring()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(NodeFailed, match="pi-a: what measured was killed by signal 9"):
            await asking
    await measurer.nothing_is_left()
    assert (await measurer.measure()).device == "pi-a"


async def test_what_does_not_end_is_killed(
    measurer: Measurer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "END_SECONDS", 0.1)
    async with measurer.long_one():
        (pid,) = measurer.measuring()
        os.kill(pid, signal.SIGSTOP)
    await measurer.nothing_is_left()
