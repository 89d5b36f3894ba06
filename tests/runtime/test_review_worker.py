"""An interpreter after a bad shape, a worker that hangs up and stays, and odd answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgechain.errors import InvalidModel, WorkerLost
from edgechain.runtime import worker_process
from edgechain.runtime.interpreter import Interpreter, InterpreterKind
from edgechain.runtime.worker_wire import Ran, pack_failure, pack_ran, unpack_answer
from tests.runtime.workers import actor_setup, working

pytestmark = [pytest.mark.processes, pytest.mark.may_block]  # starting processes blocks


class Engine:
    """Resizes like TFLite, and cannot allocate more than four rows."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = (1,)
        self.memory = np.zeros(1, np.float32)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"name": "x", "index": 0, "dtype": np.float32, "shape": np.array(self.shape)}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return self.get_input_details()

    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
        self.shape = tuple(shape)

    def allocate_tensors(self) -> None:
        if self.shape[0] > 4:
            raise RuntimeError("too many rows")
        self.memory = np.zeros(self.shape, np.float32)

    def tensor(self, index: int) -> Any:
        return lambda: self.memory

    def reset_all_variables(self) -> None:
        """It has none."""

    def invoke(self) -> None:
        self.memory += 1


def test_a_shape_that_cannot_be_allocated_spoils_nothing_for_the_next() -> None:
    interpreter = Interpreter(Engine(), InterpreterKind.LITERT)
    one = [np.zeros(1, np.float32)]
    assert interpreter.run(one)[0].tolist() == [1]
    with pytest.raises(InvalidModel, match="too many rows"):
        interpreter.run([np.zeros(9, np.float32)])
    assert interpreter.run(one)[0].tolist() == [1]


def test_more_outputs_than_a_byte_counts() -> None:
    shapes = tuple((number,) for number in range(300))
    assert unpack_answer(pack_ran(7, shapes)) == Ran(7, shapes)


def test_a_reason_that_is_not_utf8() -> None:
    assert "caf" in str(unpack_answer(pack_failure("no file 'caf\udce9'")))


async def test_a_worker_that_hangs_up_and_stays_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "LEAVE_SECONDS", 0.2)
    path = tmp_path / "stubborn.py"
    path.write_text(
        "import os, time\n"
        "class Stubborn:\n"
        "    def __call__(self, x):\n"
        "        os.closerange(3, 64)\n"
        "        time.sleep(3600)\n"
    )
    async with working(actor_setup(path, "Stubborn")) as ours:
        with pytest.raises(WorkerLost, match="signal 9"):
            await asyncio.wait_for(ours.run(np.zeros((1, 4), np.float32)), 60)


@pytest.mark.parametrize("answer", ["b'\\xff' * 4", "b'\\x01\\0\\0\\0\\0'"])
async def test_an_answer_that_makes_no_sense_costs_the_worker(
    tmp_path: Path, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "LEAVE_SECONDS", 0.2)
    path = tmp_path / "babble.py"
    path.write_text(
        "import os, stat, time\n"
        "def is_socket(number):\n"
        "    try:\n"
        "        return stat.S_ISSOCK(os.fstat(number).st_mode)\n"
        "    except OSError:\n"
        "        return False\n"
        "class Babble:\n"
        "    def __call__(self, x):\n"
        "        sockets = [n for n in range(64) if is_socket(n)]\n"
        f"        os.write(*sockets, {answer})\n"
        "        time.sleep(3600)\n"
    )
    async with working(actor_setup(path, "Babble")) as ours:
        with pytest.raises(WorkerLost):
            await asyncio.wait_for(ours.run(np.zeros((1, 4), np.float32)), 60)
