"""Nodes and a client that know of each other by DNS SRV records alone, some of which lie."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgechain
from edgechain.client.survey import survey
from edgechain.errors import UnknownChain
from edgechain.security.identity import write_throwaway
from tests.chain import chains
from tests.chain.nodes import LOOPBACK, NAMESPACE, READY_SECONDS, nodes, until
from tests.discovery.dns_servers import SERVICE, dnsmasq, srv
from tests.ports import free_ports, free_udp_port
from tests.security.one_fleet import client_identity

pytestmark = [pytest.mark.once, pytest.mark.dnsmasq, pytest.mark.may_block]

PLACEMENT = {"d1": ("head", "right", "tail"), "d2": ("left", "meet")}


@asynccontextmanager
async def listed(
    directory: Path,
    placement: Mapping[str, Sequence[str]],
    server: str,
    ports: Mapping[str, int],
    **config: Any,
) -> AsyncIterator[None]:
    """Nodes that ask this DNS server and nobody else."""
    usual = {"discovery": "dns", "dns": {"service": SERVICE, "server": server, "seconds": 0.2}}
    alone = {name: {**usual, "port": ports[name]} for name in placement}
    async with nodes(directory, placement, each=alone, **config):
        yield


async def ask(name: str | Path, server: str, timeout: float = READY_SECONDS) -> None:
    """A client that is told of DNS only gets the right answers."""
    async with edgechain.connect(
        name,
        dns=f"{SERVICE}@{server}",
        namespace=NAMESPACE,
        timeout=timeout,
        identity=client_identity(),
    ) as chain:
        for number in range(5):
            asked = chains.question(number)
            result = await chain.infer({"x": asked})
            np.testing.assert_array_equal(result["y"], chains.five_answer(asked))


@pytest.fixture
def ports() -> dict[str, int]:
    return dict(zip(("d1", "d2", "dead"), free_ports(3), strict=True))


async def test_nodes_and_a_client_find_each_other(
    five: Path, tmp_path: Path, ports: dict[str, int]
) -> None:
    records = [*srv("d1", ports["d1"]), *srv("d2", ports["d2"])]
    with dnsmasq(tmp_path, free_udp_port(), records) as server:
        async with listed(five, PLACEMENT, server, ports):
            await ask("five", server)
            await ask(five, server)


async def test_a_server_that_comes_late_is_heard(
    five: Path, tmp_path: Path, ports: dict[str, int]
) -> None:
    """First there is none, then one that knows half, then one that knows all."""
    port = free_udp_port()
    with ExitStack() as stack:
        half = stack.enter_context(ExitStack())
        half.enter_context(dnsmasq(tmp_path, port, srv("d1", ports["d1"])))
        with pytest.raises(UnknownChain, match="DNS lists"):
            await ask("five", f"{LOOPBACK}:{port}", timeout=0.5)
        half.close()
        stack.enter_context(
            dnsmasq(tmp_path, port, [*srv("d1", ports["d1"]), *srv("d2", ports["d2"])])
        )
        async with listed(five, PLACEMENT, f"{LOOPBACK}:{port}", ports):
            await ask("five", f"{LOOPBACK}:{port}")


async def test_records_that_lie_are_survived(
    five: Path, tmp_path: Path, ports: dict[str, int]
) -> None:
    """A dead address, a node of somebody else's fleet, and a host that does not exist."""
    other = chains.write(tmp_path / "other", chains.five_stages("other"))
    stages = tuple(stage.name for stage in chains.five_stages().stages)
    write_throwaway(tmp_path / "theirs", "theirs", ("stranger",), "client")
    theirs = str(tmp_path / "theirs" / "stranger")
    async with nodes(other, {"stranger": stages}, static=True, identity=theirs) as strangers:
        alien = int(strangers["stranger"].address.rpartition(":")[2])
        records = [*srv("dead", ports["dead"]), *srv("stranger", alien)]
        records += [f"srv-host={SERVICE},nobody.fleet.test,1"]
        records += [*srv("d1", ports["d1"]), *srv("d2", ports["d2"])]
        with dnsmasq(tmp_path, free_udp_port(), records) as server:
            async with listed(five, PLACEMENT, server, ports):
                await ask("five", server)


async def test_the_environment_says_whom_to_ask(
    five: Path, tmp_path: Path, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [*srv("d1", ports["d1"]), *srv("d2", ports["d2"])]
    with dnsmasq(tmp_path, free_udp_port(), records) as server:
        monkeypatch.setenv("EDGECHAIN_DNS", f"{SERVICE}@{server}")
        async with (
            listed(five, PLACEMENT, server, ports),
            edgechain.connect(
                "five", namespace=NAMESPACE, timeout=READY_SECONDS, identity=client_identity()
            ) as chain,
        ):
            await chain.infer({"x": chains.question(1)})
            found = await survey(NAMESPACE, 0.0, client_identity())
            names = {one.status.name for one in found if one.status is not None}
            assert {"d1", "d2"} <= names, "status asks them, too"


async def test_a_link_that_nobody_suggests_any_more_is_left(
    five: Path, tmp_path: Path, ports: dict[str, int]
) -> None:
    port, alone = free_udp_port(), {"d1": PLACEMENT["d1"]}
    dead = srv("dead", ports["dead"])
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        server = first.enter_context(dnsmasq(tmp_path, port, [*srv("d1", ports["d1"]), *dead]))
        special = {"discovery": "dns", "port": ports["d1"]}
        special["dns"] = {"service": SERVICE, "server": server, "seconds": 0.1}
        async with nodes(five, alone, each={"d1": special}, await_links=False) as live:
            node = live["d1"].node
            await until(lambda: len(node.status().links) == 2, "both records are tried")
            first.close()
            stack.enter_context(dnsmasq(tmp_path, port, srv("d1", ports["d1"])))
            await until(lambda: len(node.status().links) == 1, "the dead one is left")
