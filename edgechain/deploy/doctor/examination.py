"""Everything together, for this machine: look, judge, and say what was found."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgechain._version import __version__
from edgechain.deploy.doctor import machine
from edgechain.deploy.doctor.checks import firewall as firewall_check
from edgechain.deploy.doctor.checks import multicast as multicast_check
from edgechain.deploy.doctor.checks import neighbours as neighbours_check
from edgechain.deploy.doctor.checks import port as port_check
from edgechain.deploy.doctor.checks.multicast import MulticastFacts
from edgechain.deploy.doctor.checks.neighbours import Wanted
from edgechain.deploy.doctor.findings import Finding, fault
from edgechain.deploy.doctor.machine import Places
from edgechain.deploy.doctor.probes import firewall, network, port
from edgechain.deploy.doctor.probes.clock import ClockProbe
from edgechain.deploy.doctor.probes.network import Asking, Surroundings
from edgechain.deploy.doctor.probes.subject import Subject, read_subject
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.report import Report
from edgechain.discovery.interfaces import ENVIRONMENT
from edgechain.discovery.local import running_chains
from edgechain.discovery.peers import default_namespace
from edgechain.errors import InvalidIdentity
from edgechain.security.identity import load_identity
from edgechain.spec.identity import LinkSecurity
from edgechain.spec.message import WIRE_VERSION
from edgechain.spec.status import NodeStatus

MDNS_PORT = 5353
USUAL_PORT = 50551


@dataclass(frozen=True, slots=True)
class _Case:
    """What is examined. ``node`` is the one that this machine is, or is to be."""

    question: Question
    subjects: list[Subject]
    node: Subject | None
    asking: Asking

    @property
    def namespace(self) -> str:
        if self.question.namespace:
            return self.question.namespace
        if self.subjects:
            return self.subjects[0].config.namespace
        return default_namespace()

    @property
    def chain(self) -> str:
        named = {subject.chain_name for subject in self.subjects} - {""}
        return self.question.chain or (named.pop() if len(named) == 1 else "")

    @property
    def generation(self) -> str:
        found = {s.manifest.generation for s in self.subjects if s.manifest is not None}
        return found.pop() if len(found) == 1 else ""

    @property
    def listen(self) -> float | None:
        """For how long; a node that is told its peers listens to nobody else."""
        static = self.node is not None and self.node.config.discovery == "static"
        return None if static else self.question.listen

    @property
    def peers(self) -> tuple[str, ...]:
        """Addresses that configs name, each once."""
        return tuple(dict.fromkeys(a for s in self.subjects for a in s.config.peers))


async def examine(question: Question, places: Places | None = None) -> Report:
    """Look at this machine, and around it. Takes a little more than ``question.listen`` seconds."""
    clock = ClockProbe()
    case, findings = await asyncio.to_thread(_open_case, question)
    own, found = await _look_at_port(case)
    findings += found
    board, around = await asyncio.gather(
        _judge_alone(case, _memory_of(own), places or Places()),
        network.look(case.listen, case.asking, case.namespace, case.peers),
    )
    findings += board
    stages = await _needed_stages(case, around)
    findings += await asyncio.to_thread(_judge_around, case, around, stages)
    findings += await asyncio.to_thread(machine.judge_clock, clock, case.subjects)
    return Report(platform.node(), time.time(), tuple(findings))


def _open_case(question: Question) -> tuple[_Case, list[Finding]]:
    """Read what is to be examined; what is wrong with the files themselves."""
    findings: list[Finding] = []
    subjects = []
    for path in question.configs:
        subject, found = read_subject(path)
        findings += found
        if subject is not None:
            subjects.append(subject)
    node = subjects[0] if len(question.configs) == 1 and subjects else None
    if node is not None and not node.is_here(platform.node()):
        node = None
    findings += [f for s in subjects for f in machine.judge_identity(s, is_here=s is node)]
    findings += _judge_names(subjects)
    directory = _client_identity(question)
    if node is None and directory is not None and not question.insecure:
        findings += machine.judge_client(directory)
    return _Case(question, subjects, node, _asking(question, node, directory)), findings


def _judge_names(subjects: Sequence[Subject]) -> list[Finding]:
    """Several configs are of one fleet: each has a name of its own."""
    findings = []
    for name, count in Counter(subject.config.name for subject in subjects).items():
        if count > 1:
            files = ", ".join(str(s.path) for s in subjects if s.config.name == name)
            what = f"{count} configs have this name: {files}"
            advice = "give each its own `name`, and an identity for it (edgechain init DIR NAME)"
            findings.append(fault("node-duplicate", f"node {name}", what, advice))
    return findings


# Who asks ----------------------------------------------------------------------------------------


def _client_identity(question: Question) -> Path | None:
    chosen = os.environ.get("EDGECHAIN_IDENTITY")
    return question.identity or (Path(chosen) if chosen else None)


def _asking(question: Question, node: Subject | None, directory: Path | None) -> Asking:
    """A node asks as itself, a laptop as its client; chains of this machine have their own."""
    local = {
        address: _loaded(Path(chain.identity)) if chain.identity else None
        for chain in running_chains()
        for address in chain.addresses
    }
    if question.insecure or (node is not None and node.config.insecure):
        return Asking(True, None, local)
    if node is not None:
        named = node.config.identity
        directory = node.path.parent / named if named else None
    security = _loaded(directory) if directory is not None else None
    return Asking(security is not None, security, local)


def _loaded(directory: Path) -> LinkSecurity | None:
    try:
        return load_identity(directory)
    except InvalidIdentity:  # which is a finding of its own
        return None


# Judged ------------------------------------------------------------------------------------------


async def _look_at_port(case: _Case) -> tuple[NodeStatus | None, list[Finding]]:
    """Whether the node could listen; what it says where it runs already."""
    if case.node is None:
        return None, []
    config = case.node.config
    root = await asyncio.to_thread(machine.flashed_root, case.node.path)
    facts = await asyncio.to_thread(
        port.look, config.host, config.port, config.name, is_installed=root is not None
    )
    if facts.problem != "taken" or not case.asking.is_able:
        return None, port_check.judge(facts)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104
    status, _ = await network.ask(f"{host}:{config.port}", case.asking.usual)
    if status is None:
        return None, port_check.judge(facts)
    own = status if status.name == config.name else None
    return own, port_check.judge(replace(facts, node=status.name))


def _memory_of(status: NodeStatus | None) -> int:
    """What a node and its workers have."""
    if status is None:
        return 0
    return status.resident_bytes + sum(stage.resident_bytes for stage in status.stages)


async def _judge_alone(case: _Case, held: int, places: Places) -> list[Finding]:
    """This machine without the others."""
    findings = await machine.judge_interpreter(case.subjects)
    findings += await asyncio.to_thread(machine.judge_board, case.node, held, places)
    findings += await machine.judge_throttling(places)
    number = case.node.config.port if case.node is not None else USUAL_PORT
    return findings + firewall_check.judge(await firewall.look(number or USUAL_PORT))


async def _needed_stages(case: _Case, around: Surroundings) -> frozenset[str]:
    """The stages that others have to run: of a node's chain, or of one that is only named."""
    if case.node is not None:
        manifest = case.node.manifest
        return frozenset(manifest.stage if manifest is not None else ()) - {*case.node.stages}
    if not case.question.chain:
        return frozenset()
    return await network.stages_of(case.question.chain, around.neighbours, case.asking)


