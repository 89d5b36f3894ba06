"""Nodes with addresses that lead nowhere, and status answers that are not for a terminal."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager

import pytest

from edgechain.client import survey
from edgechain.client.find import manifest_of
from edgechain.discovery.peers import PeerHint
from edgechain.errors import Unavailable
from edgechain.spec.document import render
from edgechain.spec.status import LinkStatus
from tests.chain.nodes import LOOPBACK
from tests.client.doubles import MANIFEST
from tests.ports import free_ports
from tests.spec.statuses import node_status, stage_status
from tests.transport.ports import opened

pytestmark = pytest.mark.may_block  # reading YAML, and records, from disk

STATUS = node_status(
    name="node",
    chain="diamond",
    generation=MANIFEST.generation,
    stages=(stage_status("head"),),
    links=(LinkStatus(peer="", address="n:1", state="down", queued=0, sent_bytes=0),),
)


def answering(status: str) -> AbstractAsyncContextManager[str]:
    async def accept(*_: object) -> None:
        """Nobody links here."""

    return opened(accept, status=lambda: status, manifest=lambda: render(MANIFEST))


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


@pytest.mark.parametrize("generation", [MANIFEST.generation, "f" * 64])
async def test_a_manifest_counts_for_its_own_generation_only(
    generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node may have gone on to another one between the two questions."""
    status = STATUS.model_copy(update={"generation": generation})
    async with answering(status.model_dump_json()) as address:

        async def hear(*_: object) -> tuple[PeerHint, ...]:
            return (hint(address),)

        monkeypatch.setattr(survey, "_hear", hear)
        (found,) = await survey.survey("ns", 0.0, insecure=True, manifests=True)
        (unasked,) = await survey.survey("ns", 0.0, insecure=True)
    assert found.manifest == (MANIFEST if generation == MANIFEST.generation else None)
    assert (found.status, unasked.manifest) == (status, None)


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
