"""Whether the nodes that were heard of are ours, and why not: the nodes do not find each other.

What a node announces is a suggestion; what counts is what it says when it is asked, and whether a
way leads there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgechain.deploy.doctor.findings import Finding, Severity, fault, fine, note, warning
from edgechain.discovery.peers import PeerHint
from edgechain.spec.status import NodeStatus

OPEN, REFUSED, SILENT, NO_ROUTE = "open", "refused", "silent", "no route"
"""How a port is found."""

MOST_NAMES = 4
LOOPBACK = "127.0.0.1"
WELL = ("up", "idle", "connecting")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who looks, and for whom. What is empty is not known, and then any will do.

    ``name`` is our own node's; ``stages`` are those that others have to run, ``nodes`` names of
    others that should be there. ``version`` is the wire's, ``release`` edgechain's.
    """

    namespace: str
    version: int
    release: str
    name: str = ""
    chain: str = ""
    generation: str = ""
    stages: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    """This machine's own."""
    interfaces: frozenset[str] = frozenset()
    """Names of those that discovery uses; the others were only listened to."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One life of a node: how it is announced, where it was heard, how its ports are found.

    ``status`` is what it said when asked, ``refusal`` why it did not; both empty where nobody
    asked.
    """

    hint: PeerHint
    heard_on: tuple[str, ...]
    ports: Mapping[str, str] = field(default_factory=dict)
    told_by: frozenset[str] = frozenset()
    """The hosts that announced it: they were alive a moment ago."""
    status: NodeStatus | None = None
    refusal: str = ""

    @property
    def hosts(self) -> frozenset[str]:
        """Its addresses without ports."""
        return frozenset(address.rpartition(":")[0] for address in self.hint.addresses)

    @property
    def is_open(self) -> bool:
        """Whether somebody listens at one of its addresses."""
        return OPEN in self.ports.values()

    @property
    def where(self) -> str:
        """Its name, an address (one that is open, where there is one), and the interfaces."""
        at = next((a for a, state in self.ports.items() if state == OPEN), "")
        on = f" ({', '.join(self.heard_on)})" if self.heard_on else ""
        return f"node {self.hint.name} at {at or ', '.join(self.hint.addresses)}{on}"


def judge(wanted: Wanted, neighbours: Sequence[Neighbour]) -> list[Finding]:
    """Everybody who was heard of, and then what is missing."""
    ours = [n for n in neighbours if n.hint.namespace == wanted.namespace]
    near = [n for n in ours if not _is_self(wanted, n)]
    findings = [f for n in near for f in _judge_one(wanted, n, near)]
    findings += _judge_between(wanted, near)
    findings += _judge_duplicates(wanted, near)
    foreign = [n for n in neighbours if n.hint.namespace != wanted.namespace]
    findings += _judge_foreign(wanted, near, foreign)
    return findings


def judge_absent(
    wanted: Wanted, neighbours: Sequence[Neighbour], others: Sequence[Finding]
) -> list[Finding]:
    """What nobody runs; a note where a fault among the ``others`` explains it."""
    ours = [n for n in neighbours if n.hint.namespace == wanted.namespace and n.is_open]
    explained = any(finding.severity is Severity.FAULT for finding in others)
    unheard = sorted(wanted.nodes - {n.hint.name for n in ours})
    findings = [_absent(wanted, f"node {n}", "it was not heard of", explained) for n in unheard]
    asked = [n for n in ours if not wanted.chain or n.hint.chain == wanted.chain]
    if not asked and wanted.chain and not wanted.name and not wanted.nodes:
        what = "no node of it was heard of"
        findings.append(_absent(wanted, f"chain {wanted.chain}", what, explained))
    if any(n.status is None for n in asked):  # who does not tell may run anything
        return findings
    run = {stage.name for n in asked if n.status is not None for stage in n.status.stages}
    if wanted.stages - run:
        stages = ", ".join(sorted(wanted.stages - run))
        what = f"nobody who was heard of runs {stages}"
        findings.append(_absent(wanted, f"chain {wanted.chain}", what, explained))
    return findings


def _absent(wanted: Wanted, where: str, what: str, explained: bool) -> Finding:
    if explained:
        return note("node-absent", where, f"{what}; the faults above may be why")
    looked = f"namespace {wanted.namespace}"
    advice = "is its board on, and its node running (edgechain logs, edgechain doctor --on TARGET)?"
    return fault("node-absent", where, f"{what} in {looked}", advice)


