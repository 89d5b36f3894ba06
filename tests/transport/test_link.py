"""Links and the server over loopback gRPC: they come back, refuse by name and end cleanly."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from edgechain.errors import AddressInUse, Unavailable
from edgechain.spec.message import (
    Bye,
    Cancel,
    Hello,
    RefusalKind,
    Refused,
    Role,
    Welcome,
)
from edgechain.transport.link import Link, LinkState
from edgechain.transport.questions import fetch_manifest, fetch_status
from edgechain.transport.server import NodeServer
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import GENERATION, hop, key
from tests.timing import quickest
from tests.transport.ears import Done, Ears
from tests.transport.words import tensor

LOOPBACK = "127.0.0.1"
HELLO = Hello(Role.NODE, "asker", "ns", "chain", GENERATION)
WELCOME = Welcome(hop("answerer"), "ns", "chain", GENERATION, ("a", "b"))
SIX_MEGABYTES = random.Random(6).randbytes(6_200_000)
WITHIN = 60.0


@dataclass
class Answerer:
    """A server that says Welcome (or what it is told to) and listens."""

    answer: Welcome | Refused = WELCOME
    ears: Ears = field(default_factory=Ears)
    hellos: list[Hello] = field(default_factory=list)
    streams: list[PeerStream] = field(default_factory=list)
    ends: list[Bye | None] = field(default_factory=list)

    async def accept(self, stream: PeerStream, hello: Hello) -> None:
        self.hellos.append(hello)
        if isinstance(self.answer, Refused):
            await stream.refuse(self.answer)
            return
        stream.send(self.answer)
        self.streams.append(stream)
        self.ends.append(await stream.run(self.ears))

    async def serve(self, port: int = 0) -> tuple[NodeServer, int]:
        server = NodeServer(
            self.accept,
            status=lambda: "fine",
            manifest=lambda: "a: 1",
            now=time.monotonic,
            security=None,
        )
        return server, await server.start(LOOPBACK, port)


@dataclass
class Owner(Ears):
    """A link's owner: what the link told it."""

    ups: list[tuple[PeerStream, Welcome]] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        self.ups.append((stream, welcome))

    def on_down(self, link: Link, reason: str) -> None:
        self.downs.append(reason)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        link.close("the test is over")
        await asyncio.wait({task}, timeout=WITHIN)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert link.state is LinkState.CLOSED


@asynccontextmanager
async def served(answerer: Answerer, port: int = 0) -> AsyncIterator[int]:
    server, bound = await answerer.serve(port)
    try:
        yield bound
    finally:
        await server.stop()
        await server.stop()


def link_to(*ports: int, owner: Owner, hello: Hello = HELLO, name: str = "") -> Link:
    addresses = tuple(f"{LOOPBACK}:{port}" for port in ports)
    return Link(addresses, hello, owner, time.monotonic, name=name, security=None)


async def test_hello_welcome_both_directions_and_goodbye() -> None:
    answerer, owner = Answerer(), Owner()
    async with served(answerer) as port, running(link_to(port, owner=owner)) as link:
        await until(lambda: bool(owner.ups))
        assert (link.state, link.welcome) == (LinkState.UP, WELCOME)
        owner.ups[0][0].send(Cancel(key(1)))
        await until(lambda: bool(answerer.ears.controls))
        answerer.streams[0].send(Cancel(key(2)))
        await until(lambda: bool(owner.controls))
        link.close("enough")
        await until(lambda: bool(answerer.ends))
    assert answerer.hellos == [HELLO]
    assert answerer.ends == [Bye("enough")]
    assert (answerer.ears.controls, owner.controls) == ([Cancel(key(1))], [Cancel(key(2))])


async def test_six_megabytes_pass_both_ways() -> None:
    answerer, owner, done, back = Answerer(), Owner(), Done(), Done()
    async with served(answerer) as port, running(link_to(port, owner=owner)):
        await until(lambda: bool(owner.ups))
        owner.ups[0][0].send_tensor(tensor(SIX_MEGABYTES, done, key=key(0)))
        answerer.streams[0].send_tensor(tensor(SIX_MEGABYTES, back, key=key(1)))
        for ears, number in ((answerer.ears, 0), (owner, 1)):
            await until(lambda e=ears, n=number: e.tensors.get((n, 0)) == SIX_MEGABYTES)  # type: ignore[misc]
    assert (done.calls, back.calls) == ([True], [True])


async def test_a_link_says_how_long_the_way_there_and_back_took() -> None:
    answerer, owner = Answerer(), Owner()
    async with served(answerer) as port, running(link_to(port, owner=owner)) as link:
        await until(lambda: bool(owner.ups))
        assert link.statistics().round_trip_ms is None, "nothing has gone there yet"
        start = time.monotonic()
        owner.ups[0][0].send_tensor(tensor(SIX_MEGABYTES, Done(), key=key(0)))
        await until(lambda: link.statistics().round_trip_ms is not None)
        assert 0 < (link.statistics().round_trip_ms or 0) <= (time.monotonic() - start) * 1e3


