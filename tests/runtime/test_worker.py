"""A worker process: what it computes, what it refuses and how it ends."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from edgechain.errors import InvalidChain, WorkerLost
from edgechain.runtime import worker_process
from edgechain.runtime.interpreter import available_kinds
from edgechain.runtime.words import LINES_AT_ONCE
from edgechain.runtime.worker_process import WorkerProcess
from tests.model.made import Made, row
from tests.runtime.workers import Array, actor_setup, model_setup, working

pytestmark = [pytest.mark.processes, pytest.mark.may_block]

ACTORS = """
import os, sys, time
import numpy as np

class Same:
    def __call__(self, value):
        return value

class Writes:
    def __call__(self, value):
        value[:] = 0
        return value

class Needs:
    def __init__(self, size):
        self.size = size

    def __call__(self, value):
        return value * self.size

class Answers:
    def __init__(self, what):
        self.what = what

    def __call__(self, value):
        return {
            "nothing": None,
            "two": (value, value),
            "text": "text",
            "float64": value.astype(np.float64),
            "wide": np.ones((1, 5), np.float32),
            "flat": np.ones(4, np.float32),
            "large": np.ones((1, 4, 99), np.float32),
            "list": [value + 1],
            "strided": np.ones((4, 2), np.float32)[:, :1].T,
        }[self.what]

class Prints:
    def __init__(self):
        print("a user's line", flush=True)

    def __call__(self, value):
        sys.exit("enough")

class Hangs:
    def __call__(self, value):
        print("begins")
        while value[0, 0]:
            time.sleep(3600)
        return value

class Talks:
    def __call__(self, value):
        os.write(2, b"words\\nlast words\\n")
        os._exit(3)