def _judge_around(case: _Case, around: Surroundings, stages: frozenset[str]) -> list[Finding]:
    """The network: interfaces, multicast, and who was heard of."""
    wanted = _wanted(case, around, stages)
    findings: list[Finding] = []
    if case.listen is not None:
        findings += multicast_check.judge(_multicast(case, around, wanted))
    for peer in around.peers:
        findings += neighbours_check.judge_peer(peer)
    findings += neighbours_check.judge(wanted, around.neighbours)
    return findings + neighbours_check.judge_absent(wanted, around.neighbours, findings)


def _multicast(case: _Case, around: Surroundings, wanted: Wanted) -> MulticastFacts:
    names, said_by = _interfaces(case)
    taken = any(sounding.port_taken for sounding in around.soundings)
    return MulticastFacts(
        interfaces=around.interfaces,
        soundings=around.soundings,
        wanted=names,
        said_by=said_by,
        direct=around.direct,
        expects=bool(wanted.stages or wanted.nodes),
        port_holder=port.holder_of(MDNS_PORT, "udp") if taken else "",
    )


def _interfaces(case: _Case) -> tuple[tuple[str, ...], str]:
    """Which interfaces discovery is to use, and who says so."""
    if case.node is not None and case.node.config.interfaces:
        return case.node.config.interfaces, f"{case.node.path}: interfaces"
    said = os.environ.get(ENVIRONMENT, "")
    return tuple(filter(None, said.split(","))), ENVIRONMENT


def _wanted(case: _Case, around: Surroundings, stages: frozenset[str]) -> Wanted:
    """Whom to look for: what a node's chain needs of others, or the nodes of several configs."""
    names, _ = _interfaces(case)
    used = (i.name for i in around.interfaces if {i.name, *i.addresses} & {*names})
    others = frozenset[str]() if case.node else frozenset(s.config.name for s in case.subjects)
    return Wanted(
        namespace=case.namespace,
        version=WIRE_VERSION,
        release=__version__,
        name=case.node.config.name if case.node is not None else "",
        chain=case.chain,
        generation=case.generation,
        stages=stages,
        nodes=others,
        addresses=around.own_addresses,
        interfaces=frozenset(used),
    )
