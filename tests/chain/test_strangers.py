"""A client that is not of the fleet learns it at once, in one typed error, however it looks."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import edgechain
from edgechain.errors import Unauthorized, UnknownChain
from edgechain.security.authority import Authority
from edgechain.spec.message import Role
from tests.chain.nodes import NAMESPACE, nodes
from tests.security.members import made

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

PATIENCE, AT_ONCE = 100.0, 10.0
"""Seconds to find a chain, which who only waits it out takes; and a tenth of them."""

LOOKS = (2.0, 8.0, 32.0)
"""Seconds to listen for those that announce themselves: more, where nobody was heard in time."""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    made(tmp_path / "foreign", Authority.new("elsewhere"), Role.CLIENT, "client")
    return tmp_path / "foreign"


async def refused(target: str | Path = "five", **words: Any) -> str:
    with pytest.raises(Unauthorized) as error:
        async with edgechain.connect(target, namespace=NAMESPACE, **words):
            pytest.fail("it is let in")
    return str(error.value)


async def heard_of(target: str | Path, identity: Path) -> str:
    """What a stranger is told that listens, as soon as it has heard of somebody."""
    for timeout in LOOKS:
        with suppress(UnknownChain):
            return await refused(target, mdns=True, identity=identity, timeout=timeout)
    pytest.fail("nobody was heard of")


async def test_a_stranger_is_refused_at_known_addresses(five: Path, foreign: Path) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}) as live:
        peers = [live["n"].address]
        start = time.monotonic()
        said = await refused(peers=peers, identity=foreign, timeout=PATIENCE)
        assert said.startswith(f"{peers[0]}: it belongs to another fleet")
        said = await refused(peers=peers, insecure=True, timeout=PATIENCE)
        assert "it may want to see a certificate" in said
        assert time.monotonic() - start < AT_ONCE
        assert live["n"].node.status().clients == 0


async def test_a_stranger_that_listens_is_refused_by_who_announces_itself(
    five: Path, foreign: Path
) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}):
        assert "it belongs to another fleet" in await heard_of("five", foreign)


async def test_a_stranger_that_has_the_chain_is_refused_too(five: Path, foreign: Path) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}):
        assert "it belongs to another fleet" in await heard_of(five, foreign)
