"""Two registries on loopback hear of each other, of goodbyes and of next lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from edgechain.discovery.interfaces import multicast_addresses, reachable_addresses
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint
from edgechain.errors import EdgechainError
from tests.chain.nodes import NAMESPACE
from tests.timing import quickest

LOOPBACK = "127.0.0.1"
HINT = PeerHint("node", NAMESPACE, "chain", "0123456789abcdef", 77, (f"{LOOPBACK}:4711",))


@dataclass
class Listener:
    """What a registry reported of our namespace."""

    here: list[PeerHint] = field(default_factory=list)
    gone: list[PeerHint] = field(default_factory=list)

    def on_seen(self, hint: PeerHint) -> None:
        if hint.namespace == NAMESPACE:
            self.here.append(hint)

    def on_gone(self, hint: PeerHint) -> None:
        if hint.namespace == NAMESPACE:
            self.gone.append(hint)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    async with MdnsRegistry([LOOPBACK]) as registry:
        task = asyncio.create_task(registry.watch(listener.on_seen, listener.on_gone))
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def announced(hint: PeerHint, port: int = 4711) -> AsyncIterator[None]:
    async with MdnsRegistry([LOOPBACK]) as registry:
        await registry.announce(hint, [LOOPBACK], port)
        yield


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.002)


async def test_who_listens_first_hears_the_announcement_and_the_goodbye() -> None:
    async with listening() as listener:
        async with announced(HINT):
            await until(lambda: bool(listener.here))
            left = time.monotonic()
        await until(lambda: bool(listener.gone))
        assert time.monotonic() - left < 60, "the record itself would live for a quarter hour"
    assert listener.here == listener.gone == [HINT]


async def test_who_listens_late_asks_and_hears() -> None:
    async with announced(HINT), listening() as listener:
        await until(lambda: bool(listener.here))
    assert (listener.here, listener.gone) == ([HINT], [])


async def test_two_announcers_both_ways() -> None:
    second = replace(HINT, name="other", incarnation=78, addresses=(f"{LOOPBACK}:4712",))
    async with listening() as listener, announced(HINT), announced(second, 4712):
        await until(lambda: len(listener.here) >= 2)
    assert {hint.name: hint for hint in listener.here} == {"node": HINT, "other": second}


async def test_a_node_that_comes_again_is_another_life() -> None:
    later = replace(HINT, incarnation=78, addresses=(f"{LOOPBACK}:4712",))
    async with listening() as listener:
        async with announced(HINT):
            await until(lambda: HINT in listener.here)
            async with announced(later, 4712):
                await until(lambda: later in listener.here)
        await until(lambda: {HINT, later} <= set(listener.gone))


async def test_announcing_takes_no_time() -> None:
    async def announce() -> None:
        async with MdnsRegistry([LOOPBACK]) as registry:
            await registry.announce(HINT, [LOOPBACK], 4711)

    assert await quickest(announce, 0.5) < 0.5, "probing would take 1.2 s"


async def test_a_registry_that_is_not_open() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await MdnsRegistry([LOOPBACK]).announce(HINT, [LOOPBACK], 1)


def test_interfaces_by_name_and_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert multicast_addresses(["lo"]) == multicast_addresses([LOOPBACK]) == (LOOPBACK,)
    monkeypatch.setenv("EDGECHAIN_INTERFACES", "lo")
    assert multicast_addresses() == (LOOPBACK,)
    monkeypatch.setenv("EDGECHAIN_INTERFACES", "")
    assert LOOPBACK in multicast_addresses()
    with pytest.raises(EdgechainError, match=r"'nope0' is not there.*have: .*lo \(127\.0\.0\.1\)"):
        multicast_addresses(["lo", "nope0"])


def test_loopback_is_told_only_where_there_is_nothing_else() -> None:
    assert reachable_addresses([LOOPBACK]) == (LOOPBACK,)
    assert reachable_addresses([LOOPBACK, "10.0.0.1"]) == ("10.0.0.1",)
