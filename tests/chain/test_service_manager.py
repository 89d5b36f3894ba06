"""Real node processes under a service manager's eyes: a real NOTIFY_SOCKET, a real watchdog."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

import edgechain
from edgechain.spec.config import NodeConfig
from edgechain.spec.document import parse, render
from tests.chain import chains
from tests.chain.hung_node import BROUGHT_OUT
from tests.chain.nodes import LOOPBACK, NAMESPACE
from tests.chain.test_lives import WITHIN, descendants_of, write_config
from tests.node.manager_ear import PATIENCE, ManagerEar
from tests.ports import free_ports
from tests.security.one_fleet import client_identity
from tests.watch.processes import wait_for_end

pytestmark = [pytest.mark.once, pytest.mark.processes, pytest.mark.may_block]

INTERVAL = 1.0
"""Of the watchdog, in seconds."""

STARVED = 3 * INTERVAL
"""A manager has ended the node long before."""

NODE = ("-m", "edgechain.node")


@contextmanager
def managed(
    ear: ManagerEar, config: Path, program: Sequence[str] = NODE, watchdog: float = INTERVAL
) -> Iterator[subprocess.Popen[str]]:
    """A node that a manager has started; ended roughly if it is still there."""
    environment = {**os.environ, "NOTIFY_SOCKET": ear.address}
    environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
    process = subprocess.Popen(
        [sys.executable, *program, str(config)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def static(folder: Path, chain: Path, **more: object) -> Path:
    return write_config(folder, chain, **({"port": 0, "discovery": "static"} | more))


def log_line(process: subprocess.Popen[str], wanted: str) -> str:
    """The next line of its log that has this in it."""
    assert process.stderr
    return next(line for line in iter(process.stderr.readline, "") if wanted in line)


def end(process: subprocess.Popen[str]) -> str:
    """Ask it to end, cleanly; its log."""
    process.terminate()
    _, log = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, log
    return log


async def test_a_life_under_a_manager(tmp_path: Path, five: Path) -> None:
    """READY when it answers requests, WATCHDOG while it lives, STOPPING before it ends."""
    (port,) = free_ports(1)
    with ManagerEar(tmp_path / "notify") as ear:
        config = static(tmp_path, five, port=port)
        with managed(ear, config) as process:
            ready = ear.hear()
            assert ready["READY"] == "1"
            assert "head (0 run)" in ready["STATUS"]  # a self-test is no request
            x = chains.question(1)
            async with edgechain.connect(
                "five",
                peers=[f"{LOOPBACK}:{port}"],
                namespace=NAMESPACE,
                identity=client_identity(),
                timeout=PATIENCE,
            ) as chain:
                answer = await chain.infer(x)
            np.testing.assert_array_equal(answer["y"], chains.five_answer(x))
            drain(ear)
            for _ in range(4):
                words = ear.hear_of("WATCHDOG")
            assert words["WATCHDOG"] == "1"
            assert "head (1 run)" in words["STATUS"]
            log = end(process)
            assert ear.hear_of("STOPPING")["STOPPING"] == "1"
            assert "the self-test passed" in log


def test_what_a_node_starts_does_not_speak_for_it(tmp_path: Path, five: Path) -> None:
    with ManagerEar() as ear, managed(ear, static(tmp_path, five)) as process:
        ear.hear_of("READY")
        family = descendants_of(process.pid)
        assert len(family) == 1 + 5
        for pid in family:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"NOTIFY_SOCKET" not in environment
            assert b"WATCHDOG_USEC" not in environment
        end(process)


@pytest.mark.parametrize(
    ("dislikes", "reason"),
    [
        ({"raises": 13}, "stage mood: the self-test failed: ValueError: 13 is not to my liking"),
        ({"widens": 13}, "stage mood: the self-test failed: output 'y' should be int64"),
        ({"exits": 13}, "stage mood: its worker exited with status 9, over the self-test"),
        ({"kills": 13}, "stage mood: its worker was killed by signal 9, over the self-test"),
    ],
)
def test_a_broken_stage_is_never_ready(
    tmp_path: Path, dislikes: dict[str, int], reason: str
) -> None:
    """What the first stage makes of any input, the second one cannot stand."""
    calm = chains.actor("calm", "Affine", "x", "a", factor=0, offset=13)
    manifest = chains.connected("c", calm, chains.actor("mood", "Moody", "a", "y", **dislikes))
    config = static(tmp_path, chains.write(tmp_path / "chain", manifest))
    with ManagerEar() as ear, managed(ear, config) as process:
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        last = log.splitlines()[-1]
        assert last.startswith(f"edgechain node: {reason}")
        assert not any(line.startswith("Traceback") for line in log.splitlines())
        assert ear.hear() == {"STATUS": last.removeprefix("edgechain node: ")}
        assert ear.hears_nothing_of("READY", 0.1)


def test_without_a_manager_nothing_is_tried(tmp_path: Path) -> None:
    """A node in a terminal starts as it always has."""
    manifest = chains.connected("c", chains.actor("mood", "Moody", "x", "y", raises=0))
    config = static(tmp_path, chains.write(tmp_path / "chain", manifest))
    process = subprocess.Popen(
        [sys.executable, *NODE, str(config)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    assert log_line(process, "alone runs mood on")
    end(process)


@pytest.mark.parametrize("fault", ["none", "actor", "loop"])
def test_who_hangs_is_not_fed(tmp_path: Path, five: Path, fault: str) -> None:
    program = ("-m", "tests.chain.hung_node", fault)
    with ManagerEar() as ear, managed(ear, static(tmp_path, five), program) as process:
        ear.hear_of("READY")
        ear.hear_of("WATCHDOG")
        process.send_signal(signal.SIGUSR1)
        log_line(process, BROUGHT_OUT)
        drain(ear)
        if fault == "none":
            ear.hear_of("WATCHDOG")
        else:
            ear.hears_nothing_of("WATCHDOG", INTERVAL)  # but what was on its way
            assert ear.hears_nothing_of("WATCHDOG", STARVED)
        assert process.poll() is None


def test_a_node_that_is_stopped_is_not_fed_and_goes_on_where_it_was(
    tmp_path: Path, five: Path
) -> None:
    with ManagerEar() as ear, managed(ear, static(tmp_path, five)) as process:
        ear.hear_of("WATCHDOG")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        drain(ear)
        assert ear.hears_nothing_of("WATCHDOG", STARVED)
        process.send_signal(signal.SIGCONT)
        ear.hear_of("WATCHDOG")
        end(process)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_worker_that_hangs_or_dies_is_no_reason_to_end_the_node(
    tmp_path: Path, five: Path, number: signal.Signals
) -> None:
    with ManagerEar() as ear, managed(ear, static(tmp_path, five)) as process:
        ear.hear_of("READY")
        zygote = next(iter(set(map(int, children(process.pid)))))
        worker = min(map(int, children(zygote)))
        os.kill(worker, number)
        for _ in range(6):
            ear.hear_of("WATCHDOG")
        end(process)
        assert not wait_for_end([worker], WITHIN)


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def drain(ear: ManagerEar) -> None:
    """Hear what was said so far."""
    with suppress(TimeoutError):
        while True:
            ear.hear(0.01)


def test_sighup_is_a_reload_that_begins_and_ends(tmp_path: Path, five: Path) -> None:
    with ManagerEar() as ear:
        config = static(tmp_path, five)
        with managed(ear, config) as process:
            ear.hear_of("READY")
            for text in (config.read_text(), "name: ["):
                config.write_text(text)
                now = time.monotonic_ns() // 1000
                process.send_signal(signal.SIGHUP)
                assert int(ear.hear_of("RELOADING")["MONOTONIC_USEC"]) >= now
                assert ear.hear_of("READY") == {"READY": "1"}
            ear.hear_of("WATCHDOG")
            assert "the configuration is not taken" in end(process)


def test_a_next_generation_that_fails_the_self_test_is_not_taken(tmp_path: Path) -> None:
    good = chains.connected("c", chains.actor("mood", "Moody", "x", "y"))
    bad = chains.connected("c", chains.actor("mood", "Moody", "x", "y", raises=0, kills=1))
    config = static(tmp_path, chains.write(tmp_path / "good", good))
    with ManagerEar() as ear, managed(ear, config) as process:
        ear.hear_of("READY")
        noun = parse(NodeConfig, config.read_text(), file="node.yaml")
        beside = str(chains.write(tmp_path / "bad", bad))
        config.write_text(render(noun.model_copy(update={"next": beside})))
        process.send_signal(signal.SIGHUP)
        line = log_line(process, "over the self-test")
        assert "stage mood: its worker was killed by signal 9, over the self-test" in line
        ear.hear_of("WATCHDOG")
        end(process)
