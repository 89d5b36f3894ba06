"""Who leases how many of a node's slots. Pure: no clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from edgechain.runtime.slots import Tenant


@dataclass(slots=True)
class _Share:
    """What one session wants, counts as holding and was told, in which lease; what it answered."""

    wanted: int
    given: int = 0
    told: int = 0
    number: int = 0
    confirmed: int = 0


class LeaseBook:
    """Who may hold how many slots; the sum never exceeds the capacity.

    Every client session gets the same share, at least one slot. A share that shrinks counts as
    given until the client says that it holds no more than the new one, so what one client gives
    back reaches another only after it is really free. Leases are numbered per session: an answer
    to an earlier lease of the same size says nothing about the last one.

    After ``drain`` nobody is let in and every share is nothing.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._shares: dict[Tenant, _Share] = {}
        self._draining = False

    def join(self, tenant: Tenant, want: int) -> bool:
        """Let a client session in; false when there are as many sessions as slots."""
        share = self._shares.get(tenant)
        if share is not None:
            share.wanted = max(1, want)
        elif self._draining or len(self._shares) >= self._capacity:
            return False
        else:
            self._shares[tenant] = _Share(max(1, want))
        return True

    def leave(self, tenant: Tenant) -> None:
        """Forget a client session; its slots are free for others, save those withheld."""
        self._shares.pop(tenant, None)

    def drain(self) -> None:
        """Take every share back, and give none any more."""
        self._draining = True

    def confirm(self, tenant: Tenant, number: int, held: int = 0) -> None:
        """The client says that it holds no more than lease ``number`` allows; the last counts.

        Nothing changes if we know that it holds more: ``held``.
        """
        share = self._shares.get(tenant)
        if share is not None and number == share.number and held <= share.told:
            share.given = share.told
            share.confirmed = number

    def changes(self, withheld: int = 0) -> list[tuple[Tenant, int, int]]:
        """The leases to tell now (session, slots, number); none without a change of facts.

        ``withheld`` slots are still at work for sessions that are gone and can not be leased.
        """
        fair = self._fair_share()
        spare = max(0, self._capacity - withheld - self.granted)
        news: list[tuple[Tenant, int, int]] = []
        for tenant, share in self._shares.items():
            goal = min(share.wanted, fair)
            grown = min(goal, share.given + spare)
            target = goal if goal < share.given else grown
            if target == share.told:
                continue
            if target > share.given:
                spare -= target - share.given
                share.given = target
            share.told = target
            share.number += 1
            news.append((tenant, target, share.number))
        return news

    def _fair_share(self) -> int:
        return 0 if self._draining else max(1, self._capacity // max(1, len(self._shares)))

    def unconfirmed(self) -> list[tuple[Tenant, int, int]]:
        """The leases (session, slots, number) that were told and not answered yet."""
        return [
            (tenant, share.told, share.number)
            for tenant, share in self._shares.items()
            if share.confirmed != share.number
        ]

    def lease(self, tenant: Tenant) -> int:
        """How many slots the client session counts as holding."""
        share = self._shares.get(tenant)
        return share.given if share else 0

    @property
    def granted(self) -> int:
        """How many slots all sessions together count as holding."""
        return sum(share.given for share in self._shares.values())

    @property
    def tenants(self) -> int:
        """How many client sessions there are."""
        return len(self._shares)
