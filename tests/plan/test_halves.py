from __future__ import annotations

import pytest

from edgechain.plan.halves import halvings, operator_shares, part_price

SECONDS = [1.0, 1.0, 2.0, 4.0]


def test_the_whole_is_halved_until_nothing_can_be_cut() -> None:
    levels = halvings(4, (0, 1, 2), SECONDS)
    assert levels == [(), (2,), (1, 2), (0, 1, 2)]
    assert halvings(4, (), SECONDS) == [()]
    assert halvings(4, (0,), SECONDS) == [(), (0,)]


def test_halves_say_how_the_wholes_time_is_shared() -> None:
    levels = [(), (1,), (0, 1, 2)]
    taken = [[10.0], [9.0, 3.0], [2.0, 1.0, 30.0, 10.0]]
    assert operator_shares(levels, taken, SECONDS) == pytest.approx([5.0, 2.5, 1.875, 0.625])


def test_only_the_whole_has_a_unit() -> None:
    levels = [(), (1,)]
    in_seconds = operator_shares(levels, [[10.0], [9.0, 3.0]], SECONDS)
    in_others = operator_shares(levels, [[10.0], [900.0, 300.0]], SECONDS)
    assert in_seconds == pytest.approx(in_others)
    assert sum(in_seconds) == pytest.approx(10.0)


def test_within_the_last_parts_estimates_decide() -> None:
    assert operator_shares([()], [[16.0]], SECONDS) == [2.0, 2.0, 4.0, 8.0]
    assert operator_shares([()], [[4.0]], [0.0] * 4) == [1.0] * 4


def test_a_part_more_has_a_price() -> None:
    assert part_price([(), (1,), (0, 1, 2)], [[10.0], [5.0, 6.0], [4.0] * 4]) == 1.5
    assert part_price([(), (1,)], [[10.0], [4.0, 5.0]]) == 0.0
    assert part_price([()], [[10.0]]) == 0.0
