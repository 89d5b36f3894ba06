"""SIGHUP at any moment of a node's start: it is read again, and nobody dies of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgechain.spec.config import NodeConfig
from edgechain.spec.document import parse, render
from edgechain.spec.status import GenerationState as State
from tests.chain import chains
from tests.chain.test_lives import WITHIN, write_config
from tests.chain.test_reload import asked

pytestmark = [pytest.mark.processes, pytest.mark.may_block]

EVERY_SECONDS = 0.1
"""A node that reads again all the time has none left to start in."""


BEGINS = """
import os, sys
from edgechain.node import __main__ as door
tune = door.tune_allocator
def begin():
    tune()
    os.write(int(sys.argv[3]), b'{"event": "begins"}\\n')
door.tune_allocator = begin
sys.exit(door.main())
"""


def chain(folder: Path, factor: int) -> Path:
    stage = chains.actor("one", "Affine", "x", "y", factor=factor, sleeps=0.5)
    return chains.write(folder, chains.connected("c", stage))


@dataclass
class Starting:
    """A node that has just begun to be one."""

    config: Path
    process: subprocess.Popen[bytes]
    reports: Iterator[dict[str, object]]

    def signal_until(self, over: threading.Event) -> None:
        while not over.wait(EVERY_SECONDS):
            self.process.send_signal(signal.SIGHUP)


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Starting]:
    config = write_config(tmp_path, chain(tmp_path / "old", 2), port=0, discovery="static")
    reading, writing = os.pipe()
    words = [sys.executable, "-c", BEGINS, str(config), "--announce-fd", str(writing)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, pass_fds=[writing], stderr=log)
    os.close(writing)
    with os.fdopen(reading) as reports:
        try:
            yield Starting(config, process, map(json.loads, reports))
        finally:
            process.kill()
            process.wait(WITHIN)


async def test_signals_from_its_first_line_until_it_listens(
    tmp_path: Path, starting: Starting
) -> None:
    """The last file counts, also where it was read before the first generation was loaded."""
    noun = parse(NodeConfig, starting.config.read_text(), file="node.yaml")
    beside = noun.model_copy(update={"next": str(chain(tmp_path / "new", 3))})
    assert next(starting.reports) == {"event": "begins"}
    starting.config.write_text(render(beside))
    listens = threading.Event()
    signals = threading.Thread(target=starting.signal_until, args=(listens,))
    signals.start()
    try:
        said = next(r for r in starting.reports if r["event"] in ("listening", "failed"))
    finally:
        listens.set()
        signals.join()
    assert said["event"] == "listening"
    status = await asked(
        said["port"], lambda s: [g.state for g in s.generations] == [State.CURRENT, State.READY]
    )
    assert status.configurations >= 1
    starting.process.terminate()
    assert starting.process.wait(WITHIN) == 0, (tmp_path / "log").read_text()


def test_a_start_that_fails_is_not_turned_into_a_death_by_the_signal(tmp_path: Path) -> None:
    """The status says that it failed, with its one line, although nobody ever read the signal."""
    config = tmp_path / "node.yaml"
    config.write_text("name: [")
    script = (
        "import os, signal, sys\n"
        "from edgechain.node import __main__ as door\n"
        "door.tune_allocator = lambda: os.kill(os.getpid(), signal.SIGHUP)\n"
        "sys.exit(door.main())"
    )
    words = [sys.executable, "-c", script, str(config)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"edgechain node: {config}:1:")
