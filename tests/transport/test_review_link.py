"""Links that must come back: after a refusal, a deaf address, a handler that fails."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace

import pytest

from edgechain.errors import PeerRefused
from edgechain.spec.message import Cancel, Control, RefusalKind, Refused, Welcome
from edgechain.transport.link import Link, LinkState
from edgechain.transport.stream import PeerStream
from tests.runtime.keys import hop, key
from tests.timing import quickest
from tests.transport.test_link import WELCOME, Answerer, Owner, link_to, running, served, until


async def test_a_refusal_that_goes_away_is_noticed() -> None:
    """A node that is full, or still holds our lost stream, takes us a little later."""
    owner, answerer = Owner(), Answerer(Refused(RefusalKind.BUSY, "full"))
    async with served(answerer) as port, running(link_to(port, owner=owner)) as link:
        await until(lambda: link.state is LinkState.REFUSED)
        answerer.answer = WELCOME
        await until(lambda: bool(owner.ups))


async def test_a_closed_port_costs_no_time() -> None:
    async with served(Answerer()) as closed:
        pass

    async def link_up() -> None:
        owner = Owner()
        async with served(Answerer()) as port, running(link_to(closed, port, owner=owner)):
            await until(lambda: bool(owner.ups))

    assert await quickest(link_up, 3.0) < 3.0


async def test_no_addresses_change_nothing_and_the_latest_heard_of_is_tried_first() -> None:
    owner, answerer = Owner(), Answerer()
    async with served(answerer) as gone:
        pass
    async with served(answerer) as port, running(link_to(gone, owner=owner)) as link:
        await until(lambda: bool(link.last_error))
        link.retry(())
        assert link.address == f"127.0.0.1:{gone}"
        link.retry((f"127.0.0.1:{port}", f"127.0.0.1:{gone}"))
        await until(lambda: bool(owner.ups))
    assert "\n" not in link.last_error


@dataclass
class Clumsy(Owner):
    """An owner with a mistake in it."""

    mistakes: int = 1

    def on_control(self, stream: PeerStream, control: Control) -> None:
        if self.mistakes:
            self.mistakes -= 1
            raise ValueError("a mistake of ours")
        super().on_control(stream, control)


async def test_a_handler_that_fails_loses_the_stream_and_not_the_link(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner, answerer = Clumsy(), Answerer()
    async with served(answerer) as port, running(link_to(port, owner=owner)):
        await until(lambda: bool(owner.ups) and bool(answerer.streams))
        answerer.streams[0].send(Cancel(key(1)))
        await until(lambda: len(owner.ups) == 2)
        await until(lambda: len(answerer.streams) == 2)
        answerer.streams[1].send(Cancel(key(2)))
        await until(lambda: bool(owner.controls))
    assert len(owner.downs) == 2
    assert any(record.levelno == logging.ERROR for record in caplog.records)


@dataclass
class Choosy(Owner):
    """An owner that has no use for most peers."""

    wants: set[str] = field(default_factory=lambda: {"b"})

    def on_up(self, link: Link, stream: PeerStream, welcome: Welcome) -> None:
        if self.wants.isdisjoint(welcome.stages):
            raise PeerRefused("it runs nothing we need")
        super().on_up(link, stream, welcome)


async def test_a_peer_that_is_of_no_use_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgechain.transport.link.IDLE_SECONDS", 0.5)
    owner, answerer = Choosy(), Answerer(replace(WELCOME, stages=("z",)))
    async with served(answerer) as port, running(link_to(port, owner=owner)) as link:
        await until(lambda: link.state is LinkState.IDLE)
        assert (owner.ups, owner.downs) == ([], [])
        answerer.answer = replace(WELCOME, hop=hop("answerer", life=2))
        await until(lambda: bool(owner.ups))
        await asyncio.sleep(0)
        assert link.state is LinkState.UP
