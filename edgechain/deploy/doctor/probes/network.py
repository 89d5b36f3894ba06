"""Looking around: who is heard on which interface, who listens, and who says what when asked."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from edgechain.deploy.doctor.checks.neighbours import (
    NO_ROUTE,
    OPEN,
    REFUSED,
    SILENT,
    Neighbour,
    Peer,
)
from edgechain.discovery.interfaces import ENVIRONMENT, Interface, interfaces
from edgechain.discovery.peers import PeerHint
from edgechain.discovery.soundings import Sounding, ask_directly, sound
from edgechain.errors import EdgechainError, Unavailable
from edgechain.spec.chain import ChainManifest
from edgechain.spec.document import parse
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.message import WIRE_VERSION
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_manifest, fetch_status

CONNECT_SECONDS = 1.5
"""Linux asks again for the first time after one second (RFC 6298)."""

ANSWER_SECONDS = 2.0
MOST_NEIGHBOURS = 64
MOST_DIRECT = 64


@dataclass(frozen=True, slots=True)
class Asking:
    """With which identity nodes are asked: ``usual`` for most, others by address.

    Without ``is_able`` nobody is asked but those ``by_address``. A ``usual`` of None asks nodes
    that run without keys.
    """

    is_able: bool = False
    usual: LinkSecurity | None = None
    by_address: Mapping[str, LinkSecurity | None] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def may_ask(self, address: str) -> bool:
        """Whether somebody can."""
        return self.is_able or address in self.by_address

    def security(self, address: str) -> LinkSecurity | None:
        """Who asks there."""
        return self.by_address.get(address, self.usual)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one look around has brought."""

    interfaces: tuple[Interface, ...]
    soundings: tuple[Sounding, ...]
    direct: Mapping[str, frozenset[str]]
    neighbours: tuple[Neighbour, ...]
    peers: tuple[Peer, ...] = ()

    @property
    def own_addresses(self) -> frozenset[str]:
        """Of all interfaces."""
        return frozenset(a for interface in self.interfaces for a in interface.addresses)


async def look(
    listen: float | None, asking: Asking, namespace: str, peers: Sequence[str] = ()
) -> Surroundings:
    """Ask on every interface that has an address, for ``listen`` seconds; then whoever was heard.

    With ``listen`` None nobody is asked but the ``peers``.

    Nodes of other namespaces are noted and not disturbed. ``peers`` are addresses where nodes
    should be besides. Where ``EDGECHAIN_INTERFACES`` says which interfaces this machine may use,
    no others are asked on.
    """
    known = await asyncio.to_thread(interfaces)
    listed = await asyncio.gather(*(_peer(address, asking) for address in peers))
    if listen is None:
        named = [neighbour for peer in listed if (neighbour := _from_peer(peer))]
        return Surroundings(known, (), {}, tuple(named), tuple(listed))
    usable = [i for i in known if i.addresses and i.is_up and _is_allowed(i)]
    soundings = tuple(await asyncio.gather(*(sound(i, listen) for i in usable)))
    direct, told = await _ask_directly(soundings)
    heard = _together(soundings, told)
    foreign = [n for n in heard if n.hint.namespace != namespace]
    near = [n for n in heard if n.hint.namespace == namespace][:MOST_NEIGHBOURS]
    found = await asyncio.gather(*(_visit(neighbour, asking) for neighbour in near))
    lives = {_life(n.hint) for n in found}
    named = [n for p in listed if (n := _from_peer(p)) and _life(n.hint) not in lives]
    return Surroundings(known, soundings, direct, (*found, *named, *foreign), tuple(listed))


def _is_allowed(interface: Interface) -> bool:
    said = set(filter(None, os.environ.get(ENVIRONMENT, "").split(",")))
    return not said or not said.isdisjoint((interface.name, *interface.addresses))


def _life(hint: PeerHint) -> tuple[str, str, int]:
    """What tells one life of a node from every other, those of other namespaces too."""
    return hint.namespace, hint.name, hint.incarnation


# Heard of ----------------------------------------------------------------------------------------


async def _ask_directly(
    soundings: Sequence[Sounding],
) -> tuple[dict[str, frozenset[str]], list[tuple[PeerHint, str, str]]]:
    """Hosts beside us that multicast did not find both ways: which answer, with which nodes."""
    missing = {s.interface.name: s.answered & s.heard for s in soundings if not s.problem}
    beside = await asyncio.to_thread(hosts_beside)
    asked = [
        (name, host)
        for name, hosts in beside.items()
        for host in hosts
        if name in missing and host not in missing[name]
    ][:MOST_DIRECT]
    if not asked:
        return {}, []
    answers = await ask_directly([host for _, host in asked])
    direct: defaultdict[str, set[str]] = defaultdict(set)
    for name, host in asked:
        if host in answers:
            direct[name].add(host)
    told = [(hint, name, host) for name, host in asked for hint in answers.get(host, ())]
    return {name: frozenset(hosts) for name, hosts in direct.items()}, told


