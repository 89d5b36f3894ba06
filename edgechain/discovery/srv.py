"""Finding peers by DNS SRV records: what Consul and headless services of Kubernetes answer.

The only door to dnspython. A record suggests an address and proves nothing: who answers there
its link finds out. TXT records that come along may say more (``id``, ``ns``, ``chain``, the keys
of mDNS): whom to expect there, and what is not worth a try.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgechain.discovery.peers import Suggestion
from edgechain.errors import EdgechainError, MissingDependency
from edgechain.spec.dns import DnsConfig
from edgechain.spec.ids import is_name
from edgechain.spec.printable import one_line

try:
    import dns.asyncresolver
    import dns.exception
    import dns.resolver
    from dns.rdatatype import AAAA, SRV, TXT, A, RdataType
except ImportError as error:
    raise MissingDependency(
        "discovery by DNS needs dnspython, which is not installed here; "
        "pip install 'edgechain[dns]'"
    ) from error

_LOG = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0
"""For a question with its repetitions, and again for the addresses that its answer leaves open."""

MAX_RECORDS = 256
"""Of an answer so many are looked at, those of the best priority; a chain has no more stages."""

MAX_ADDRESSES = 16
"""Of one target; a board has two or three."""

MAX_ASKING = 8
"""Questions for addresses that are under way at the same time."""

PAYLOAD_BYTES = 1232
"""What an answer by UDP may have without being cut in pieces on its way (DNS flag day 2020)."""

Additional = Mapping[tuple[Any, RdataType], Any]
"""What came along with an answer, by name and type."""

Found = Callable[[tuple[Suggestion, ...]], None]


@dataclass(frozen=True, slots=True)
class Record:
    """One SRV record with what came along: addresses without ports, TXT as pairs."""

    port: int
    addresses: tuple[str, ...]
    txt: Mapping[str, str]


def suggestions(records: Iterable[Record], namespace: str, chain: str) -> tuple[Suggestion, ...]:
    """What records suggest to somebody of this namespace and chain (any, where it is empty). Pure.

    Addresses of the same name are one peer's. There are at most ``MAX_RECORDS``.
    """
    found: dict[str, Suggestion] = {}
    for record in records:
        said = record.txt
        if said.get("ns", namespace) != namespace or (chain and said.get("chain", chain) != chain):
            continue
        name = said["id"] if is_name(said.get("id", "")) else ""
        for address in record.addresses:
            place = f"[{address}]:{record.port}" if ":" in address else f"{address}:{record.port}"
            before = found[name].addresses if name in found else ()
            addresses = tuple(dict.fromkeys((*before, place)))[:MAX_ADDRESSES]
            one = Suggestion(addresses, name)
            found[one.label] = one
    return tuple(found.values())[:MAX_RECORDS]


class SrvRegistry:
    """Asks for one service, for somebody of this namespace and chain (any if empty)."""

    def __init__(self, what: DnsConfig, namespace: str, chain: str = ""):
        self._what = what
        self._namespace = namespace
        self._chain = chain
        self._resolver: Any = None

    async def look(self) -> tuple[Suggestion, ...]:
        """What DNS says now. Raises ``EdgechainError`` when it says nothing of use."""
        try:
            if self._resolver is None:
                self._resolver = await asyncio.to_thread(_resolver, self._what.server)
            return suggestions(await self._records(), self._namespace, self._chain)
        except (dns.exception.DNSException, OSError) as error:
            where = f" ({self._what.server})" if self._what.server else ""
            verdict = one_line(type(error).__doc__ or type(error).__name__)
            raise EdgechainError(
                f"DNS{where} does not answer for {self._what.service}: {verdict}"
            ) from error

    async def watch(self, found: Found) -> None:
        """Report all that DNS says, again and again until cancelled.

        While it says nothing of use what it said before goes on to hold.
        """
        trouble = ""
        while True:
            try:
                found(await self.look())
                trouble = ""
            except EdgechainError as error:
                if str(error) != trouble:
                    _LOG.warning("%s", error)
                trouble = str(error)
            await asyncio.sleep(self._what.seconds)

    async def _records(self) -> list[Record]:
        try:
            answer = await self._ask(self._what.service, SRV)
        except dns.resolver.NXDOMAIN:
            return []
        ranked = sorted(answer.rrset or (), key=lambda srv: (srv.priority, -srv.weight, srv))
        usable = [srv for srv in ranked if srv.port and len(srv.target) > 1][:MAX_RECORDS]
        more = {(rrset.name, rrset.rdtype): rrset for rrset in answer.response.additional}
        asking = asyncio.Semaphore(MAX_ASKING)
        return await _in_time([self._complete(srv, more, asking) for srv in usable])

    async def _complete(self, srv: Any, more: Additional, asking: asyncio.Semaphore) -> Record:
        """One record with its addresses, IPv4 where there is one: each is tried as a node's."""
        for kind in (A, AAAA):
            if addresses := _addresses(more.get((srv.target, kind), ())):
                break
        else:
            async with asking:
                addresses = await self._addresses(srv.target)
        return Record(srv.port, addresses, _pairs(more.get((srv.target, TXT), ())))

    async def _addresses(self, target: Any) -> tuple[str, ...]:
        """Of a target whose addresses did not come along; none where nobody knows any."""
        for kind in (A, AAAA):
            try:
                answer = await self._ask(target, kind)
            except dns.exception.DNSException:
                return ()
            if addresses := _addresses(answer.rrset or ()):
                return addresses
        return ()

    async def _ask(self, name: Any, kind: RdataType) -> Any:
        return await self._resolver.resolve(
            name, kind, raise_on_no_answer=False, search=False, lifetime=ANSWER_SECONDS
        )


def _resolver(server: str | None) -> Any:
    """Whoever answers; reads this machine's configuration where no server is named."""
    resolver = dns.asyncresolver.Resolver(configure=server is None)
    if server is not None:
        host, _, port = server.rpartition(":")
        resolver.nameservers = [host.removeprefix("[").removesuffix("]")]
        resolver.port = int(port)
    resolver.use_edns(0, 0, PAYLOAD_BYTES)
    return resolver


async def _in_time(completing: list[Coroutine[Any, Any, Record]]) -> list[Record]:
    """Those that are complete in time; one whose server is gone holds up nobody."""
    if not completing:
        return []
    tasks = [asyncio.ensure_future(one) for one in completing]
    try:
        await asyncio.wait(tasks, timeout=ANSWER_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    return [one for one in ended if isinstance(one, Record)]


def _addresses(rrset: Iterable[Any]) -> tuple[str, ...]:
    few = itertools.islice(rrset, MAX_ADDRESSES)
    return tuple(str(ipaddress.ip_address(one.address)) for one in few)


def _pairs(rrset: Iterable[Any]) -> dict[str, str]:
    """TXT strings of the form ``key=value``."""
    texts = (text.decode(errors="replace") for one in rrset for text in one.strings)
    return {key: value for key, equals, value in (t.partition("=") for t in texts) if equals}
