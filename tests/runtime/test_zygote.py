"""The zygote: one thread, quick births, and what happens when it is killed, stopped or broken."""

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

from edgechain.errors import WorkerLost
from edgechain.runtime import zygote_process
from edgechain.runtime.interpreter import available_kinds
from edgechain.runtime.kinship import FIRST_TO_GO
from edgechain.runtime.worker_process import WorkerProcess
from edgechain.runtime.zygote_wire import Event, Record
from tests.runtime.workers import Working, actor_setup, working
from tests.watch.needs import ROOT
from tests.watch.processes import living, wait_for_end

pytestmark = [pytest.mark.processes, pytest.mark.may_block]

WITHIN = 60.0
ONES = np.ones((1, 4), np.float32)
ACTORS = """
import os, subprocess, sys, time
import numpy as np

class Same:
    def __call__(self, value):
        return value

class Starts:
    def __init__(self):
        self.child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    def __call__(self, value):
        self.child.terminate()
        return np.full((1, 4), self.child.wait(), np.float32)

class Forks:
    def __call__(self, value):
        if value[0, 0] and os.fork():
            os._exit(5)
        time.sleep(1 if value[0, 0] else 0)
        os._exit(0)

class Draws:
    def __call__(self, value):
        return np.random.rand(1, 4).astype(np.float32)
"""


@pytest.fixture
def actors(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(ACTORS)
    return path


def told_of(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


def children_of(pid: int) -> set[int]:
    return set(map(int, told_of(pid, f"task/{pid}/children").split()))


async def another(live: Working, actors: Path, name: str = "Same") -> Working:
    """A sibling of a worker, from the same zygote."""
    setup = actor_setup(actors, name)
    worker = await WorkerProcess.start(setup, live.arena.fileno, live.zygote)
    return Working(worker, live.arena, live.zygote)


@pytest.mark.parametrize("kind", available_kinds())
async def test_it_has_one_thread_and_so_have_its_children(actors: Path, kind: str) -> None:
    async with working(actor_setup(actors, "Same", interpreter=str(kind))) as live:
        for pid in (live.zygote.pid, live.worker.pid):
            assert "\nThreads:\t1\n" in told_of(pid, "status")
            names = told_of(pid, "maps")
            assert {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}[kind] in names


async def test_workers_are_named_after_their_stage(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        names = [told_of(pid, "comm") for pid in (live.zygote.pid, live.worker.pid)]
    assert names == ["zygote\n", "stage s\n"]


async def test_where_memory_runs_out_workers_go_first(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        pids = (os.getpid(), live.zygote.pid, live.worker.pid)
        scores = [int(told_of(pid, "oom_score_adj")) for pid in pids]
    assert scores[0] == scores[1] < scores[2] == int(FIRST_TO_GO)


async def test_killed_it_takes_its_workers_along_and_others_come_from_the_next(
    actors: Path,
) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        first = live.zygote.pid
        os.kill(first, signal.SIGKILL)
        assert not wait_for_end({first, live.worker.pid}, WITHIN)
        with pytest.raises(WorkerLost, match="ended with the process it was forked from"):
            await asyncio.wait_for(live.run(ONES), WITHIN)
        sibling = await another(live, actors)
        assert live.zygote.pid not in (0, first)
        np.testing.assert_array_equal(await sibling.run(ONES), ONES)
        await sibling.worker.close()


async def test_stopped_it_is_replaced(actors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote_process, "FORK_SECONDS", 0.2)
    async with working(actor_setup(actors, "Same")) as live:
        first = live.zygote.pid
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(WorkerLost, match=r"stage s: the process .* does not answer"):
            await another(live, actors)
        assert not wait_for_end({first, live.worker.pid}, WITHIN)
        monkeypatch.undo()
        sibling = await another(live, actors)
        np.testing.assert_array_equal(await sibling.run(ONES), ONES)
        await sibling.worker.close()


async def test_one_that_cannot_start_is_a_lost_worker(
    actors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(WorkerLost, match=r"workers are forked from does not start \(status 1\)"):
        async with working(actor_setup(actors, "Same")):
            pytest.fail("it was started")


async def test_many_are_born_at_once_and_each_end_is_told(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        siblings = await asyncio.gather(*(another(live, actors) for _ in range(8)))
        for sibling in siblings[::2]:
            os.kill(sibling.worker.pid, signal.SIGKILL)
        for sibling in siblings[::2]:
            with pytest.raises(WorkerLost, match="was killed by signal 9"):
                await sibling.run(ONES)
        await asyncio.gather(*(sibling.worker.close() for sibling in siblings))
        found = [sibling.worker._child.ended.result() for sibling in siblings]
        assert found == [-9, 0] * 4


async def test_a_birth_nobody_waits_for_any_more_leaves_nothing(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        task = asyncio.create_task(another(live, actors))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        sibling = await another(live, actors)
        known = {live.worker.pid, sibling.worker.pid}
        assert not wait_for_end(children_of(live.zygote.pid) - known, WITHIN)
        assert children_of(live.zygote.pid) & living() == known
        await sibling.worker.close()


async def test_an_end_is_noticed_although_a_child_of_the_worker_holds_its_channel(
    actors: Path,
) -> None:
    async with working(actor_setup(actors, "Forks")) as live:
        with pytest.raises(WorkerLost, match="exited with status 5"):
            await asyncio.wait_for(live.run(ONES), WITHIN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signals_to_the_whole_group_are_the_daemons_to_answer(
    actors: Path, number: signal.Signals
) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        for pid in (live.worker.pid, live.zygote.pid):
            os.kill(pid, number)
        np.testing.assert_array_equal(await live.run(ONES), ONES)
        sibling = await another(live, actors)
        await sibling.worker.close()


async def test_what_an_actor_starts_can_be_terminated(actors: Path) -> None:
    async with working(actor_setup(actors, "Starts")) as live:
        np.testing.assert_array_equal(await live.run(ONES), ONES * -signal.SIGTERM)


async def test_siblings_draw_different_numbers(actors: Path) -> None:
    async with working(actor_setup(actors, "Draws")) as live:
        sibling = await another(live, actors, "Draws")
        one, other = await live.run(ONES), await sibling.run(ONES)
        await sibling.worker.close()
    assert not np.array_equal(one, other)


def test_nobody_outlives_a_daemon_that_is_killed_in_the_middle_of_a_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.runtime.stuck_daemon", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout
        family = set(json.loads(daemon.stdout.readline()))
        assert len(family) == 2
        daemon.kill()
    assert not wait_for_end(family, WITHIN)


def test_records_survive_the_wire() -> None:
    for record in (Record(Event.READY), Record(Event.ENDED, 1 << 22, -9)):
        assert Record.unpack(record.pack()) == record
    with pytest.raises(ValueError, match="99"):
        Record.unpack(b"c" + bytes(8))
