"""What crosses packed: where it pays and nowhere else, never worse, and with a bound that holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from edgechain.errors import CannotPlace
from edgechain.plan.compare import chosen
from edgechain.plan.copies import loads
from edgechain.plan.explain import as_document, packed_words
from edgechain.plan.packed import without_packing
from edgechain.plan.packing import EVERY_CHOICE, scored, with_best_packing
from edgechain.plan.picture import drawn
from edgechain.plan.place import place
from edgechain.plan.sharing import place_with_copies
from edgechain.plan.staff import staff
from edgechain.plan.timeline import timeline
from edgechain.spec.plan import Placement
from edgechain.spec.problem import Board, Objective, Problem, Unit, Wire
from tests.plan.check import owner_of, same_number
from tests.plan.exhaustive import Judge
from tests.plan.exhaustive_packing import PackedJudge, best_packed
from tests.plan.instances import that_may_pack

PERIOD, LATENCY = Objective.THROUGHPUT, Objective.LATENCY

MBIT = 1e6 / 8
MS_PER_MB = 1e-9
"""In seconds for a byte."""

BLOCKS, EACH = 4, 60

Faulty = Callable[[Problem, Objective], Placement]


def apart(mbit: float, *shares: float | None, pack: float = 15, unpack: float = 5) -> Problem:
    """Four units of 20 ms that a and b share, a megabyte between two; what packing costs in ms/MB.

    Only a runs the first unit, only b the last one.
    """
    names = [f"u{at}" for at in range(4)]
    both = dict.fromkeys("ab", 0.02)
    units = tuple(
        Unit(
            name,
            tuple(names[at - 1 : at]),
            {"a": 0.02} if at == 0 else {"b": 0.02} if at == 3 else both,
            output_bytes=1_000_000 if at < 3 else 0,
            packed_bytes=None if share is None else int(share * 1e6),
        )
        for at, (name, share) in enumerate(zip(names, (*shares, None), strict=True))
    )
    costs = pack * MS_PER_MB, unpack * MS_PER_MB
    boards = tuple(Board(name, pack_seconds=costs[0], unpack_seconds=costs[1]) for name in "ab")
    wires = tuple(Wire(a, b, mbit * MBIT, 0.001) for a, b in ("ab", "ba"))
    return Problem(units, boards, wires)


@pytest.mark.parametrize("objective", Objective)
def test_over_slow_wifi_it_is_packed(objective: Objective) -> None:
    problem = apart(35, 0.6, 0.6, 0.6)
    plain = place(apart(35, None, None, None), objective)
    found = place(problem, objective)
    link = 0.6 / 35 * 8 + 0.001
    assert len(found.packed) == 1
    assert found.score.latency == pytest.approx(0.08 + 0.02 + link)
    assert found.score.value(objective) < plain.score.value(objective) - 0.05
    if objective is PERIOD:
        assert found.score.period == pytest.approx(link)
        assert found.is_exact
        assert found.score.limits == "link a to b, packed to 0.60"


@pytest.mark.parametrize("objective", Objective)
def test_over_gigabit_it_is_not(objective: Objective) -> None:
    found = place(apart(940, 0.6, 0.6, 0.6), objective)
    plain = place(apart(940, None, None, None), objective)
    assert found == plain
    assert found.is_exact, "that nothing is better packed, either, is proved"


def test_it_is_cut_where_it_packs_best() -> None:
    """Without packing there is nothing to choose between the cuts."""
    for best in range(3):
        shares = [0.4 if at == best else 0.9 for at in range(3)]
        found = place(apart(35, *shares), PERIOD)
        assert found.packed == (best,)
        assert found.score.period == pytest.approx(0.4 / 35 * 8 + 0.001)
        assert found.is_exact


def test_who_cannot_pack_or_unpack_is_sent_what_there_is() -> None:
    problem = apart(35, 0.6, 0.6, 0.6)
    a, b = problem.boards
    for boards in (
        (replace(a, pack_seconds=None), b),
        (a, replace(b, unpack_seconds=None)),
    ):
        found = place(replace(problem, boards=boards), PERIOD)
        assert found.packed == ()
        assert found.score.period == pytest.approx(1 / 35 * 8 + 0.001)


def test_packing_that_takes_longer_than_it_saves_is_left_out() -> None:
    """A megabyte crosses 91 ms sooner; for the period it may cost as much as the link is slow."""
    dear = {"pack": 60.0, "unpack": 40.0}
    assert place(apart(35, 0.6, 0.6, 0.6, **dear), LATENCY).packed == ()
    found = place(apart(35, 0.6, 0.6, 0.6, **dear), PERIOD)
    assert len(found.packed) == 1
    assert place(apart(35, 0.6, 0.6, 0.6, pack=300.0), PERIOD).packed == ()


def test_a_tensor_is_packed_for_every_device_that_wants_it() -> None:
    units = (
        Unit("x", (), {"a": 1.0}, output_bytes=100, packed_bytes=50),
        Unit("y", ("x",), {"b": 1.0}),
        Unit("z", ("x",), {"c": 1.0}),
    )
    boards = tuple(Board(name, pack_seconds=0.01, unpack_seconds=0.002) for name in "abc")
    wires = (Wire("a", "b", 10.0), Wire("a", "c", 10.0))
    found = place(Problem(units, boards, wires), PERIOD)
    assert found.packed == (0,)
    assert found.score.period == pytest.approx(5.0)
    assert found.score.latency == pytest.approx(1 + 2 * 100 * 0.01 + 5 + 1 + 100 * 0.002)


def test_of_several_that_are_as_slow_all_are_packed() -> None:
    """One alone changes nothing; and of very many the same are found."""
    for count in (2, EVERY_CHOICE + 2):
        readers = [f"d{at}" for at in range(count)]
        units = [
            Unit(f"x{at}", (), {"a": 0.1}, output_bytes=100, packed_bytes=50) for at in range(count)
        ]
        units += [Unit(name, (f"x{at}",), {name: 0.1}) for at, name in enumerate(readers)]
        boards = [Board(n, pack_seconds=1e-3, unpack_seconds=1e-3) for n in ("a", *readers)]
        wires = [Wire("a", name, 10.0) for name in readers]
        found = place(Problem(tuple(units), tuple(boards), tuple(wires)), PERIOD)
        assert found.packed == tuple(range(count))
        assert found.score.period == pytest.approx(5.0)


def test_what_is_not_better_packed_is_not_packed() -> None:
    """The air between b and c is quick; packing there would only be work."""
    problem = apart(35, 0.6, 0.6, 0.6)
    c = replace(problem.boards[1], name="c")
    wires = (*(problem.wires or ()), Wire("b", "c", 940 * MBIT), Wire("c", "b", 940 * MBIT))
    units = (*problem.units[:3], replace(problem.units[3], seconds={"c": 0.02}))
    units = (*units[:2], replace(units[2], seconds={"b": 0.02}), units[3])
    found = place(Problem(units, (*problem.boards, c), wires), PERIOD)
    assert len(found.shares) == 3
    assert found.packed == (found.shares[0].units[-1],)


def test_packed_bytes_are_no_more_than_the_output() -> None:
    with pytest.raises(ValueError, match=r"u0.*packed it should have no more"):
        apart(35, 1.1, None, None)


def test_a_plan_that_packs_is_told_and_drawn() -> None:
    problem = apart(35, 0.9, 0.6, 0.9)
    option = chosen(problem, PERIOD)
    told = as_document(problem, option.placement)
    assert told["packed"] == [{"unit": "u1", "bytes": 1_000_000, "packed_bytes": 600_000}]
    assert [group["work_ms"] for group in told["groups"]] == [40.0, 40.0]
    assert packed_words(problem, option.placement) == ["0.60 of u1"]
    assert "packed 0.60 of u1" in drawn([option])
    plain = chosen(apart(940, 0.9, 0.6, 0.9), PERIOD)
    assert "packed" not in as_document(plain.problem, plain.placement)
    assert "packed" not in drawn([plain])


def test_packing_keeps_devices_busy_and_makes_messages_small() -> None:
    problem = apart(35, 0.9, 0.6, 0.9)
    time = timeline(problem, place(problem, PERIOD))
    assert [work.share.seconds for work in time.works] == [0.04, 0.04]
    assert [work.seconds for work in time.works] == pytest.approx([0.055, 0.045])
    (message,) = time.messages
    assert message.size == 600_000
    assert message.start == pytest.approx(0.055)


# Beside everything tried --------------------------------------------------------------------------


def faults(problem: Problem, objective: Objective, planner: Faulty) -> Iterator[str]:
    """What is wrong with an answer."""
    best, plain = best_packed(problem).get(objective), Judge(problem).best.get(objective)
    try:
        found = planner(problem, objective)
    except CannotPlace:
        yield from ["it says that nothing fits"] * (plain is not None)
        return
    owner, value = owner_of(problem, found), found.score.value(objective)
    cost = None if owner is None else PackedJudge(problem, found.packed).cost(owner)
    if cost is None or plain is None or best is None:
        yield "its placement is not allowed"
        return
    if not same_number(cost.of(objective), value):
        yield f"it comes to {cost}, not to {found.score}"
    if value > plain[0] and not same_number(value, plain[0]):
        yield "it is worse than without packing"
    if found.lower_bound > best and not same_number(found.lower_bound, best):
        yield f"its bound {found.lower_bound} is above the best, {best}"
    if found.is_exact and not same_number(value, best):
        yield f"it is not the best, {best}, and says so"


@pytest.mark.once
@pytest.mark.parametrize("block", range(BLOCKS))
def test_never_worse_than_without_and_never_below_the_bound(block: int) -> None:
    wrong: list[object] = []
    seen: Counter[str] = Counter()
    for seed in range(EACH * block, EACH * (block + 1)):
        problem = that_may_pack(seed)
        for objective in Objective:
            wrong += [(seed, str(objective), it) for it in faults(problem, objective, place)]
            seen.update(kinds(problem, objective))
    assert not wrong, f"{len(wrong)} faults, the first of them: {wrong[:5]}"
    assert seen["packed"] >= EACH // 10, seen
    assert seen["proved"] >= EACH, seen
    assert seen["the best"] >= 0.95 * seen["placed"], seen


def kinds(problem: Problem, objective: Objective) -> Iterator[str]:
    """What an answer is like."""
    try:
        found = place(problem, objective)
    except CannotPlace:
        return
    yield "placed"
    if found.packed:
        yield "packed"
    if found.is_exact:
        yield "proved"
    if same_number(found.score.value(objective), best_packed(problem)[objective]):
        yield "the best"


def packs_for_nothing(problem: Problem, objective: Objective) -> Placement:
    """Says what it would come to if packing were no work."""
    boards = (
        replace(board, pack_seconds=0.0, unpack_seconds=0.0)
        if board.pack_seconds is not None and board.unpack_seconds is not None
        else board
        for board in problem.boards
    )
    return place(replace(problem, boards=tuple(boards)), objective)


def bounded_without(problem: Problem, objective: Objective) -> Placement:
    """Takes the bound of what is not packed for one of everything."""
    bound = place(without_packing(problem), objective).lower_bound
    return replace(place(problem, objective), lower_bound=bound)


def packs_always(problem: Problem, objective: Objective) -> Placement:
    """Packs whatever can be, better or not."""
    found = place(without_packing(problem), objective)
    able = with_best_packing(problem, found).packed or tuple(
        at for at, unit in enumerate(problem.units) if unit.packed_bytes is not None
    )
    try:
        return replace(found, packed=able, score=scored(problem, found.shares, able))
    except CannotPlace:
        return found


@pytest.mark.once
@pytest.mark.parametrize("planner", [packs_for_nothing, bounded_without, packs_always])
def test_a_broken_planner_is_caught(planner: Faulty) -> None:
    """Control: the same check, the same problems."""
    problems = (that_may_pack(seed) for seed in range(2 * EACH))
    assert any(
        list(faults(problem, objective, planner)) for problem in problems for objective in Objective
    )


# Copies -------------------------------------------------------------------------------------------


def turns(packed: int | None) -> Problem:
    """a and b can take turns in what c goes on with; links carry ten bytes a second."""
    units = (
        Unit("x", (), {"a": 4.0, "b": 4.0}, output_bytes=100, packed_bytes=packed),
        Unit("y", ("x",), {"c": 1.0}),
    )
    boards = tuple(Board(name, pack_seconds=2e-3, unpack_seconds=1e-3) for name in "abc")
    wires = tuple(Wire(a, b, 10.0) for a in "abc" for b in "abc" if a != b)
    return Problem(units, boards, wires)


def test_copies_pack_as_well() -> None:
    problem = turns(50)
    single = place(problem, PERIOD)
    assert single.packed == (0,)
    assert single.score.period == pytest.approx(5.0)
    found = place_with_copies(problem, single)
    assert (found.packed, found.has_copies) == ((0,), True)
    assert found.score.period == pytest.approx(2.5), "each link carries every other one"
    assert found.lower_bound <= found.score.period
    each = loads(problem, found)
    assert [load.work for load in each] == [4.0, 4.0, 1.0]
    assert [load.seconds for load in each] == pytest.approx([4.2, 4.2, 1.1])
    assert {link.size for link in staff(problem, found).links} == {50}
    plain = place_with_copies(turns(None), place(turns(None), PERIOD))
    assert plain.score.period == pytest.approx(5.0)


@pytest.mark.once
def test_copies_are_never_worse_than_none() -> None:
    packed = 0
    for seed in range(60):
        problem = that_may_pack(seed)
        try:
            single = place(problem, PERIOD)
        except CannotPlace:
            continue
        found = place_with_copies(problem, single)
        plain = without_packing(problem)
        without = place_with_copies(plain, place(plain, PERIOD))
        for other in (single, without):
            assert found.score.period <= other.score.period * (1 + 1e-9), seed
        assert found.lower_bound <= found.score.period
        assert scored(problem, found.shares, found.packed).period == found.score.period
        packed += found.has_copies and bool(found.packed)
    assert packed
