"""Sounding the network: ask on one interface by multicast, and note who says what, and how.

What one machine can tell of multicast: whether it hears itself, who answers a multicast question
(so ours goes there), whose multicast comes here, and who answers only when asked directly (so
multicast does not pass). Linux only, as nodes are.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from edgechain.discovery.interfaces import Interface
from edgechain.discovery.peers import PeerHint
from edgechain.discovery.words import Hearsay, is_answer, question, question_id

GROUP, PORT = "224.0.0.251", 5353
"""RFC 6762, section 3."""

ASK_AT = (0.0, 0.25, 1.0)
"""Seconds. Who has just spoken waits a second before it speaks again (RFC 6762, section 6)."""

DIRECT_SECONDS = 1.0
MAX_HOSTS = 256

Said = Callable[[bytes, str], None]


@dataclass(frozen=True, slots=True)
class Sounding:
    """What was heard on one interface.

    ``own`` is whether our own question came back, ``answered`` who answered it, ``heard`` whose
    multicast came, ``hints`` the nodes that were told of, and by whom. ``problem`` says why it
    could not be asked or heard; ``port_taken`` that somebody keeps mDNS' port for himself.
    """

    interface: Interface
    asked: int = 0
    own: bool = False
    answered: frozenset[str] = frozenset()
    heard: frozenset[str] = frozenset()
    hints: tuple[tuple[PeerHint, str], ...] = ()
    problem: str = ""
    port_taken: bool = False


@dataclass(slots=True)
class _Ears:
    """What has come so far on one interface."""

    interface: Interface
    questions: set[bytes] = field(default_factory=set)
    own: bool = False
    answered: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    tellers: dict[str, Hearsay] = field(default_factory=dict)

    def on_multicast(self, packet: bytes, source: str) -> None:
        if source in self.interface.addresses and question_id(packet) in self.questions:
            self.own = True
        if is_answer(packet):
            self._note(self.heard, packet, source)
        elif source not in self.interface.addresses and len(self.heard) < MAX_HOSTS:
            self.heard.add(source)

    def on_answer(self, packet: bytes, source: str) -> None:
        if is_answer(packet):
            self._note(self.answered, packet, source)

    def _note(self, hosts: set[str], packet: bytes, source: str) -> None:
        if source not in hosts and len(hosts) >= MAX_HOSTS:
            return
        hosts.add(source)
        self.tellers.setdefault(source, Hearsay()).add(packet)

    def hints(self) -> tuple[tuple[PeerHint, str], ...]:
        found = [(h, teller) for teller, said in self.tellers.items() for h in said.hints()]
        return tuple(dict.fromkeys(found))


async def sound(interface: Interface, seconds: float) -> Sounding:
    """Ask on an interface for nodes, and listen for so long."""
    ears = _Ears(interface)
    address = interface.addresses[0]
    try:
        with _listener(interface) as listener, _asker(address) as asker:
            async with _hearing(listener, ears.on_multicast), _hearing(asker, ears.on_answer):
                asked = await _ask(ears, (listener, asker), seconds)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        return Sounding(interface, problem=error.strerror or str(error), port_taken=taken)
    others = frozenset(ears.heard) - frozenset(interface.addresses)
    return Sounding(
        interface=interface,
        asked=asked,
        own=ears.own,
        answered=frozenset(ears.answered) - frozenset(interface.addresses),
        heard=others,
        hints=ears.hints(),
    )


async def _ask(ears: _Ears, sockets: Sequence[socket.socket], seconds: float) -> int:
    """Ask now and again until ``seconds`` are over; how often it was asked."""
    loop = asyncio.get_running_loop()
    began, asked = loop.time(), 0
    for at in ASK_AT:
        if at < seconds or not asked:
            await asyncio.sleep(began + at - loop.time())
            for one in sockets:
                packet = question()
                ears.questions.add(question_id(packet))
                one.sendto(packet, (GROUP, PORT))
            asked += 1
    await asyncio.sleep(began + seconds - loop.time())
    return asked


@contextmanager
def _listener(interface: Interface) -> Iterator[socket.socket]:
    """A socket that hears what comes to the group on this interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Since Linux 5.7 everybody may. Without it 6.18 gives packets of one interface to a socket
        # that has joined on another.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.name.encode())
        made.bind((GROUP, PORT))
        address = socket.inet_aton(interface.addresses[0])
        member = struct.pack("4s4si", socket.inet_aton(GROUP), address, interface.index)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        _speak_on(made, interface.addresses[0])
        yield made


@contextmanager
def _asker(address: str) -> Iterator[socket.socket]:
    """A socket whose questions are answered to itself (RFC 6762, section 6.7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.bind((address, 0))
        _speak_on(made, address)
        yield made


def _speak_on(made: socket.socket, address: str) -> None:
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)


class _hearing:  # noqa: N801 - used like a function
    """While this lasts ``said`` is called with every packet and its sender's address."""

    def __init__(self, source: socket.socket, said: Said):
        self._source = source
        self._said = said
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> None:
        self._loop.add_reader(self._source, self._read)

    async def __aexit__(self, *exc: object) -> None:
        self._loop.remove_reader(self._source)

    def _read(self) -> None:
        try:
            packet, (host, *_) = self._source.recvfrom(9000)
        except OSError:  # what ICMP says of somebody who does not listen
            return
        self._said(packet, host)


async def ask_directly(
    hosts: Sequence[str], seconds: float = DIRECT_SECONDS
) -> dict[str, tuple[PeerHint, ...]]:
    """Ask these hosts by unicast (RFC 6762, section 5.5): who answers, with which nodes."""
    told: dict[str, Hearsay] = {}

    def said(packet: bytes, host: str) -> None:
        if host in hosts and is_answer(packet):
            told.setdefault(host, Hearsay()).add(packet)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setblocking(False)
        async with _hearing(asker, said):
            for host in hosts:
                try:
                    asker.sendto(question(), (host, PORT))
                except OSError:  # no way there
                    continue
            await asyncio.sleep(seconds)
    return {host: hearsay.hints() for host, hearsay in told.items()}
