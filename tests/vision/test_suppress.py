"""Non-maximum suppression against the rule said naively."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.vision import suppress as module
from edgechain.vision.suppress import suppress

side = st.integers(0, 12).map(float)
box = st.tuples(side, side, side, side).map(
    lambda s: (min(s[0], s[2]), min(s[1], s[3]), max(s[0], s[2]), max(s[1], s[3]))
)
found = st.lists(
    st.tuples(box, st.integers(0, 5).map(lambda n: n / 5), st.integers(0, 2)), max_size=12
)
Found = list[tuple[tuple[float, float, float, float], float, int]]


def naive(things: Found, overlap: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(things)), key=lambda i: -things[i][1]):
        if all(
            things[i][2] != things[k][2] or shared(things[i][0], things[k][0]) <= overlap
            for k in kept
        ):
            kept.append(i)
    return kept


def shared(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    tall = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * tall
    return wide * tall / union if union else 0.0


def run(things: Found, overlap: float) -> list[int]:
    boxes = np.array([thing[0] for thing in things], np.float64).reshape(-1, 4)
    scores = np.array([thing[1] for thing in things], np.float64)
    classes = np.array([thing[2] for thing in things], np.int64)
    return [int(i) for i in suppress(boxes, scores, classes, overlap=overlap)]


@given(found, st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))
def test_it_keeps_what_the_naive_rule_keeps(things: Found, overlap: float) -> None:
    assert run(things, overlap) == naive(things, overlap)


def test_classes_do_not_suppress_each_other() -> None:
    same = (0.0, 0.0, 4.0, 4.0)
    assert run([(same, 0.9, 0), (same, 0.8, 1), (same, 0.7, 0)], 0.5) == [0, 1]


def test_noise_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    far = [((9.0 * i, 0.0, 9.0 * i + 1, 1.0), 0.5, 0) for i in range(10)]
    assert run(far, 0.5) == [0, 1, 2]
