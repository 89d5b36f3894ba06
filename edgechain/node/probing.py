"""Measuring links to other nodes for clients, one at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgechain.errors import NotMeasured, Unauthorized, UnknownNode
from edgechain.runtime.processor import is_finely_clocked, processor_seconds
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.probing import Probed, ProbeOrder
from edgechain.spec.profiling import NoKind
from edgechain.transport.probe_call import measure_link
from edgechain.transport.probe_costs import Meter


@dataclass(frozen=True, slots=True)
class Work:
    """What a node does for others: how much it has ever ``taken``, and what is ``under_way``.

    That is chunks of tensors and orders to measure a model.
    """

    taken: int = 0
    under_way: int = 0


class LinkProber:
    """A node's. ``addresses`` are those under which it has heard of another node itself.

    ``work`` says what else the node does: what its processor spends meanwhile is not the link's.
    """

    def __init__(
        self,
        name: str,
        addresses: Callable[[str], tuple[str, ...]],
        security: LinkSecurity | None,
        work: Callable[[], Work] = Work,
    ):
        self.name = name
        self._addresses = addresses
        self._security = security
        self._work = work
        self._is_busy = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While this lasts nothing else is measured here. Raises ``NotMeasured``."""
        if self._is_busy:
            raise NotMeasured(NoKind.BUSY, f"{self.name} measures a link already")
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def meter(self) -> Meter:
        """What this process spends from now on, as long as it does nothing for anybody else."""
        before = self._work()
        is_useful = not before.under_way and is_finely_clocked()
        start = processor_seconds(os.getpid())

        def seconds() -> float | None:
            if not is_useful or self._work() != before:
                return None
            return processor_seconds(os.getpid()) - start

        return seconds

    async def probe(self, order: ProbeOrder) -> Probed:
        """The link to a node, at the first of its addresses where anybody answers.

        Raises as ``measure_link``.
        """
        if order.node == self.name:
            raise NotMeasured(NoKind.MALFORMED, f"{self.name} has no link to itself")
        *others, last = dict.fromkeys((*self._addresses(order.node), *order.addresses))
        with self.alone():
            for address in others:
                try:
                    return await self._measured(address, order)
                except (UnknownNode, Unauthorized):  # another node has this address by now
                    continue
            return await self._measured(last, order)

    async def _measured(self, address: str, order: ProbeOrder) -> Probed:
        words = order.node, order.seconds, self._security
        return await measure_link(address, *words, self.meter())
