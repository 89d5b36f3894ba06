"""The nodes do not find each other: real nodes and announcements on loopback, one thing wrong.

The control is two nodes that share a chain and find each other.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgechain.deploy.doctor.examination import examine
from edgechain.deploy.doctor.findings import Finding, Severity
from edgechain.deploy.doctor.question import Question
from edgechain.deploy.doctor.report import Report
from edgechain.discovery.mdns import MdnsRegistry
from edgechain.discovery.peers import PeerHint
from edgechain.security.authority import Authority
from edgechain.spec.chain import ChainManifest
from edgechain.spec.message import WIRE_VERSION, Role
from tests.chain import chains
from tests.chain.nodes import LiveNode, launch
from tests.deploy.doctor import setups
from tests.deploy.doctor.setups import LOOPBACK, Setup, faults, only, warnings
from tests.ports import free_ports

pytestmark = [pytest.mark.once, pytest.mark.may_block]
"""Fleets are made and nodes read their files; ``test_examination`` watches the doctor's own."""

LOOKS = (0.6, 3.0, 12.0)
"""Seconds to listen: longer, until what is there has been heard; who has been answered within the
last second answers the next one later (RFC 6762, section 6), and packets are lost."""

OURS = ("head", "left")
THEIRS = ("right", "meet", "tail")


@pytest.fixture
def half(tmp_path: Path) -> Setup:
    """Node pi-a, which needs another one for the rest of its chain."""
    return setups.sound(tmp_path, stages=OURS)


def other_chain(name: str) -> ChainManifest:
    """Stages of the same names that compute something else."""
    return chains.connected(
        name,
        chains.actor("head", "Fork", "x", "a b"),
        chains.actor("left", "Affine", "a", "c", factor=6, offset=1),
        chains.actor("right", "Product", "b x", "d"),
        chains.actor("meet", "Affine", "c d", "e", factor=-1),
        chains.actor("tail", "Affine", "e a", "y", offset=11),
    )


async def looked(setup: Setup, *expected: str, noted: str = "") -> Report:
    return await told(*expected, noted=noted, configs=(setup.config,))


async def told(*expected: str, noted: str = "", **question: Any) -> Report:
    """What the doctor says once these are its faults and it has said ``noted``, if it ever does."""
    for listen in LOOKS:
        report = await examine(Question(listen=listen, **question))
        if faults(report) == set(expected) and (not noted or said(report, noted)):
            break
    return report


def said(report: Report, code: str, where: str = "") -> list[Finding]:
    """All findings of this code, of whatever severity."""
    return [found for found in report.findings if found.code == code and where in found.where]


async def fault(setup: Setup, code: str) -> Finding:
    """The only fault that there is."""
    return only(await looked(setup, code), code)


@asynccontextmanager
async def neighbour(setup: Setup, name: str = "pi-b", **config: Any) -> AsyncIterator[LiveNode]:
    """A real node of the same fleet, which runs what pi-a does not."""
    identity = setup.folder / f"identity of {name}"
    if not identity.exists():
        await asyncio.to_thread(setup.issue, name, to=identity)
    usual = {"identity": str(identity), "namespace": setup.keys["namespace"]}
    stages = config.pop("stages", THEIRS)
    directory = config.pop("directory", setup.chain)
    node = launch(directory, name, stages, **usual | config)
    try:
        await node.ready("listening")
        yield node
    finally:
        await node.stop()


@asynccontextmanager
async def announced(setup: Setup, port: int, **other: Any) -> AsyncIterator[PeerHint]:
    """What a node pi-b would announce, and nothing behind it but ``port``."""
    manifest = await asyncio.to_thread(setups.manifest_of, setup)
    usual = PeerHint(
        *("pi-b", setup.keys["namespace"], manifest.name, manifest.generation[:16], 77, ())
    )
    hint = replace(usual, **{"version": WIRE_VERSION} | other)
    async with MdnsRegistry([LOOPBACK]) as registry:
        await registry.announce(hint, [LOOPBACK], port)
        yield hint


async def test_two_nodes_that_find_each_other(half: Setup) -> None:
    async with neighbour(half):
        report = await looked(half)
    assert faults(report) == warnings(report) == set(), report.to_json()
    (found,) = said(report, "node", "pi-b")
    assert found.what == "is ours and answers; runs right, meet, tail"
    assert "(lo)" in found.where


async def test_nobody_is_there(half: Setup) -> None:
    found = await fault(half, "node-absent")
    assert "nobody who was heard of runs meet, right, tail" in found.what


async def test_a_node_that_runs_less_than_is_needed(half: Setup) -> None:
    async with neighbour(half, stages=("right", "meet")):
        found = await fault(half, "node-absent")
    assert "nobody who was heard of runs tail" in found.what


async def test_another_namespace(half: Setup) -> None:
    async with neighbour(half, namespace="elsewhere"):
        found = await fault(half, "node-namespace")
    assert "pi-b are in namespace elsewhere; we look in test-" in found.what
    assert "--namespace elsewhere" in found.advice


async def test_another_generation(half: Setup, tmp_path: Path) -> None:
    name = setups.manifest_of(half).name
    other = chains.write(tmp_path / "other", other_chain(name))
    async with neighbour(half, directory=other):
        found = await fault(half, "node-generation")
    assert setups.manifest_of(half).generation[:12] in found.what


async def test_a_generation_that_is_beside_is_no_other(half: Setup, tmp_path: Path) -> None:
    name = setups.manifest_of(half).name
    other = chains.write(tmp_path / "other", other_chain(name))
    async with neighbour(half, directory=other, next=str(half.chain)):
        report = await looked(half, noted="node")
    assert faults(report) == set(), report.to_json()


