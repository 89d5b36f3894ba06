"""Whose identity a client shows: the one it is given, its chain's, the usual one, or none."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

import edgechain
from edgechain.client.credentials import client_security
from edgechain.discovery.local import LocalChain
from edgechain.errors import InvalidIdentity, RequestError
from tests.chain import chains
from tests.chain.nodes import NAMESPACE, READY_SECONDS, processes
from tests.security.one_fleet import client_identity, node_identity


def local(identity: Path | None) -> LocalChain:
    return LocalChain(name="five", generation="g", directory="d", identity=str(identity or ""))


@pytest.fixture(autouse=True)
def nothing_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGECHAIN_IDENTITY", raising=False)


def name(*arguments: object) -> str:
    identity, insecure, chain = arguments
    found = client_security(identity, insecure, chain)  # type: ignore[arg-type]
    assert found is not None
    return found.party.name


def test_what_is_given_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    given, recorded, usual = (client_identity(n) for n in ("given", "recorded", "usual"))
    monkeypatch.setenv("EDGECHAIN_IDENTITY", str(usual))
    assert name(given, False, local(recorded)) == "given"
    assert name(None, False, local(recorded)) == "recorded"
    assert name(None, False, local(None)) == "usual"
    assert name(str(given), False, None) == "given"


def test_insecure_is_said_and_nothing_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    assert client_security(None, True, local(client_identity())) is None
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "INSECURE" in caplog.text


@pytest.mark.parametrize(
    ("identity", "insecure", "chain", "reason"),
    [
        (None, False, None, "to ask it takes an identity"),
        (None, False, local(None), "chain 'five' runs without keys"),
        (client_identity(), True, None, "not both"),
        ("nowhere", False, None, "is no directory"),
        (node_identity("pi-a"), False, None, "is that of node pi-a; a client has its own"),
    ],
)
def test_nothing_else_will_do(
    identity: Path | None, insecure: bool, chain: LocalChain | None, reason: str
) -> None:
    with pytest.raises(InvalidIdentity, match=reason):
        client_security(identity, insecure, chain)


@pytest.mark.processes
@pytest.mark.may_block
async def test_a_chain_that_comes_back_with_other_keys_is_known(tmp_path: Path) -> None:
    five = chains.write(tmp_path / "five", chains.five_stages())
    async with AsyncExitStack() as stack:
        async with processes(five, "five"):
            connecting = edgechain.connect("five", namespace=NAMESPACE, timeout=READY_SECONDS)
            chain = await stack.enter_async_context(connecting)
            await chain.infer(chains.question(1))
        async with processes(five, "five"):
            assert await answers_within(chain, READY_SECONDS)


async def answers_within(chain: edgechain.Chain, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(RequestError):
            await chain.infer(chains.question(2), deadline=1.0)
            return True
        await asyncio.sleep(0.05)
    return False