def _is_self(wanted: Wanted, neighbour: Neighbour) -> bool:
    return neighbour.hint.name == wanted.name and neighbour.hosts <= wanted.addresses


def _judge_one(wanted: Wanted, neighbour: Neighbour, near: Sequence[Neighbour]) -> list[Finding]:
    """The first reason why it is not one of ours, or that it is."""
    hint, where = neighbour.hint, neighbour.where
    if wanted.chain and hint.chain != wanted.chain:
        return [fine("node", where, f"runs chain {hint.chain}, which is another one")]
    if hint.version != wanted.version:
        what = f"it speaks version {hint.version} of the wire, we {wanted.version}"
        return [
            fault("node-version", where, what, "flash the older one, or install it again there")
        ]
    if not neighbour.is_open:
        return [_judge_closed(neighbour, near)]
    if neighbour.refusal:
        what = f"it does not answer us: {neighbour.refusal}"
        advice = "both need identities of one `edgechain init DIR`, and neither revoked or expired"
        return [fault("node-untrusted", where, what, advice)]
    if not _has_generation(wanted, neighbour):
        what = f"it runs generation {hint.generation[:12]}, we {wanted.generation[:12]}"
        advice = "flash both from one chain directory (edgechain flash), or edgechain apply"
        return [fault("node-generation", where, what, advice)]
    if wanted.interfaces and neighbour.heard_on and not wanted.interfaces & {*neighbour.heard_on}:
        what = f"discovery uses {', '.join(sorted(wanted.interfaces))} only, and it is not there"
        advice = f"interfaces: [{neighbour.heard_on[0]}], or leave `interfaces` out to use all"
        return [fault("multicast-wrong", where, what, advice)]
    return _judge_answer(wanted, neighbour)


def _has_generation(wanted: Wanted, neighbour: Neighbour) -> bool:
    """Whether it runs our generation, or has it beside the one that it runs."""
    if not wanted.generation or wanted.generation.startswith(neighbour.hint.generation):
        return True
    beside = neighbour.status.generations if neighbour.status is not None else ()
    return any(generation.generation == wanted.generation for generation in beside)


def _judge_closed(neighbour: Neighbour, near: Sequence[Neighbour]) -> Finding:
    """It is announced, and nobody lets us in at any of its addresses."""
    hint, where, states = neighbour.hint, neighbour.where, set(neighbour.ports.values())
    lives = [n for n in near if n.hint.name == hint.name and n.is_open]
    if lives:
        what = "an earlier life of it is still announced; it runs out by itself"
        return note("node-stale", where, what)
    if states == {REFUSED} and not _is_astray(neighbour):
        what = "it is announced, and nobody listens there: it has crashed or was ended"
        advice = "start it again (edgechain logs says why it ended); records run out in 20 minutes"
        return fault("node-stale", where, what, advice)
    if _is_astray(neighbour):
        what = "it tells others that it is on loopback, where only itself is"
        advice = "take `host: 127.0.0.1` out of its config, and loopback out of its `interfaces`"
        return fault("node-route", where, what, advice)
    if SILENT in states:
        alive = (
            "its host answers mDNS" if neighbour.told_by & neighbour.hosts else "it is announced"
        )
        what = f"{alive}, and what is sent to its port is swallowed: no answer, no refusal"
        port = hint.addresses[0].rpartition(":")[2]
        advice = f"a firewall there or between: let TCP port {port} pass (sudo nft list ruleset)"
        return fault("node-silent", where, what, advice)
    what = "it is announced, and no way leads there from this machine, or a firewall says so"
    advice = "put both into one network, or give a route (ip route); `host` says what is announced"
    return fault("node-route", where, what, advice)


def _is_astray(neighbour: Neighbour) -> bool:
    """Whether it was heard on the network, and announces loopback."""
    outside = not neighbour.told_by <= {LOOPBACK}
    return outside and all(host.startswith("127.") for host in neighbour.hosts)