async def test_two_nodes_of_one_chain_differ(half: Setup, tmp_path: Path) -> None:
    """Seen by somebody who has no config, and so no generation that would be right."""
    name = setups.manifest_of(half).name
    other = chains.write(tmp_path / "other", other_chain(name))
    client = tmp_path / "client"
    half.issue("laptop", Role.CLIENT, to=client)
    async with neighbour(half), neighbour(half, "pi-c", directory=other):
        report = await told("node-generation", chain=name, identity=client)
    assert "its nodes run different generations: pi-" in only(report, "node-generation").what


async def test_a_chain_by_its_name(half: Setup, tmp_path: Path) -> None:
    """What it needs is asked of those of its nodes that are there."""
    name = setups.manifest_of(half).name
    half.issue("laptop", Role.CLIENT, to=tmp_path / "client")
    question: dict[str, Any] = {"chain": name, "identity": tmp_path / "client"}
    async with neighbour(half):
        found = only(await told("node-absent", **question), "node-absent")
        assert "nobody who was heard of runs head, left" in found.what
        async with neighbour(half, "pi-c", stages=OURS):
            report = await told(**question)
    assert faults(report) == set(), report.to_json()
    found = only(await told("node-absent", **question), "node-absent")
    assert "no node of it was heard of" in found.what


async def test_another_wire(half: Setup) -> None:
    async with announced(half, 4711, version=99):
        found = await fault(half, "node-version")
    assert "speaks version 99 of the wire" in found.what


async def test_a_namesake_in_another_namespace_is_another_node(half: Setup) -> None:
    """Tests that ran at the same time once took each other's nodes for lives of their own."""
    elsewhere = f"{half.keys['namespace']}-not"
    async with announced(half, 4712, namespace=elsewhere), announced(half, 4711, version=99):
        report = await looked(half, "node-version", noted="node-namespace")
    assert only(report, "node-version").where.startswith("node pi-b at 127.0.0.1:4711 ")
    (found,) = [f for f in said(report, "node-namespace") if elsewhere in f.what]
    assert found.severity is Severity.NOTE


async def test_a_stale_record(half: Setup) -> None:
    (port,) = free_ports(1)
    async with announced(half, port):
        found = await fault(half, "node-stale")
    assert f"127.0.0.1:{port}" in found.where
    assert "nobody listens there" in found.what


async def test_an_earlier_life_does_no_harm(half: Setup) -> None:
    (port,) = free_ports(1)
    async with neighbour(half), announced(half, port):
        report = await looked(half, noted="node-stale")
    assert faults(report) == set(), report.to_json()
    (found,) = said(report, "node-stale")
    assert found.severity is Severity.NOTE


async def test_somebody_has_our_name(half: Setup) -> None:
    """A node pi-a on another machine; here it is another one by what it announces."""
    async with announced(half, 4711, name="pi-a") as hint, neighbour(half):
        report = await looked(half)
    assert faults(report) == set(), "on an address of this machine it is ourselves"
    assert hint.name == "pi-a"


async def test_two_nodes_of_one_name(half: Setup) -> None:
    async with neighbour(half), neighbour(half):
        found = await fault(half, "node-duplicate")
    assert found.where == "node pi-b"


async def test_a_node_of_another_fleet(half: Setup) -> None:
    ours, half.authority = half.authority, Authority.new("strangers")
    await asyncio.to_thread(half.issue, "pi-b", to=half.folder / "identity of pi-b")
    half.authority = ours
    async with neighbour(half):
        found = await fault(half, "node-untrusted")
    assert "our authority has not signed its certificate" in found.what


async def test_a_node_that_was_started_insecure(half: Setup) -> None:
    async with neighbour(half, identity=None, insecure=True):
        found = await fault(half, "node-untrusted")
    assert "it was started insecure" in found.what


async def test_who_has_no_identity_hears_and_does_not_ask(half: Setup) -> None:
    async with neighbour(half):
        report = await told(noted="node", namespace=half.keys["namespace"])
    assert faults(report) == set(), report.to_json()
    (found,) = said(report, "node", "pi-b")
    assert "was not asked" in found.what


# Static peers ------------------------------------------------------------------------------------


async def test_a_peer_by_its_address(half: Setup) -> None:
    async with neighbour(half, discovery="static") as node:
        half.write(discovery="static", peers=[node.address], interfaces=None)
        report = await looked(half)
    assert faults(report) == set(), report.to_json()
    assert said(report, "node", node.address)


async def test_a_peer_that_is_not_there(half: Setup) -> None:
    (port,) = free_ports(1)
    half.write(discovery="static", peers=[f"{LOOPBACK}:{port}"], interfaces=None)
    assert "nobody listens there" in (await fault(half, "node-peer")).what


# A fleet, seen from a laptop ---------------------------------------------------------------------


async def test_of_two_configs_one_node_is_there(half: Setup, tmp_path: Path) -> None:
    other = tmp_path / "pi-b.yaml"
    half.write(name="pi-b", stages=THEIRS, identity="identity of pi-b")
    half.config.rename(other)
    half.write()
    half.issue("laptop", Role.CLIENT, to=tmp_path / "client")
    question: dict[str, Any] = {
        "configs": (half.config, other),
        "identity": tmp_path / "client",
    }
    async with neighbour(half):
        found = only(await told("node-absent", **question), "node-absent")
    assert found.where == "node pi-a"
    assert os.environ["EDGECHAIN_NAMESPACE"] in found.what
