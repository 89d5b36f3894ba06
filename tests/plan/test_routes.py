"""Frames dealt to copies: every copy its share, every link the shares of both its ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.plan.copies import taken
from edgechain.plan.routes import Route, routes

FRAMES = 600

Stages = tuple[list[list[float]], list[list[int]]]


def dealt(
    shares: Sequence[Sequence[float]], reads: Sequence[Sequence[int]], count: int
) -> list[Route]:
    return list(islice(routes(shares, reads), count))


@st.composite
def stages(draw: st.DrawFn) -> Stages:
    """Shares of up to four stages with up to four copies, and what each of them reads from."""
    seconds = st.lists(st.floats(0.5, 5), min_size=1, max_size=4)
    shares = [taken(times) for times in draw(st.lists(seconds, min_size=1, max_size=4))]
    reads = [[source for source in range(at) if draw(st.booleans())] for at in range(len(shares))]
    return shares, reads


def test_equal_copies_take_turns() -> None:
    assert dealt([[0.5, 0.5]], [[]], 6) == [(0,), (1,)] * 3
    assert dealt([[1 / 3] * 3], [[]], 6) == [(0,), (1,), (2,)] * 2


def test_a_copy_twice_as_fast_takes_twice_as_many_and_never_three_in_a_row() -> None:
    assert dealt([taken([1.0, 2.0])], [[]], 6) == [(0,), (1,), (0,)] * 2


def test_two_stages_of_two_copies_use_all_of_their_links() -> None:
    assert Counter(dealt([[0.5, 0.5], [0.5, 0.5]], [[], [0]], 40)) == {
        (a, b): 10 for a in (0, 1) for b in (0, 1)
    }


def test_stages_that_do_not_read_from_each_other_do_not_look_at_each_other() -> None:
    alone = [route[0] for route in dealt([taken([1.0, 1.7])], [[]], 50)]
    both = dealt([taken([3.0, 2.0, 1.0]), taken([1.0, 1.7])], [[], []], 50)
    assert [route[1] for route in both] == alone


def test_who_takes_nothing_gets_nothing() -> None:
    assert set(dealt([taken([0.0, 1.0])], [[]], 50)) == {(0,)}
    assert set(dealt([[0.0, 1.0, 0.0]], [[]], 50)) == {(1,)}


@pytest.mark.once
@given(stages())
def test_every_copy_takes_its_share_at_any_time(given_stages: Stages) -> None:
    shares, reads = given_stages
    counts = [[0] * len(takes) for takes in shares]
    for frame, route in enumerate(dealt(shares, reads, FRAMES), 1):
        for stage, copy in enumerate(route):
            counts[stage][copy] += 1
        for takes, count in zip(shares, counts, strict=True):
            assert count == pytest.approx([share * frame for share in takes], abs=3)


@pytest.mark.once
@given(stages())
def test_every_link_takes_the_shares_of_both_its_ends(given_stages: Stages) -> None:
    shares, reads = given_stages
    found = dealt(shares, reads, FRAMES)
    for stage, sources in enumerate(reads):
        for source in sources:
            count = Counter((route[source], route[stage]) for route in found)
            for a, given_share in enumerate(shares[source]):
                for b, takes in enumerate(shares[stage]):
                    assert count[a, b] == pytest.approx(given_share * takes * FRAMES, abs=8)
