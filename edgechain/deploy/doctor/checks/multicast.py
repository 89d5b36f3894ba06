"""Between which interfaces multicast passes, and where it ends.

Four things are told apart on every interface: whether we hear ourselves, who answers our multicast
question (ours goes there), whose multicast comes here, and who answers only when asked directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgechain.deploy.doctor.findings import Finding, fault, fine, note, warning
from edgechain.discovery.interfaces import Interface
from edgechain.discovery.soundings import Sounding

STATIC = "or list the others under `peers` (ADDRESS:PORT), which needs no multicast"


@dataclass(frozen=True, slots=True)
class MulticastFacts:
    """What there is, what was heard, and what was wanted.

    ``wanted`` are interfaces by name or address as ``said_by`` has them; empty means all.
    ``direct`` are hosts beside an interface (by its name) that answered when asked directly.
    ``expects`` is whether other nodes are needed. ``port_holder`` has mDNS' port for himself.
    """

    interfaces: tuple[Interface, ...]
    soundings: tuple[Sounding, ...]
    wanted: tuple[str, ...] = ()
    said_by: str = "interfaces"
    direct: Mapping[str, frozenset[str]] = field(default_factory=dict)
    expects: bool = False
    port_holder: str = ""

    def is_wanted(self, interface: Interface) -> bool:
        """Whether discovery is to use it."""
        named = (interface.name, *interface.addresses)
        return not self.wanted or any(name in self.wanted for name in named)


def judge(facts: MulticastFacts) -> list[Finding]:
    """A line for every interface that discovery uses, and what is wrong with it."""
    findings = _judge_wanted(facts)
    findings += _judge_unaddressed(facts)
    for sounding in facts.soundings:
        if facts.is_wanted(sounding.interface) and sounding.interface.is_connected:
            findings += _judge_sounding(facts, sounding)
    return findings


def _judge_wanted(facts: MulticastFacts) -> list[Finding]:
    """Interfaces that are named and cannot be used."""
    findings = []
    have = ", ".join(
        f"{i.name} ({', '.join(i.addresses)})" for i in facts.interfaces if i.addresses
    )
    for name in facts.wanted:
        found = [i for i in facts.interfaces if name in (i.name, *i.addresses)]
        where = f"{facts.said_by}: {name}"
        if not found:
            what = f"there is no interface {name}; there are {have or 'none with an address'}"
            advice = "name one of those, or leave `interfaces` out to use all"
            findings.append(fault("multicast-interface", where, what, advice))
        elif not found[0].is_up:
            advice = f"sudo ip link set {found[0].name} up, or name another one"
            findings.append(fault("multicast-interface", where, "it is down", advice))
        elif not found[0].is_connected:
            advice = "plug the cable in, join the Wi-Fi, or name another one"
            findings.append(fault("multicast-interface", where, "nothing is connected", advice))
        elif not found[0].addresses:
            advice = "wait for the router's address (DHCP), or give it one; or name another one"
            findings.append(fault("multicast-interface", where, "it has no IPv4 address", advice))
    return findings


def _judge_unaddressed(facts: MulticastFacts) -> list[Finding]:
    """No interface leads out: a cable without DHCP, a Wi-Fi that was not joined."""
    outside = [i for i in facts.interfaces if not i.is_loopback and not facts.wanted]
    bare = [i for i in outside if i.is_connected and not i.addresses]
    if not bare or any(i.is_connected and i.addresses for i in outside):
        return []
    what = "it is connected and has no IPv4 address, and no other interface has one"
    advice = "see whether the router gives addresses (DHCP), or give it one"
    make = fault if facts.expects else warning
    return [make("multicast-address", bare[0].name, what, advice)]


def _judge_sounding(facts: MulticastFacts, sounding: Sounding) -> list[Finding]:
    interface = sounding.interface
    where = f"{interface.name} ({', '.join(interface.addresses)})"
    if sounding.port_taken:
        by = facts.port_holder or "a process that only root may see"
        what = f"UDP port 5353 is held by {by}, who shares it with nobody"
        return [
            fault("multicast-port", where, what, "end it, or have it share the port (avahi does)")
        ]
    if not interface.has_multicast and not interface.is_loopback:
        off = _judge_off(facts, sounding, where)
        if off is not None:
            return [off]
    if sounding.problem or not sounding.own:
        said = sounding.problem or "not even our own question came back"
        what = f"asked for nodes {sounding.asked} times: {said}"
        advice = f"a firewall here? Let UDP port 5353 to 224.0.0.251 pass, {STATIC}"
        return [fault("multicast-silent", where, what, advice)]
    return _judge_neighbours(facts, sounding, where)


def _judge_off(facts: MulticastFacts, sounding: Sounding, where: str) -> Finding | None:
    """An interface without the flag; a VPN's has none and is no fault unless it is named."""
    interface = sounding.interface
    if interface.is_point_to_point and not facts.wanted:
        return note("multicast-off", where, "a point-to-point link: no multicast passes", STATIC)
    if sounding.answered or sounding.heard:
        return None
    what = "its multicast is switched off, and nobody was heard there"
    advice = f"sudo ip link set {interface.name} multicast on, {STATIC}"
    return fault("multicast-off", where, what, advice)


def _judge_neighbours(facts: MulticastFacts, sounding: Sounding, where: str) -> list[Finding]:
    reached, heard = sounding.answered, sounding.heard
    direct = facts.direct.get(sounding.interface.name, frozenset())
    there = _named(direct - reached)
    advice = f"let the switch or access point pass 224.0.0.251 (IGMP snooping, isolation), {STATIC}"
    if direct - reached - heard:
        hosts = _named(direct - reached - heard)
        what = f"{hosts} answers when asked directly; multicast passes neither there nor back"
        return [fault("multicast-blocked", where, what, advice)]
    if direct - reached:
        what = f"we hear the multicast of {there}, and ours does not get there"
        return [fault("multicast-blocked", where, what, advice)]
    if reached and not heard:
        what = f"{_named(reached)} answers our multicast, and no multicast comes here"
        return [fault("multicast-oneway", where, what, advice)]
    return [_heard(sounding, where)]


def _heard(sounding: Sounding, where: str) -> Finding:
    others = sounding.answered | sounding.heard
    asked = f"asked {sounding.asked} times and heard ourselves"
    nodes = sorted({hint.name for hint, _ in sounding.hints})
    if not others and not nodes and not sounding.interface.is_loopback:
        what = f"{asked}; nobody at all answers there"
        advice = f"is the other board on, and in this very network (no guest Wi-Fi)? {STATIC}"
        return note("multicast-alone", where, what, advice)
    hosts = f"; {_named(others)} answered" if others else ""
    told = f", with the nodes {', '.join(nodes)}" if nodes else ", and told of no node"
    return fine("multicast", where, f"{asked}{hosts}{told}")


def _named(hosts: frozenset[str], most: int = 4) -> str:
    found = sorted(hosts)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
