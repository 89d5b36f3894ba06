"""What else is on the multicast group must not end a watch, and long names must not meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from zeroconf import ServiceStateChange

from edgechain.discovery.mdns import SERVICE, MdnsRegistry, instance_of
from edgechain.discovery.peers import PeerHint
from tests.discovery.test_mdns import HINT, LOOPBACK, Listener, announced, until


async def test_an_instance_name_that_zeroconf_refuses_does_not_end_the_watch() -> None:
    listener = Listener()
    async with MdnsRegistry([LOOPBACK]) as registry:
        for hostile in (f"{'x' * 70}.{SERVICE}", f"\x1b[31m.{SERVICE}", "evil._http._tcp.local."):
            registry._changes.put_nowait((hostile, ServiceStateChange.Added))
        task = asyncio.create_task(registry.watch(listener.on_seen, listener.on_gone))
        async with announced(HINT):
            await until(lambda: bool(listener.here) or task.done())
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert HINT in listener.here


def test_lives_of_nodes_with_long_names_are_instances_of_their_own() -> None:
    long = replace(HINT, namespace="n" * 63, name="m" * 63)
    hints = (long, replace(long, incarnation=78), replace(long, incarnation=2**63 - 1))
    instances = {instance_of(hint) for hint in hints}
    assert len(instances) == 3
    assert all(len(instance) <= 63 and "." not in instance for instance in instances)


async def test_silent_nodes_hold_up_nobody() -> None:
    """Each of them is asked for three seconds; one after the other they would take a minute."""
    listener = Listener()
    async with MdnsRegistry([LOOPBACK]) as registry:
        for number in range(20):
            silent = f"silent-{number}.{SERVICE}"
            registry._changes.put_nowait((silent, ServiceStateChange.Added))
        task = asyncio.create_task(registry.watch(listener.on_seen, listener.on_gone))
        async with announced(HINT):
            await until(lambda: HINT in listener.here)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_announced_again_is_told_again() -> None:
    listener = Listener()
    other = replace(HINT, generation="f" * 16)
    async with MdnsRegistry([LOOPBACK]) as registry, MdnsRegistry([LOOPBACK]) as teller:
        task = asyncio.create_task(registry.watch(listener.on_seen, listener.on_gone))
        for hint in (HINT, other):
            await teller.announce(hint, [LOOPBACK], 4711)
            await until(partial(_is_among, listener.here, hint))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _is_among(here: list[PeerHint], hint: PeerHint) -> bool:
    return hint in here
