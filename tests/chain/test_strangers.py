"""A client that is not of the fleet learns it at once, in one typed error, however it looks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import edgechain
from edgechain.errors import Unauthorized
from edgechain.security.authority import Authority
from edgechain.spec.message import Role
from tests.chain.nodes import NAMESPACE, nodes
from tests.security.members import made

pytestmark = pytest.mark.may_block  # starting nodes and workers touches files

AT_ONCE = 3.0
"""Seconds; who only waits out the time to find a chain takes 30."""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    made(tmp_path / "foreign", Authority.new("elsewhere"), Role.CLIENT, "client")
    return tmp_path / "foreign"


async def refused(**words: Any) -> str:
    with pytest.raises(Unauthorized) as error:
        async with edgechain.connect("five", namespace=NAMESPACE, **words):
            pytest.fail("it is let in")
    return str(error.value)


async def test_a_stranger_is_refused_at_known_addresses(five: Path, foreign: Path) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}) as live:
        peers = [live["n"].address]
        start = time.monotonic()
        said = await refused(peers=peers, identity=foreign, timeout=30)
        assert said.startswith(f"{peers[0]}: it belongs to another fleet")
        assert "it may want to see a certificate" in await refused(peers=peers, insecure=True)
        assert time.monotonic() - start < AT_ONCE
        assert live["n"].node.status().clients == 0


async def test_a_stranger_that_listens_is_refused_by_who_announces_itself(
    five: Path, foreign: Path
) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}):
        said = await refused(mdns=True, identity=foreign, timeout=2)
        assert "it belongs to another fleet" in said


async def test_a_stranger_that_has_the_chain_is_refused_too(five: Path, foreign: Path) -> None:
    async with nodes(five, {"n": ("head", "left", "right", "meet", "tail")}):
        with pytest.raises(Unauthorized, match="it belongs to another fleet"):
            async with edgechain.connect(
                five, namespace=NAMESPACE, mdns=True, identity=foreign, timeout=2
            ):
                pytest.fail("it is let in")
