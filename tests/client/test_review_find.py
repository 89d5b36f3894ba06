"""Nodes with addresses that lead nowhere, and status answers that are not for a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edgechain.client import survey
from edgechain.client.find import manifest_of
from edgechain.discovery.peers import PeerHint
from edgechain.errors import Unavailable
from edgechain.spec.document import render
from edgechain.spec.status import LinkStatus, NodeStatus, StageStatus
from edgechain.transport.server import NodeServer
from tests.chain.nodes import LOOPBACK, free_ports
from tests.client.doubles import MANIFEST

pytestmark = pytest.mark.may_block  # reading YAML, and records, from disk

STATUS = NodeStatus(
    name="node",
    namespace="ns",
    chain="diamond",
    generation=MANIFEST.generation,
    incarnation=1,
    version="0",
    interpreter="litert",
    pid=1,
    uptime_seconds=1.0,
    resident_bytes=1,
    slots=1,
    slots_in_use=0,
    clients=0,
    stages=(
        StageStatus(
            name="head", pid=1, ran=0, failed=0, waiting=0, mean_ms=0, max_ms=0, resident_bytes=0
        ),
    ),
    links=(LinkStatus(peer="", address="n:1", state="down", queued=0, sent_bytes=0),),
)


@asynccontextmanager
async def answering(status: str) -> AsyncIterator[str]:
    async def accept(*_: object) -> None:
        """Nobody links here."""

    server = NodeServer(
        accept,
        status=lambda: status,
        manifest=lambda: render(MANIFEST),
        now=time.monotonic,
        security=None,
    )
    port = await server.start(LOOPBACK, 0)
    try:
        yield f"{LOOPBACK}:{port}"
    finally:
        await server.stop()


def hint(*addresses: str) -> PeerHint:
    return PeerHint("node", "ns", "diamond", MANIFEST.generation[:16], 1, addresses)


async def test_a_node_is_asked_at_each_of_its_addresses() -> None:
    closed = f"{LOOPBACK}:{free_ports(1)[0]}"
    async with answering("{}") as address:
        assert await manifest_of(hint(closed, address)) == MANIFEST
    with pytest.raises(Unavailable):
        await manifest_of(hint(closed))


async def test_the_survey_asks_at_each_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = f"{LOOPBACK}:{free_ports(1)[0]}"
    async with answering(STATUS.model_dump_json()) as address:

        async def hear(*_: object) -> tuple[PeerHint, ...]:
            return (hint(closed, address),)

        monkeypatch.setattr(survey, "_hear", hear)
        (found,) = await survey.survey("ns", 0.0, insecure=True)
    assert (found.status, found.address) == (STATUS, address)


@pytest.mark.parametrize("key", ["name", "chain", "version", "interpreter"])
async def test_a_status_with_control_codes_is_none_of_ours(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = json.loads(STATUS.model_dump_json()) | {key: "\x1b]0;owned\x07"}
    async with answering(json.dumps(hostile)) as address:

        async def hear(*_: object) -> tuple[PeerHint, ...]:
            return (hint(address),)

        monkeypatch.setattr(survey, "_hear", hear)
        (found,) = await survey.survey("ns", 0.0, insecure=True)
    assert found.status is None
    assert "not a status of ours" in found.reason
