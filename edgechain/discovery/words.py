"""mDNS as it is on the wire: a question about nodes, and what an answer says. No sockets here.

For looking at the network itself (``soundings``); who only wants peers takes ``mdns``.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from zeroconf import (  # type: ignore[attr-defined] # kept there, and not listed in its __all__
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSQuestion,
    DNSService,
    DNSText,
)

from edgechain.discovery.mdns import SERVICE
from edgechain.discovery.peers import PeerHint

ANY_SERVICE = "_services._dns-sd._udp.local."
"""What every responder answers, also those that have never heard of us (RFC 6763, section 9)."""

QUERY, POINTER, INTERNET = 0, 12, 1
"""A query's flags, the type PTR and the class IN (RFC 1035, section 3.2)."""

MAX_INSTANCES = 1024


def question() -> bytes:
    """Who is there: our nodes, and anybody else. Unlike every other: its id is random."""
    asked = DNSOutgoing(QUERY, multicast=False, id_=secrets.randbits(16))
    for name in (SERVICE, ANY_SERVICE):
        asked.add_question(DNSQuestion(name, POINTER, INTERNET))
    return bytes(asked.packets()[0])


def question_id(packet: bytes) -> bytes:
    """What tells one question from another."""
    return packet[:2]


def is_answer(packet: bytes) -> bool:
    """Whether a packet from the network is somebody's answer."""
    found = DNSIncoming(packet)
    return bool(found.valid and found.is_response())


@dataclass(slots=True)
class Hearsay:
    """Puts together what several packets say about nodes; bounded, and never raises."""

    _services: dict[str, DNSService] = field(default_factory=dict)
    _texts: dict[str, bytes] = field(default_factory=dict)
    _hosts: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, packet: bytes) -> None:
        """Note the records of an answer; anything else says nothing."""
        found = DNSIncoming(packet)
        if found.valid and found.is_response():
            for record in found.answers():
                self._note(record)

    def _note(self, record: object) -> None:
        if isinstance(record, DNSService):
            self._put(self._services, record.name, record, record.ttl)
        elif isinstance(record, DNSText):
            self._put(self._texts, record.name, record.text, record.ttl)
        elif isinstance(record, DNSAddress) and len(record.address) == 4:
            address = ".".join(map(str, record.address))
            if len(self._hosts) < MAX_INSTANCES and len(self._hosts[record.name]) < MAX_INSTANCES:
                self._hosts[record.name][address] = None

    def _put(self, table: dict, name: str, value: object, ttl: float) -> None:  # type: ignore[type-arg]
        if not name.endswith(SERVICE):
            return
        if ttl <= 0:  # a goodbye
            table.pop(name, None)
        elif len(table) < MAX_INSTANCES:
            table[name] = value

    def hints(self) -> tuple[PeerHint, ...]:
        """Every node of which enough was said."""
        return tuple(_hints(self._services, self._texts, self._hosts))


def _hints(
    services: dict[str, DNSService],
    texts: dict[str, bytes],
    hosts: dict[str, dict[str, None]],
) -> Iterable[PeerHint]:
    for name, service in services.items():
        addresses = tuple(f"{host}:{service.port}" for host in hosts.get(service.server, ()))
        hint = PeerHint.from_txt(_properties(texts.get(name, b"")), addresses)
        if hint is not None:
            yield hint


def _properties(text: bytes) -> dict[str, str]:
    """TXT strings, each behind its length (RFC 6763, section 6.1)."""
    found: dict[str, str] = {}
    while text:
        length, text = text[0], text[1:]
        key, _, value = text[:length].decode(errors="replace").partition("=")
        found.setdefault(key, value)
        text = text[length:]
    return found