async def test_a_link_comes_back_after_its_server_did() -> None:
    owner, first = Owner(), Answerer()
    second = Answerer(replace(WELCOME, hop=hop("answerer", life=2)))
    async with served(first) as port:
        link = link_to(port, owner=owner)
        task = asyncio.create_task(link.run())
        await until(lambda: bool(owner.ups))
    await until(lambda: bool(owner.downs))
    done = Done()
    owner.ups[0][0].send_tensor(tensor(b"late", done, key=key(0)))
    assert done.calls == [False]
    async with served(second, port):
        await until(lambda: len(owner.ups) == 2)
        assert owner.ups[1][1].hop == hop("answerer", life=2)
        link.close("enough")
        await asyncio.wait_for(task, WITHIN)
    assert len(owner.downs) == 2


async def test_the_next_address_is_tried_when_the_first_is_silent() -> None:
    owner, answerer = Owner(), Answerer()
    async with (
        served(Answerer(replace(WELCOME, hop=hop("stranger")))) as wrong,
        served(answerer) as port,
        running(link_to(wrong, port, owner=owner, name="answerer")) as link,
    ):
        await until(lambda: bool(owner.ups))
        assert link.address == f"{LOOPBACK}:{port}"
        assert "is stranger, not answerer" in link.last_error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Refused(RefusalKind.NAMESPACE, "this node is in namespace 'other'"), "namespace 'other'"),
        (Refused(RefusalKind.BUSY, "full"), "full"),
        (replace(WELCOME, version=9), "speaks wire version 9"),
    ],
)
async def test_a_refusal_is_kept_and_not_asked_for_again_at_once(
    answer: Welcome | Refused, reason: str
) -> None:
    owner, answerer = Owner(), Answerer(answer)
    async with served(answerer) as port, running(link_to(port, owner=owner)) as link:
        await until(lambda: link.state is LinkState.REFUSED)
        assert reason in link.last_error
        assert (owner.ups, owner.downs, len(answerer.hellos)) == ([], [], 1)
        answerer.answer = WELCOME
        link.retry((f"{LOOPBACK}:{port}",))
        await until(lambda: bool(owner.ups))
    assert len(answerer.hellos) == 2


async def test_a_server_with_open_streams_stops_at_once() -> None:
    async def stop() -> None:
        owner, answerer = Owner(), Answerer()
        server, port = await answerer.serve()
        async with running(link_to(port, owner=owner)) as link:
            await until(lambda: bool(owner.ups))
            await server.stop()
            await until(lambda: link.state is not LinkState.UP)
        assert owner.downs

    assert await quickest(stop, 2.0) < 2.0


async def test_tensors_under_way_are_answered_when_the_server_goes() -> None:
    owner, answerer = Owner(), Answerer()
    dones = [Done() for _ in range(8)]
    server, port = await answerer.serve()
    async with running(link_to(port, owner=owner)):
        await until(lambda: bool(owner.ups))
        for number, done in enumerate(dones):
            owner.ups[0][0].send_tensor(tensor(SIX_MEGABYTES, done, key=key(number)))
        await until(lambda: bool(answerer.ears.chunks))
        await server.stop()
        await until(lambda: bool(owner.downs))
    assert [len(done.calls) for done in dones] == [1] * 8
    assert dones[-1].calls == [False]


async def test_a_port_that_is_taken() -> None:
    async with served(Answerer()) as port:
        server = NodeServer(
            Answerer().accept, status=str, manifest=str, now=time.monotonic, security=None
        )
        with pytest.raises(AddressInUse, match=f"cannot listen on {LOOPBACK}:{port}"):
            await server.start(LOOPBACK, port)
        await server.stop()


async def test_questions() -> None:
    async with served(Answerer()) as port:
        assert await fetch_status(f"{LOOPBACK}:{port}", security=None) == "fine"
        assert await fetch_manifest(f"{LOOPBACK}:{port}", security=None) == "a: 1"
    with pytest.raises(Unavailable, match="does not answer"):
        await fetch_status(f"{LOOPBACK}:{port}", 0.5, security=None)


async def test_a_stream_that_says_no_hello_is_turned_away() -> None:
    import grpc.aio  # noqa: PLC0415 - this test speaks the wire by itself

    answerer = Answerer()
    async with (
        served(answerer) as port,
        grpc.aio.insecure_channel(f"{LOOPBACK}:{port}") as channel,
    ):
        call = channel.stream_stream("/edgechain.v1.Node/Link")()
        await call.write(b"nonsense")
        assert await call.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert answerer.hellos == []
