from __future__ import annotations

import pytest

from edgechain.errors import ProtocolError
from edgechain.transport.probe_costs import Moment, per_megabyte, per_message, spent

START = Moment(sent=500, received=500, here=1.0, there=7.0)


def test_what_was_spent_is_shared_by_what_went_and_what_came() -> None:
    end = Moment(sent=2_000_500, received=2_000_500, here=1.006, there=7.010)
    assert per_megabyte(START, end) == (3.0, 5.0)


def test_of_what_is_under_way_only_the_receiver_is_known() -> None:
    end = Moment(sent=4_000_500, received=2_000_500, here=1.006, there=7.010)
    assert per_megabyte(START, end) == (None, 5.0)


@pytest.mark.parametrize(
    ("end", "costs"),
    [
        (Moment(2_000_500, 2_000_500, None, 7.01), (None, 5.0)),
        (Moment(2_000_500, 2_000_500, 1.006, None), (3.0, None)),
        (Moment(2_000_500, 2_000_500, 1.0, 7.0), (None, None)),
        (Moment(500, 500, 1.006, 7.01), (None, None)),
    ],
)
def test_what_cannot_be_told_is_left_out(
    end: Moment, costs: tuple[float | None, float | None]
) -> None:
    assert per_megabyte(START, end) == costs


def test_nobody_spends_less_than_nothing() -> None:
    with pytest.raises(ProtocolError, match="grows less"):
        spent(1.0, 0.999)


def test_a_message_costs_the_median() -> None:
    assert per_message([0.001, 0.5, 0.002]) == 2.0


@pytest.mark.parametrize("each", [[], [None, 0.001], [0.001, None]])
def test_a_message_whose_cost_is_not_always_known_has_none(each: list[float | None]) -> None:
    assert per_message(each) is None
