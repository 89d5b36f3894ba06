"""SIGHUP: a node process reads again what to run; nonsense changes nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edgechain.security.identity import load_identity
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from edgechain.spec.status import GenerationState as State
from edgechain.spec.status import NodeStatus
from edgechain.transport.questions import fetch_status
from tests.chain import chains
from tests.chain.nodes import LOOPBACK, NAMESPACE
from tests.chain.test_lives import WITHIN, start_node
from tests.security.one_fleet import client_identity, node_identity

pytestmark = [pytest.mark.processes, pytest.mark.may_block]


def chain(folder: Path, factor: int, name: str = "c") -> Path:
    stage = chains.actor("one", "Affine", "x", "y", factor=factor)
    return chains.write(folder, chains.connected(name, stage))


async def asked(port: object, wanted: Callable[[NodeStatus], bool]) -> NodeStatus:
    """The first status that is as wanted."""
    security = load_identity(client_identity())
    async with asyncio.timeout(WITHIN):
        while True:
            text = await fetch_status(f"{LOOPBACK}:{port}", security=security)
            status = NodeStatus.model_validate_json(text)
            if wanted(status):
                return status
            await asyncio.sleep(0.02)


async def test_what_is_read_again(tmp_path: Path) -> None:
    config = NodeConfig(
        name="alone",
        chain=str(chain(tmp_path / "old", 2)),
        host=LOOPBACK,
        port=0,
        interfaces=(LOOPBACK,),
        namespace=NAMESPACE,
        identity=str(node_identity("alone")),
    )
    path = tmp_path / "node.yaml"

    def tell(text: str) -> None:
        path.write_text(text)
        process.send_signal(signal.SIGHUP)

    path.write_text(render(config))
    process, said = start_node(path)
    try:
        tell("name: [")
        status = await asked(said["port"], lambda s: s.configurations == 1)
        assert [g.state for g in status.generations] == [State.CURRENT, State.FAILED]
        tell(render(config.model_copy(update={"chain": str(chain(tmp_path / "d", 5, "d"))})))
        status = await asked(said["port"], lambda s: s.configurations == 2)
        assert "names chain 'd'" in status.generations[-1].reason
        more = {"next": str(chain(tmp_path / "new", 3)), "chain_name": "c"}
        tell(render(config.model_copy(update=more)))
        await asked(said["port"], lambda s: [g.state for g in s.generations][1:] == [State.READY])
    finally:
        process.terminate()
        _, log = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, log
    assert b"the configuration is not taken" in log
    assert b"waits for the next start" not in log, "the name is the same, said or not"