def _judge_answer(wanted: Wanted, neighbour: Neighbour) -> list[Finding]:
    status, where = neighbour.status, neighbour.where
    if status is None:
        return [
            fine("node", where, "is announced and listens; it was not asked who it is (--identity)")
        ]
    findings = []
    for link in status.links:
        if link.state not in WELL:
            what = f"its link to {link.peer or link.address} is {link.state}"
            advice = "its log says why (edgechain logs); edgechain doctor --on it asks from there"
            findings.append(warning("node-link", where, what, advice))
    if status.version != wanted.release:
        what = f"it runs edgechain {status.version}, this is {wanted.release}"
        findings.append(note("node-release", where, what, "flash it to have both alike"))
    stages = ", ".join(stage.name for stage in status.stages)
    return [*findings, fine("node", where, f"is ours and answers; runs {stages}")]


def _judge_between(wanted: Wanted, near: Sequence[Neighbour]) -> list[Finding]:
    """Where nobody says which generation it should be, all nodes of a chain run the same."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for neighbour in near:
        hint = neighbour.hint
        if neighbour.is_open and wanted.chain in ("", hint.chain) and not wanted.generation:
            found[hint.chain][hint.generation].append(hint.name)
    findings = []
    for chain, generations in found.items():
        if len(generations) > 1:
            each = (f"{', '.join(sorted(n))} {g[:12]}" for g, n in sorted(generations.items()))
            what = f"its nodes run different generations: {'; '.join(each)}"
            advice = "flash all from one chain directory (edgechain flash), or edgechain apply"
            findings.append(fault("node-generation", f"chain {chain}", what, advice))
    return findings


def _judge_duplicates(wanted: Wanted, near: Sequence[Neighbour]) -> list[Finding]:
    """Two that live under one name, or one that has ours."""
    lives: defaultdict[str, list[Neighbour]] = defaultdict(list)
    for neighbour in near:
        if neighbour.is_open:
            lives[neighbour.hint.name].append(neighbour)
    findings = []
    for name, found in lives.items():
        if len(found) > 1 or name == wanted.name:
            places = ["here"] if name == wanted.name else []
            places += [", ".join(n.hint.addresses) for n in found]
            what = f"more than one node has this name: {' and '.join(places)}"
            advice = "give each its own `name`, and an identity for it (edgechain init DIR NAME)"
            findings.append(fault("node-duplicate", f"node {name}", what, advice))
    return findings


def _judge_foreign(
    wanted: Wanted, near: Sequence[Neighbour], foreign: Sequence[Neighbour]
) -> list[Finding]:
    """Nodes of other namespaces; a fault where it is our chain that is there, and nobody here."""
    lost = [n for n in foreign if wanted.chain and n.hint.chain == wanted.chain]
    mates = [n for n in near if n.hint.chain == wanted.chain]
    if lost and not mates and (wanted.stages or wanted.nodes or not wanted.name):
        names = ", ".join(sorted({n.hint.name for n in lost}))
        theirs = sorted({n.hint.namespace for n in lost})
        what = f"{names} are in namespace {', '.join(theirs)}; we look in {wanted.namespace}"
        advice = f"one `namespace` for all nodes of a fleet; clients: --namespace {theirs[0]}"
        return [fault("node-namespace", f"chain {wanted.chain}", what, advice)]
    if not foreign:
        return []
    spaces = sorted({n.hint.namespace for n in foreign})
    names = ", ".join(spaces[:MOST_NAMES]) + (" ..." if spaces[MOST_NAMES:] else "")
    what = f"{len(foreign)} nodes are in other namespaces ({names}), and left alone"
    return [
        note("node-namespace", f"namespace {wanted.namespace}", what, "--namespace to see them")
    ]


@dataclass(frozen=True, slots=True)
class Peer:
    """An address under ``peers``, how its port is found, and what it said."""

    address: str
    port: str
    status: NodeStatus | None = None
    refusal: str = ""


def judge_peer(peer: Peer) -> list[Finding]:
    """Whether a listed peer is there; one that says who it is, is judged as a neighbour."""
    where = f"peers: {peer.address}"
    if peer.port == OPEN and peer.refusal:
        what = f"it does not answer us: {peer.refusal}"
        advice = "both need identities of one `edgechain init DIR`, and neither revoked or expired"
        return [fault("node-untrusted", where, what, advice)]
    if peer.port == OPEN:
        return []
    reasons = {
        REFUSED: ("nobody listens there", "is its node running, on this `port`?"),
        SILENT: ("nothing answers there", "is it on? Is it the right address? Then a firewall"),
        NO_ROUTE: ("no way leads there", "is it the right address? ip route shows what is reached"),
    }
    what, advice = reasons[peer.port]
    return [fault("node-peer", where, what, advice)]
