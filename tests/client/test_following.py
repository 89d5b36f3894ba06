"""From generation to generation among doubles: what is announced, taken back, or only suspected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest

from edgechain.client import following as module
from edgechain.client.caller import Caller
from edgechain.client.find import Place
from edgechain.client.following import Following
from edgechain.client.session import Session
from edgechain.discovery.peers import PeerTable
from edgechain.runtime.clock import SystemClock
from edgechain.spec.chain import ChainManifest
from edgechain.spec.ids import Generation
from tests.chain.nodes import until
from tests.client.doubles import CLIENT, NODE, NotedNodes
from tests.spec.manifests import diamond

OLD, NEW, OTHER = (
    ChainManifest.sealed(**(diamond() | {"labels": (label,)})) for label in ("old", "new", "other")
)
ADDRESS = "node:1"


class StillFleet:
    """A fleet without links: the test says when it is whole."""

    def __init__(self, manifest: ChainManifest, number: int):
        self.session = Session(manifest, CLIENT, number, NotedNodes())
        self.generation = manifest.generation
        self.complete = asyncio.Event()
        self.places: set[str] = set()
        self.closed = False

    def attach(self, submitter: Any, watcher: Any) -> None:
        self.submitter, self.watcher = submitter, watcher

    def add(self, address: str, name: str = "") -> None:
        self.places.add(address)

    def addresses(self) -> tuple[str, ...]:
        return tuple(sorted(self.places))

    async def close(self) -> None:
        self.closed = True

    def becomes_whole(self) -> None:
        self.submitter.node_up(self.session, NODE, self.session.manifest.stage)
        self.submitter.on_lease(self.session, NODE, 4, 1)
        self.complete.set()
        self.watcher.on_complete(self)

    def breaks(self) -> None:
        self.submitter.node_lost(self.session, NODE, "gone")
        self.complete.clear()

    def announces(self, manifest: ChainManifest) -> None:
        self.watcher.on_superseded(self, Generation(manifest.generation), ADDRESS)


class StillCaller(Caller):
    """Makes fleets without links, and keeps them."""

    made: list[StillFleet] = []  # noqa: RUF012

    def fleet(self, manifest: ChainManifest) -> Any:
        self.made.append(StillFleet(manifest, len(self.made)))
        return self.made[-1]


class Followed(Following):
    """A connection whose nodes answer with one manifest, or not at all."""

    answer: ChainManifest | None = None

    async def _manifest(self, address: str) -> ChainManifest | None:
        return self.answer

    @property
    def now(self) -> StillFleet:
        return cast("StillFleet", self.serving)


@pytest.fixture
async def followed() -> Any:
    async def places() -> Iterable[Place]:
        return (Place(ADDRESS),)

    StillCaller.made = []
    following = Followed(StillCaller("diamond", PeerTable("ns"), SystemClock()), OLD, places)
    following.now.becomes_whole()
    yield following
    await following.close()
    assert all(fleet.closed for fleet in StillCaller.made)


async def made(count: int) -> StillFleet:
    await until(lambda: len(StillCaller.made) == count, f"fleet {count} is made")
    return StillCaller.made[-1]


async def test_an_announced_generation_serves_as_soon_as_it_is_whole(followed: Followed) -> None:
    followed.answer = NEW
    old = followed.now
    old.announces(NEW)
    old.announces(NEW)
    new = await made(2)
    await until(lambda: ADDRESS in new.places, "it is reached for")
    assert followed.now is old
    new.becomes_whole()
    assert followed.now is new
    assert followed.submitter.session is new.session
    await until(lambda: old.closed, "the old one is left")


async def test_what_is_being_left_has_nothing_to_announce(followed: Followed) -> None:
    followed.answer = NEW
    old = followed.now
    old.announces(NEW)
    (await made(2)).becomes_whole()
    old.announces(OTHER)
    await asyncio.sleep(0)
    assert len(StillCaller.made) == 2
    assert followed._asking is None


async def test_one_that_is_taken_back_before_it_is_whole(followed: Followed) -> None:
    followed.answer = NEW
    old = followed.now
    old.announces(NEW)
    new = await made(2)
    new.announces(OLD)
    await until(lambda: new.closed, "it is dropped")
    new.becomes_whole()
    assert followed.now is old


async def test_the_last_announcement_counts(followed: Followed) -> None:
    followed.answer = NEW
    followed.now.announces(NEW)
    new = await made(2)
    followed.answer = OTHER
    followed.now.announces(OTHER)
    other = await made(3)
    await until(lambda: new.closed, "the one between is dropped")
    other.becomes_whole()
    assert followed.now is other


async def test_an_announcement_that_nobody_confirms(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASK_SECONDS", 0.0)
    followed.now.announces(NEW)
    await until(lambda: followed._asking is None, "it is given up")
    followed.answer = NEW
    followed.now.announces(NEW)
    await made(2)


async def test_a_broken_chain_is_looked_for_and_forgotten_when_it_is_back(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    followed.answer = NEW
    looking = asyncio.create_task(followed.run())
    followed.now.breaks()
    new = await made(2)
    followed.now.becomes_whole()
    await until(lambda: new.closed, "nothing was announced, so nothing changes")
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert followed.now.generation == OLD.generation


async def test_a_broken_chain_that_is_another_one_now(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    followed.answer = NEW
    looking = asyncio.create_task(followed.run())
    followed.now.breaks()
    (await made(2)).becomes_whole()
    assert followed.now.generation == NEW.generation
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_a_broken_chain_that_changes_its_mind(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    followed.answer = NEW
    looking = asyncio.create_task(followed.run())
    followed.now.breaks()
    new = await made(2)
    followed.answer = OTHER
    other = await made(3)
    assert new.closed
    other.becomes_whole()
    assert followed.now is other
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
