"""The node as a process of its own: started, found healthy or not, ended, never mistaken."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgechain.deploy.device import process_service
from edgechain.deploy.device.health import Health
from edgechain.deploy.device.process_record import ProcessRecord
from edgechain.deploy.device.process_service import ProcessService
from edgechain.deploy.device.service import Service, detect
from tests.chain import chains
from tests.chain.test_reload import asked
from tests.deploy.device.device_roots import BROKEN, add_generation, broken, good, moody, switch
from tests.ports import free_port

pytestmark = [pytest.mark.once, pytest.mark.processes, pytest.mark.may_block]

SECONDS = 60.0
"""A node starts in two; a machine that tests elsewhere too takes longer."""

WAITED_FOR = (0, -signal.SIGTERM, -signal.SIGKILL)
"""0 where the service has taken the status already."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def service(root: Path) -> Iterator[Service]:
    made = ProcessService(root)
    yield made
    made.stop()


def runs(root: Path) -> int:
    """The id of the process that is on record; 0 when it does not live."""
    record = ProcessRecord.read(root / "pid")
    handle = record.open() if record else None
    if record is None or handle is None:
        return 0
    os.close(handle)
    return record.pid


def test_a_healthy_node_goes_on_when_its_starter_is_gone(root: Path, service: Service) -> None:
    switch(root, add_generation(root, "000001-a", good()))
    script = (
        "import sys; from pathlib import Path\n"
        "from edgechain.deploy.device.service import detect\n"
        "root = Path(sys.argv[1]); service = detect(root)\n"
        "print(service.kind, service.start((root / 'current').resolve(), 60))"
    )
    words = [sys.executable, "-c", script, str(root)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=SECONDS)
    assert said.stdout.startswith("process Health(ok=True, reason='0 of 0 links up")
    assert "stages: " not in said.stdout
    assert "one (0 run)" in said.stdout  # the self-test is no request
    pid = runs(root)
    assert pid
    assert os.getsid(pid) == pid
    assert any("the self-test passed" in line for line in service.journal(50))
    service.stop()
    assert not runs(root)
    assert service.journal(1)[0].endswith("alone has stopped")
    assert not (root / "pid").exists()


def test_a_start_ends_the_node_that_ran_before(root: Path, service: Service) -> None:
    switch(root, add_generation(root, "000001-a", good()))
    assert service.start((root / "current").resolve(), SECONDS).ok
    first = runs(root)
    second = add_generation(root, "000002-b", good(3))
    health = service.start(second, SECONDS)
    assert (health.ok, health.reason) == (False, "000002-b is not current; switch to it first")
    assert not runs(root)
    switch(root, second)
    assert service.start(second, SECONDS).ok
    assert runs(root) not in (0, first)


async def test_a_reload_gives_the_node_another_configuration_and_keeps_it(
    root: Path, service: Service
) -> None:
    first = add_generation(root, "000001-a", good(), port=(port := free_port()))
    switch(root, first)
    assert (await asyncio.to_thread(service.start, first, SECONDS)).ok
    pid, before = runs(root), await asked(port, lambda status: True)
    second = add_generation(root, "000002-b", good(3), port=port)
    switch(root, second)
    assert service.reload(second).ok
    after = await asked(port, lambda status: status.generation == good(3).generation)
    assert (after.pid, runs(root), after.incarnation) == (pid, pid, before.incarnation)
    assert after.configurations == before.configurations + 1


def test_a_reload_where_nothing_runs_is_refused(root: Path, service: Service) -> None:
    generation = add_generation(root, "000001-a", good())
    switch(root, generation)
    assert service.reload(generation) == Health(False, "no node runs here that could read it")
    assert service.start(generation, SECONDS).ok
    os.kill(runs(root), signal.SIGKILL)
    while runs(root):
        pass
    assert service.reload(generation) == Health(False, "no node runs here that could read it")


