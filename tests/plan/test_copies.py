"""What copies of a stage come to, reckoned by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from edgechain.errors import CannotPlace
from edgechain.plan.copies import Staffed, loads, taken
from edgechain.plan.place import place
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import same_number
from tests.plan.instances import problems

pytestmark = pytest.mark.once


def pair(*wires: Wire, memory: int | None = None) -> Problem:
    """x of 10 bytes feeds y; a and b are for x, c and d for y, and b and d are slow."""
    units = (
        Unit("x", (), {"a": 1.0, "b": 3.0}, 5, 10),
        Unit("y", ("x",), {"c": 2.0, "d": 6.0}, 5),
    )
    boards = (Board("a"), Board("b", memory), Board("c"), Board("d"))
    return Problem(units, boards, wires or None)


def every_link(seconds: float = 0.0) -> tuple[Wire, ...]:
    return tuple(Wire(one, other, 10.0, seconds) for one in "ab" for other in "cd")


BOTH = {0: (0, 1), 2: (2, 3)}


def test_requests_go_to_copies_as_they_are_fast() -> None:
    assert taken([1.0, 3.0]) == [0.75, 0.25]
    assert taken([2.0]) == [1.0]
    assert taken([0.0, 1.0, 0.0]) == [0.5, 0.0, 0.5], "who needs no time takes all"
    assert sum(taken([5e-324, 1e300])) == 1.0


def test_a_stage_is_as_fast_as_its_copies_together() -> None:
    found = Staffed(pair(), [0, 2], BOTH).score()
    assert found.period == pytest.approx(1 / (1 / 2 + 1 / 6))
    assert found.limits == "devices c and d"


def test_a_link_carries_the_requests_of_both_its_ends() -> None:
    times = {what: seconds for seconds, what in Staffed(pair(*every_link()), [0, 2], BOTH).times()}
    assert times["link a to c"] == pytest.approx(0.75 * 0.75)
    assert times["link a to d"] == pytest.approx(0.75 * 0.25)
    assert times["link b to d"] == pytest.approx(0.25 * 0.25)
    slow = Staffed(pair(*every_link(9.0)), [0, 2], BOTH).score()
    assert slow.period == pytest.approx(10 * 0.75 * 0.75)
    assert slow.limits == "link a to c"


def test_the_latency_is_that_of_the_worst_route() -> None:
    assert Staffed(pair(*every_link(0.5)), [0, 2], BOTH).score().latency == 3 + 1.5 + 6


@pytest.mark.parametrize("missing", range(4))
def test_every_copy_reaches_every_copy_that_reads_from_it(missing: int) -> None:
    wires = [wire for at, wire in enumerate(every_link()) if at != missing]
    with pytest.raises(CannotPlace, match="there is no link from"):
        Staffed(pair(*wires), [0, 2], BOTH)


def test_memory_counts_on_every_device() -> None:
    with pytest.raises(CannotPlace, match="b has not the memory"):
        Staffed(pair(memory=4), [0, 2], BOTH)
    with pytest.raises(CannotPlace, match="c cannot run"):
        Staffed(pair(), [0, 2], {0: (0, 2), 2: (3,)})


def test_a_copy_pays_for_its_stage_and_for_the_bytes_of_its_own_requests() -> None:
    units = (Unit("x", (), {"a": 1.0}, 0, 10), Unit("y", ("x",), {"b": 1.0, "c": 1.0}))
    boards = (Board("a", None, 0.5, 0.1), Board("b", None, 0.5, 0.0, 0.2), Board("c"))
    found = Staffed(Problem(units, boards), [0, 1], {0: (0,), 1: (1, 2)})
    seconds = {load.board: load.seconds for load in found.loads.values()}
    assert seconds == {0: 2.5, 1: 3.5, 2: 1.0}
    assert found.loads[1].takes == pytest.approx(1 / 3.5 / (1 / 3.5 + 1))


def test_stages_that_would_wait_for_each_other_are_refused() -> None:
    units = [Unit("x", (), {"a": 1.0}), Unit("y", ("x",), {"b": 1.0}), Unit("z", ("y",), {"a": 1})]
    problem = Problem(tuple(units), (Board("a"), Board("b")))
    with pytest.raises(CannotPlace, match="wait for each other"):
        Staffed(problem, [0, 1, 0], {0: (0,), 1: (1,)})


def test_each_copy_has_its_own_link_to_the_client() -> None:
    """a has three of four requests; 8 bytes come at 4 a second, and 1 goes at a second's price."""
    units = (Unit("x", (), {"a": 1.0, "b": 3.0}, request_bytes=8, result_bytes=1),)
    boards = (
        Board("a", client_bytes_per_second=4.0),
        Board("b", client_bytes_per_second=4.0, client_seconds=1.0),
    )
    found = Staffed(Problem(units, boards), [0], {0: (0, 1)})
    times = {what: seconds for seconds, what in found.times()}
    assert times["devices a and b"] == pytest.approx(0.75)
    assert times["link client to a"] == pytest.approx(0.75 * 2)
    assert times["link client to b"] == pytest.approx(0.25 * 3)
    assert times["link b to client"] == pytest.approx(0.25 * 1.25)
    assert found.score().latency == 3 + 3 + 1.25
    assert found.score().limits == "link client to a"


def test_a_copy_pays_for_the_bytes_of_the_client() -> None:
    units = (Unit("x", (), {"a": 1.0}, request_bytes=10, result_bytes=5),)
    board = Board("a", send_seconds=0.2, receive_seconds=0.1)
    assert Staffed(Problem(units, (board,)), [0], {0: (0,)}).loads[0].seconds == 1 + 1 + 1


def test_a_medium_carries_what_all_copies_get_and_give() -> None:
    """x is on a and b, y on c; a and c are on the air, b is on a cable."""
    units = (
        Unit("x", (), {"a": 1.0, "b": 3.0}, 0, 10, request_bytes=6),
        Unit("y", ("x",), {"c": 2.0}, 0, result_bytes=4),
    )
    air = Board("a", client_bytes_per_second=2.0, medium="air")
    boards = (air, Board("b"), replace(air, name="c"))
    wires = (Wire("a", "c", 10.0, 5.0), Wire("b", "c", 20.0, 5.0))
    found = Staffed(Problem(units, boards, wires), [0, 2], {0: (0, 1), 2: (2,)})
    times = {what: seconds for seconds, what in found.times()}
    assert times["medium air"] == pytest.approx(0.75 * 3 + 0.75 * 1 + 0.25 * 0.5 + 2)


def test_the_first_device_of_a_share_takes_most() -> None:
    found = Staffed(pair(), [1, 2], {1: (1, 0), 2: (3, 2)}).placement(0.25)
    assert [share.boards for share in found.shares] == [(0, 1), (2, 3)]
    assert [copy.seconds for share in found.shares for copy in share.copies] == [3.0, 6.0]
    assert (found.is_split, found.has_copies, found.lower_bound) == (True, True, 0.25)
    assert [load.takes for load in loads(pair(), found)] == [0.75, 0.25, 0.75, 0.25]


@given(problems())
def test_without_copies_it_comes_to_what_it_always_did(problem: Problem) -> None:
    try:
        found = place(problem, Objective.THROUGHPUT)
    except CannotPlace:
        return
    owners = {unit: share.board for share in found.shares for unit in share.units}
    lone = {share.board: (share.board,) for share in found.shares}
    score = Staffed(problem, [owners[unit] for unit in sorted(owners)], lone).score()
    assert same_number(score.period, found.score.period)
    assert same_number(score.latency, found.score.latency)
