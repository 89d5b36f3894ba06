"""Emulated boards: what is judged how, and that a short run shows every row."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgechain.spec.chain import ModelSource
from edgechain.spec.profile import DeviceProfile, LinkCosts, Packing
from tests.benchmarks.boards.cages import no_cages
from tests.benchmarks.boards.cells import ranges
from tests.benchmarks.boards.emulated import with_node
from tests.benchmarks.boards.measuring import Lengths
from tests.benchmarks.boards.neighbours import LEAST_SECONDS, neighbours
from tests.benchmarks.boards.report import BoardsReport, Cell, Part, SpeedReport, is_near, middle
from tests.benchmarks.boards.scenes import EQUAL, FAST_MBIT, PI_4, PI_5, SCENES, SLOW_MBIT, Scene
from tests.chain.nodes import until
from tests.watch.needs import ROOT

PART = Part("board-1", "0-9", 0.1, 0.1, 0.08, 0.08, 0.98, 5.0, None)
CELL = Cell("equal boards", "a.tflite", (PART,), 10.0, 12.0, 15.0, 9.8, 120, True, 1.0, "board-1")


@pytest.mark.parametrize(
    ("predicted", "measured", "near"),
    [
        (10.0, 10.0, True),
        (10.0, 9.1, True),
        (10.0, 8.99, False),
        (10.0, 9.05, False),
        (10.0, 11.1, True),
        (10.0, 11.2, False),
    ],
)
def test_near_is_within_a_tenth_both_ways(predicted: float, measured: float, near: bool) -> None:
    assert is_near(predicted, measured) == near


@pytest.mark.parametrize(
    ("cell", "passed"),
    [
        (CELL, True),
        (replace(CELL, measured=8.0), False),
        (replace(CELL, same_bits=False), False),
        (replace(CELL, others=(replace(CELL, measured=8.0),)), True),
        (replace(CELL, others=(replace(CELL, same_bits=False),)), False),
        (replace(CELL, parts=(replace(PART, memory_mb=6.0),)), True),
        (replace(CELL, parts=(replace(PART, memory_mb=4.0),)), False),
    ],
)
def test_a_cell_is_judged(cell: Cell, passed: bool) -> None:
    report = BoardsReport([cell])
    first, *_ = report.verdicts()
    assert first.passed == passed
    assert ("PASS" if passed else "FAIL") in report.tables()[0].text()
    assert ("0-9 has 5.0 MB of 4.0" in first.found) == bool(cell.too_large)


def test_the_middle_round_counts_and_all_are_shown() -> None:
    rounds = [replace(CELL, measured=measured) for measured in (9.5, 8.0, 11.0)]
    found = middle(rounds)
    assert (found.measured, found.passed, found.ratios) == (9.5, True, "0.80 0.95 1.10")
    assert middle([CELL]) == CELL


def test_a_control_that_does_not_miss_fails_the_run() -> None:
    *_, control = BoardsReport([replace(CELL, bare=9.9)]).verdicts()
    assert not control.passed
    *_, control = BoardsReport([replace(CELL, swapped=9.9)]).verdicts()
    assert not control.passed
    assert all(v.passed for v in BoardsReport([replace(CELL, swapped=5.0)]).verdicts())


@pytest.mark.parametrize(("measured", "passed"), [(10.9, True), (10.7, False)])
def test_speed_is_judged_by_the_bound(measured: float, passed: bool) -> None:
    cells = {1: replace(CELL, measured=3.0), 4: replace(CELL, measured=measured)}
    report = SpeedReport({"a.tflite": cells})
    assert [verdict.passed for verdict in report.verdicts()] == [passed, True]
    assert report.speedup("a.tflite", 4) == pytest.approx(measured / 3.0)
    assert "a.tflite" in report.tables()[0].text()


def test_scenes_leave_room_for_the_client() -> None:
    for scene in SCENES:
        assert sum(kind.quota for kind in scene.kinds) <= 1.2
    assert PI_5.quota / PI_4.quota == pytest.approx(2.5)


def test_only_links_to_the_slow_board_are_slow() -> None:
    scene = Scene("three", (EQUAL,) * 3, slow=frozenset({1}))
    assert [scene.mbit(0, 1), scene.mbit(1, 2)] == [SLOW_MBIT] * 2
    assert [scene.mbit(0, 2), scene.mbit(2, 0)] == [FAST_MBIT] * 2


def test_operators_in_words() -> None:
    assert ranges((0, 1, 2, 5, 7, 8)) == "0-2+5+7-8"


SOURCE = ModelSource(file="a.tflite", sha256="0" * 64)
BOARD = DeviceProfile(device="b", model=SOURCE, interpreter="litert", threads=1, operator_ms=(8.0,))


def test_what_nodes_cost_takes_longer_on_a_board_with_a_small_share() -> None:
    packing = Packing(pack_ms_per_mb=2.0, unpack_ms_per_mb=1.0, shares={"a": 0.5})
    loopback = LinkCosts(send_ms_per_mb=0.5, receive_ms_per_mb=1.0, message_ms=0.25)
    here = BOARD.model_copy(
        update={"device": "here", "operator_ms": (2.0,), "stage_ms": 1.0, "packing": packing}
        | {"send_ms_per_mb": 0.75, "receive_ms_per_mb": 1.5, "loopback": loopback}
    )
    found = with_node(BOARD, here, 0.25)
    assert (found.device, found.operator_ms, found.stage_ms) == ("b", (8.0,), 4.0)
    assert (found.send_ms_per_mb, found.receive_ms_per_mb) == (3.0, 6.0)
    assert found.loopback == LinkCosts(send_ms_per_mb=2.0, receive_ms_per_mb=4.0, message_ms=1.0)
    assert found.packing == Packing(pack_ms_per_mb=8.0, unpack_ms_per_mb=4.0, shares={"a": 0.5})


def test_what_a_link_costs_takes_longer_where_either_end_is_slow() -> None:
    cards = LinkCosts(send_ms_per_mb=0.6, receive_ms_per_mb=1.2, message_ms=0.12)
    quick, slow = Scene("two", (PI_5, PI_4)).devices([BOARD] * 2, [None] * 2, cards)
    (there,) = quick.config.links.values()
    assert (there.send_ms_per_mb, there.message_ms) == pytest.approx((1.0, 0.2))
    assert there.receive_ms_per_mb == pytest.approx(5.0)
    assert slow.config.links[quick.name].receive_ms_per_mb == pytest.approx(2.0)
    assert slow.config.network.send_ms_per_mb == pytest.approx(2.5)


@pytest.mark.benchmarks
@pytest.mark.netns
@pytest.mark.models
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_a_quick_run_prints_every_row() -> None:
    if reason := no_cages():
        pytest.skip(reason)
    words = ["--quick", "--model", "mobilenet", "--scene", "slow", "--placed"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.boards", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    for wanted in ("one slow link: frames/s", "Every board's part", "same", "control: "):
        assert wanted in done.stdout, done.stdout


@pytest.mark.processes
@pytest.mark.may_block
async def test_neighbours_tell_how_fast_the_machine_is(tmp_path: Path) -> None:
    with neighbours(tmp_path) as beside:
        begin = beside.mark()

        def computed() -> bool:
            now = beside.mark()
            all_do = all(int(count[0]) for count in beside.counters)
            return all_do and now.seconds > begin.seconds + LEAST_SECONDS

        await until(computed, "neighbours compute", within=60)
        assert (beside.speed(begin) or 0) > 0
        assert beside.speed(beside.mark()) is None, "in no time"
        policies = {os.sched_getscheduler(pid) for pid in beside.pids}
    assert policies == {os.SCHED_IDLE}, "they give way"


def test_lengths() -> None:
    lengths = Lengths(profile=1.0, nodes=1.0, warm=1.0, least=5.0, most=20.0, frames=50, rounds=1)
    assert [lengths.window(rate) for rate in (1.0, 5.0, 100.0)] == [20.0, 10.0, 5.0]