def hosts_beside(proc: Path = Path("/proc")) -> dict[str, tuple[str, ...]]:
    """Whom the kernel knows on each interface: its table of hardware addresses (ARP)."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    try:
        lines = (proc / "self" / "net" / "arp").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    for line in lines[1:]:
        address, _, flags, *_, name = line.split()
        if int(flags, 16) & _COMPLETE:
            found[name].append(address)
    return {name: tuple(addresses) for name, addresses in found.items()}


_COMPLETE = 0x2
"""ATF_COM of Linux' if_arp.h: the hardware address is known."""


def _together(
    soundings: Sequence[Sounding], told: Sequence[tuple[PeerHint, str, str]]
) -> list[Neighbour]:
    """One neighbour for each life of a node, however often it was heard of."""
    found: dict[tuple[str, str, int], Neighbour] = {}
    news = [(h, s.interface.name, teller) for s in soundings for h, teller in s.hints]
    for hint, interface, teller in [*news, *told]:
        life = _life(hint)
        before = found.get(life, Neighbour(hint, ()))
        addresses = dict.fromkeys((*before.hint.addresses, *hint.addresses))
        found[life] = Neighbour(
            replace(hint, addresses=tuple(addresses)),
            tuple(dict.fromkeys((*before.heard_on, interface))),
            told_by=before.told_by | {teller},
        )
    return sorted(found.values(), key=lambda neighbour: neighbour.hint.name)


# Asked -------------------------------------------------------------------------------------------


async def _visit(neighbour: Neighbour, asking: Asking) -> Neighbour:
    """Knock at all its addresses, and ask at the first that is open."""
    addresses = neighbour.hint.addresses
    states = await asyncio.gather(*map(knock, addresses))
    ports = dict(zip(addresses, states, strict=True))
    visited = replace(neighbour, ports=ports)
    at = next((a for a, state in ports.items() if state == OPEN and asking.may_ask(a)), None)
    if at is None:
        return visited
    status, refusal = await ask(at, asking.security(at))
    return replace(visited, status=status, refusal=refusal)


async def _peer(address: str, asking: Asking) -> Peer:
    state = await knock(address)
    if state != OPEN or not asking.may_ask(address):
        return Peer(address, state)
    return Peer(address, state, *await ask(address, asking.security(address)))


def _from_peer(peer: Peer) -> Neighbour | None:
    """A peer that has said who it is, as if it had announced itself."""
    said = peer.status
    if said is None:
        return None
    hint = PeerHint(
        name=said.name,
        namespace=said.namespace,
        chain=said.chain,
        generation=said.generation[:16],
        incarnation=said.incarnation,
        addresses=(peer.address,),
        version=WIRE_VERSION,
    )
    return Neighbour(hint, (), ports={peer.address: OPEN}, status=said)


async def knock(address: str) -> str:
    """How a TCP port is found: open, refused, silent, or no route to it."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        return SILENT
    except OSError as error:
        return REFUSED if error.errno == errno.ECONNREFUSED else NO_ROUTE
    writer.close()
    return OPEN


async def stages_of(chain: str, neighbours: Sequence[Neighbour], asking: Asking) -> frozenset[str]:
    """The stages of a chain, as the first of its nodes that tells has them; none if nobody does."""
    for neighbour in neighbours:
        if neighbour.status is None or neighbour.hint.chain != chain:
            continue
        at = next(a for a, state in neighbour.ports.items() if state == OPEN)
        try:
            text = await fetch_manifest(at, ANSWER_SECONDS, security=asking.security(at))
            return frozenset(parse(ChainManifest, text, file=f"the manifest at {at}").stage)
        except EdgechainError:
            continue
    return frozenset()


async def ask(address: str, security: LinkSecurity | None) -> tuple[NodeStatus | None, str]:
    """How a node is, or why it does not say."""
    try:
        text = await fetch_status(address, ANSWER_SECONDS, security=security)
        return NodeStatus.model_validate_json(text), ""
    except Unavailable as error:
        return None, error.reason
    except ValidationError:
        return None, "its answer is not a status of ours"
    except EdgechainError as error:
        return None, str(error)