"""


@pytest.fixture
def actors(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(ACTORS)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """relu(x) + (1, 2, 3, 1), with 2 operators."""
    path = tmp_path / "row.tflite"
    path.write_bytes(row(2).content())
    return path


def value(first: float = 1) -> Array:
    return np.array([[first, -1, 2, 0.5]], np.float32)


@pytest.mark.parametrize("kind", available_kinds())
async def test_a_model_runs_on_the_slot_it_is_given(model: Path, kind: str) -> None:
    async with working(model_setup(model, interpreter=str(kind))) as live:
        for slot in (2, 0, 1, 0):
            found = await live.run(value(slot), slot)
            expected = np.maximum(value(slot), 0) + np.array([[1, 2, 3, 1]], np.float32)
            np.testing.assert_array_equal(found, expected)
        assert live.worker.resident_bytes() > 1 << 20


async def test_a_file_that_was_changed_is_not_run(model: Path) -> None:
    setup = model_setup(model, sha256="0" * 64)
    with pytest.raises(InvalidChain, match=r"row\.tflite: its content is not what chain\.yaml"):
        async with working(setup):
            pytest.fail("it was started")


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3" + bytes(100)])
async def test_what_the_interpreter_refuses(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises((InvalidChain, WorkerLost), match=r"^stage s: "):
        async with working(model_setup(path)):
            pytest.fail("it was started")


async def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    made = Made()
    main = made.graph()
    out = main.tensor("y")
    main.operator("Frobnicate", [main.input("x")], [out])
    main.outputs.append(out)
    path = tmp_path / "custom.tflite"
    path.write_bytes(made.content())
    with pytest.raises(InvalidChain, match="Frobnicate"):
        async with working(model_setup(path)):
            pytest.fail("it was started")


async def test_a_file_that_is_not_there(model: Path) -> None:
    setup = model_setup(model, file=str(model.with_name("gone.tflite")))
    with pytest.raises(InvalidChain, match="No such file"):
        async with working(setup):
            pytest.fail("it was started")


@pytest.mark.parametrize(
    ("source", "name", "reason"),
    [
        (ACTORS, "Absent", "AttributeError: .* has no attribute 'Absent'"),
        (ACTORS, "Needs", "TypeError: .*missing 1 required positional argument: 'size'"),
        ("import nowhere_at_all", "Same", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def broken(:", "Same", "SyntaxError"),
        ("raise SystemExit(4)", "Same", "exited with status 4"),
    ],
)
async def test_an_actor_that_cannot_be_made(
    tmp_path: Path, source: str, name: str, reason: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises((InvalidChain, WorkerLost), match=reason) as caught:
        async with working(actor_setup(path, name)):
            pytest.fail("it was started")
    assert "\n" not in str(caught.value)


async def test_an_actor_takes_options(actors: Path) -> None:
    async with working(actor_setup(actors, "Needs", options={"size": 3})) as live:
        np.testing.assert_array_equal(await live.run(value()), value() * 3)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("nothing", "is object"),
        ("two", "gave 2 outputs, not 1"),
        ("text", "is <U4"),
        ("float64", r"is float64 \[1, 4\]"),
        ("wide", r"is float32 \[1, 5\]"),
        ("flat", r"is float32 \[4\]"),
        ("large", r"is float32 \[1, 4, 99\] of 1584 bytes"),
    ],
)
async def test_an_answer_that_does_not_fit_fails_and_the_worker_lives(
    actors: Path, what: str, reason: str
) -> None:
    async with working(actor_setup(actors, "Answers", options={"what": what})) as live:
        for _ in range(2):
            assert isinstance(outcome := await live.run(value()), str)
            assert "stage s: " in outcome
            assert re.search(reason, outcome), outcome


async def test_answers_of_any_kind_of_array(actors: Path) -> None:
    for what, expected in (("list", value() + 1), ("strided", np.ones((1, 4), np.float32))):
        async with working(actor_setup(actors, "Answers", options={"what": what})) as live:
            np.testing.assert_array_equal(await live.run(value()), expected)


async def test_an_actor_cannot_write_into_its_input(actors: Path) -> None:
    async with working(actor_setup(actors, "Writes")) as live:
        outcome = await live.run(value())
    assert outcome == "ValueError: assignment destination is read-only (mine.py:11)"


async def test_the_last_words_of_a_worker_that_ends_are_kept(actors: Path) -> None:
    async with working(actor_setup(actors, "Talks")) as live:
        with pytest.raises(WorkerLost, match="its worker exited with status 3: last words"):
            await live.run(value())


async def test_a_killed_worker_is_noticed(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        os.kill(live.worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="was killed by signal 9"):
            await live.run(value())


async def test_an_actor_that_leaves_by_sys_exit_is_a_lost_worker(actors: Path) -> None:
    async with working(actor_setup(actors, "Prints")) as live:
        with pytest.raises(WorkerLost, match="exited with status 1: enough"):
            await live.run(value())


async def test_a_worker_ends_when_nobody_holds_its_socket(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        worker: WorkerProcess = live.worker
        await worker.close()
        assert worker._child.ended.result() == 0


async def test_a_run_that_hangs_is_ended_when_its_judge_says_so(actors: Path) -> None:
    async with working(actor_setup(actors, "Hangs")) as live:
        assert isinstance(await live.run(value(0)), np.ndarray)
        judged = 0

        def is_hung() -> bool:
            nonlocal judged
            judged += 1
            return judged == 3

        start = time.monotonic()
        live.put(value(1))
        said = r"^stage s: its worker hung: no answer for \d+\.\d s$"
        with pytest.raises(WorkerLost, match=said) as lost:
            await live.worker.run(0, ((1, 4),), is_hung)
        assert judged == 3
        seconds = float(str(lost.value).split()[-2])
        assert 0 < seconds <= time.monotonic() - start + 0.05, "to a tenth of a second"
        assert live.worker.gone


async def test_a_stopped_worker_is_ended_too(actors: Path) -> None:
    async with working(actor_setup(actors, "Same")) as live:
        os.kill(live.worker.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLost, match="hung"):
            await live.worker.run(0, ((1, 4),), lambda: True)


async def test_a_stage_that_hangs_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "LOAD_SECONDS", 0.3)
    path = tmp_path / "mine.py"
    path.write_text("import time; time.sleep(3600)")
    with pytest.raises(WorkerLost, match="stage s: its worker hung: no answer for"):
        async with working(actor_setup(path, "Same")):
            pytest.fail("it was started")


async def test_what_an_actor_prints_and_its_tracebacks_reach_the_log(
    actors: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="edgechain")
    async with working(actor_setup(actors, "Hangs")) as live:
        await live.run(value(0))
    async with working(actor_setup(actors, "Writes")) as live:
        await live.run(value(0))
    assert "stage s says: begins" in caplog.messages
    assert "stage s says: ValueError: assignment destination is read-only" in caplog.messages


async def test_an_actor_that_prints_without_end_does_not_fill_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="edgechain")
    path = tmp_path / "mine.py"
    path.write_text(
        "class Floods:\n"
        "    def __call__(self, value):\n"
        "        for number in range(100_000):\n"
        "            print(number)\n"
        "        return value\n"
    )
    async with working(actor_setup(path, "Floods")) as live:
        np.testing.assert_array_equal(await live.run(value()), value())
    assert LINES_AT_ONCE <= len(caplog.messages) < 10 * LINES_AT_ONCE