def test_a_node_whose_stage_fails_the_self_test_is_not_healthy(
    root: Path, service: Service
) -> None:
    generation = add_generation(root, "000001-a", broken())
    switch(root, generation)
    health = service.start(generation, SECONDS)
    assert not health.ok
    assert health.reason.startswith("stage mood: the self-test failed: ValueError: 13 " + BROKEN)
    assert not runs(root)
    assert len(health.reason.splitlines()) == 1


@pytest.mark.parametrize("how", ["exits", "kills"])
def test_a_stage_that_ends_its_worker_over_the_self_test(
    root: Path, service: Service, how: str
) -> None:
    manifest = chains.connected("c", moody("x", **{how: 0}))
    generation = add_generation(root, "000001-a", manifest)
    switch(root, generation)
    health = service.start(generation, SECONDS)
    manner = {"exits": "exited with status 9", "kills": "was killed by signal 9"}[how]
    assert (health.ok, health.reason) == (
        False,
        f"stage mood: its worker {manner}, over the self-test",
    )


def test_a_node_that_does_not_get_ready_in_time_does_not_stay(
    root: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_service, "STOP_SECONDS", 1.0)
    manifest = chains.connected("c", chains.actor("one", "Affine", "x", "y", sleeps=50.0))
    generation = add_generation(root, "000001-a", manifest)
    switch(root, generation)
    health = service.start(generation, 1.0)
    assert (health.ok, health.reason) == (False, "the node was not ready after 1 s")
    assert not (root / "pid").exists()


def test_an_environment_that_is_not_there(root: Path, service: Service) -> None:
    generation = add_generation(root, "000001-a", good())
    (generation / "environment").unlink()
    switch(root, generation)
    health = service.start(generation, SECONDS)
    assert not health.ok
    assert health.reason.endswith("environment/bin/python: No such file or directory")


def test_a_configuration_that_cannot_be_read(root: Path, service: Service) -> None:
    generation = add_generation(root, "000001-a", good())
    (generation / "node.yaml").write_text("name: [")
    switch(root, generation)
    health = service.start(generation, SECONDS)
    assert not health.ok
    assert "node.yaml:1:" in health.reason


def test_a_stranger_who_was_given_the_id_is_left_alone(root: Path, service: Service) -> None:
    root.mkdir()
    stranger = subprocess.Popen(["sleep", "3600"])
    try:
        true = ProcessRecord.of(stranger.pid)
        for record in (
            ProcessRecord(stranger.pid, true.started - 1, true.boot),
            ProcessRecord(stranger.pid, true.started, "another boot"),
            ProcessRecord(stranger.pid, 0, true.boot),
        ):
            record.write(root / "pid")
            service.stop()
            assert stranger.poll() is None
        true.write(root / "pid")
        service.stop()
        assert stranger.wait(SECONDS) in WAITED_FOR
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize(
    "text", ["", "1", "x y z", "-1 2 b", "1 2 3 4", "99999999999999999999 1 b"]
)
def test_a_record_without_sense_is_no_process(root: Path, service: Service, text: str) -> None:
    root.mkdir()
    (root / "pid").write_text(text)
    service.stop()
    assert not (root / "pid").exists()


def test_a_process_that_does_not_end_when_asked_is_killed(
    root: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_service, "STOP_SECONDS", 0.1)
    root.mkdir()
    words = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); "
    words += "signal.pause()"
    deaf = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE)
    assert deaf.stdout
    with deaf.stdout as ready:
        ready.readline()
    ProcessRecord.of(deaf.pid).write(root / "pid")
    before = time.monotonic()
    service.stop()
    assert time.monotonic() - before < SECONDS
    assert deaf.wait(SECONDS) in WAITED_FOR


def test_without_systemd_it_is_a_process(root: Path) -> None:
    if Path("/run/systemd/system").exists():
        pytest.skip("systemd runs this machine")
    assert detect(root).kind == "process"
