"""Node processes end cleanly when told to, and by themselves when nobody is left to tell them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgechain
from edgechain.discovery.local import find_chain
from edgechain.errors import AddressInUse, NodeFailed
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import render
from tests.chain import chains
from tests.chain.nodes import LOOPBACK, NAMESPACE, processes
from tests.commands import Edgechain
from tests.ports import free_ports, free_row
from tests.security.one_fleet import node_identity
from tests.watch.processes import wait_for_end

pytestmark = [pytest.mark.processes, pytest.mark.may_block]

WITHIN = 60.0
"""Seconds; a worker that was told to end gets five, and a starved machine is slow besides."""


def children_of(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def descendants_of(pid: int) -> set[int]:
    """A node's zygote and the workers that it forked."""
    found = children_of(pid)
    return found.union(*map(descendants_of, found))


def is_empty(folder: Path) -> bool:
    return not list(folder.glob("*"))


def start_node(config: Path) -> tuple[subprocess.Popen[bytes], dict[str, object]]:
    """A node process, and whether it listens or why it does not."""
    reading, writing = os.pipe()
    words = [sys.executable, "-m", "edgechain.node", str(config), "--announce-fd", str(writing)]
    process = subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.PIPE)
    os.close(writing)
    with os.fdopen(reading) as reports:
        said = map(json.loads, reports)
        return process, next(report for report in said if report["event"] != "linked")


def write_config(folder: Path, chain: Path, **more: object) -> Path:
    fields = {"host": LOOPBACK, "interfaces": (LOOPBACK,), "threads": 1, "namespace": NAMESPACE}
    fields["identity"] = str(node_identity("alone"))
    config = NodeConfig(name="alone", chain=str(chain), **(fields | more))
    path = folder / "node.yaml"
    path.write_text(render(config))
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_told_to_stop_leaves_nothing(
    tmp_path: Path, five: Path, number: signal.Signals
) -> None:
    process, said = start_node(write_config(tmp_path, five, port=0))
    workers = descendants_of(process.pid)
    assert (said["event"], said["pid"], len(workers)) == ("listening", process.pid, 1 + 5)
    process.send_signal(number)
    _, log = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, log
    assert log.decode().splitlines()[-1].endswith("alone has stopped")
    assert not wait_for_end(workers, 0)


def test_a_node_that_finds_its_port_taken_leaves_nothing(tmp_path: Path, five: Path) -> None:
    (port,) = free_ports(1)
    first, _ = start_node(write_config(tmp_path, five, port=port))
    second, said = start_node(write_config(tmp_path, five, port=port))
    assert (said["event"], said["kind"]) == ("failed", "AddressInUse")
    assert second.wait(WITHIN) == 1
    first.terminate()
    assert first.wait(WITHIN) == 0
    for process in (first, second):
        assert process.stderr
        process.stderr.close()


async def test_a_chain_that_ends_leaves_no_record(five: Path, state_dir: Path) -> None:
    async with processes(five, "five") as running:
        assert find_chain("five") == running
        async with edgechain.connect("five", namespace=NAMESPACE, timeout=WITHIN) as chain:
            x = chains.question(1)
            np.testing.assert_array_equal((await chain.infer(x))["y"], chains.five_answer(x))
    assert is_empty(state_dir)


async def test_a_chain_that_cannot_start_leaves_no_record(moody: Path, state_dir: Path) -> None:
    port, second, _ = free_row(3)
    held = await asyncio.start_server(lambda *_: None, LOOPBACK, second)
    async with held:
        with pytest.raises(AddressInUse, match="node of stage mood: cannot listen"):
            async with processes(moody, "moody", port=port):
                pytest.fail("its port is taken")
    assert is_empty(state_dir)


async def test_up_notices_a_node_that_ends(five: Path) -> None:
    from edgechain.node.local import LocalChainRunner, LocalOptions  # noqa: PLC0415

    options = LocalOptions(namespace=NAMESPACE, threads=1)
    runner = LocalChainRunner(five, "five", options, detach=False, progress=lambda *_: None)
    async with runner:
        assert runner.chain is not None
        os.kill(runner.chain.nodes[2].pid, signal.SIGKILL)
        with pytest.raises(NodeFailed, match="node of stage right was killed by signal 9"):
            await asyncio.wait_for(runner.watch(), WITHIN)


def test_nodes_end_by_themselves_when_up_is_killed(
    tmp_path: Path, moody: Path, state_dir: Path
) -> None:
    shell = Edgechain(tmp_path, state_dir)
    up = shell.start("up", moody, "--name", f"killed-{os.getpid()}")
    assert up.stdout
    assert up.stderr
    assert any("Ctrl-C ends it" in line for line in iter(up.stdout.readline, ""))
    nodes = children_of(up.pid)
    workers = {worker for node in nodes for worker in descendants_of(node)}
    assert (len(nodes), len(workers)) == (3, 3 + 3)
    up.kill()
    up.wait(WITHIN)
    up.stdout.close()
    up.stderr.close()
    assert not wait_for_end(nodes | workers, WITHIN)
    assert find_chain(f"killed-{os.getpid()}") is None
