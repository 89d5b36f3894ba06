"""Discovery at work: this node is announced, and what is heard of others reaches its links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edgechain.discovery.interfaces import multicast_addresses, reachable_addresses
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint, PeerTable, Suggestion
from edgechain.node.generations import Generations
from edgechain.spec.config import NodeConfig
from edgechain.spec.dns import DnsConfig

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to

Listening = Callable[[tuple[str, ...]], None]
"""Told once at which of this machine's addresses others can find the node."""


class Lookout:
    """Keeps ``table`` and tells every generation what is new in it.

    ``hint`` is what to announce, and ``changed`` is set when it is another one.
    """

    def __init__(
        self,
        config: NodeConfig,
        table: PeerTable,
        generations: Generations,
        hint: Callable[[], PeerHint],
        changed: asyncio.Event,
    ):
        self._config = config
        self._table = table
        self._generations = generations
        self._hint = hint
        self._changed = changed

    async def run(self, port: int, listening: Listening) -> None:
        """Live until cancelled; with static addresses there is nothing to look out for."""
        config = self._config
        if config.discovery != "mdns":
            listening((config.host,))
            if config.dns is not None:
                await self._ask_dns(config.dns)
            return
        interfaces = multicast_addresses(config.interfaces)
        addresses = reachable_addresses(interfaces)
        if config.host not in _WILDCARDS:
            addresses = (config.host,)
        async with MdnsRegistry(interfaces) as registry, asyncio.TaskGroup() as group:
            await registry.announce(self._hint(), addresses, port)
            listening(addresses)
            group.create_task(self._announce_changes(registry, addresses, port))
            await registry.watch(self._seen, self._gone)

    async def _announce_changes(
        self, registry: MdnsRegistry, addresses: tuple[str, ...], port: int
    ) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await registry.announce(self._hint(), addresses, port)

    async def _ask_dns(self, what: DnsConfig) -> None:
        from edgechain.discovery.srv import SrvRegistry  # noqa: PLC0415 - an optional package

        chain = self._hint().chain
        await SrvRegistry(what, self._table.namespace, chain).watch(self._suggested)

    def _suggested(self, found: tuple[Suggestion, ...]) -> None:
        self._table.suggestions = found
        for running in self._generations:
            running.suggest()

    def _seen(self, hint: PeerHint) -> None:
        if self._table.seen(hint):
            for running in self._generations:
                running.seen(hint)

    def _gone(self, hint: PeerHint) -> None:
        self._table.gone(hint)
        for running in self._generations:
            running.gone(hint)
