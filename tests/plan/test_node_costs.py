from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.plan.node_costs import (
    NodeCosts,
    Traffic,
    Trial,
    fitted,
    traffic,
    trial_cuts,
)
from edgechain.spec.chain import ChainManifest, Edge, Port, Stage
from edgechain.spec.tensor import DType, TensorSpec
from tests.spec.graphs import FIRST_INPUT, graph

TRAFFIC = [
    Traffic(150_528, 1_001),
    Traffic(150_528, 49_000),
    Traffic(49_000, 1_001),
    Traffic(150_528, 1_204_224),
    Traffic(1_204_224, 1_001),
]
"""What MobileNetV2 brings to a node and takes away, whole and in two parts."""

costs = st.builds(
    NodeCosts,
    st.floats(1e-4, 1e-1),
    st.floats(0, 1e-8, allow_subnormal=False),
    st.floats(0, 1e-8, allow_subnormal=False),
)


def trials(costs: NodeCosts, operators: float = 0.01) -> list[Trial]:
    return [Trial(costs.seconds(moved), operators, moved) for moved in TRAFFIC]


@given(costs)
def test_what_made_the_trials_is_found_again(costs: NodeCosts) -> None:
    found = fitted(trials(costs))
    for moved in TRAFFIC:
        assert found.seconds(moved) == pytest.approx(costs.seconds(moved), rel=1e-6)


@given(st.lists(st.floats(-0.001, 0.01), min_size=5, max_size=5))
def test_no_cost_is_below_zero(seconds: list[float]) -> None:
    found = fitted([Trial(s, 0.01, t) for s, t in zip(seconds, TRAFFIC, strict=True)])
    assert min(found.stage, found.send, found.receive) >= 0


def test_few_bytes_have_no_price() -> None:
    found = fitted([Trial(0.001, 0.0, Traffic(100, 100)), Trial(0.002, 0.0, Traffic(200, 9_000))])
    assert (found.send, found.receive) == (0.0, 0.0)
    assert 0.001 <= found.stage <= 0.002
    single = fitted([Trial(0.003, 0.01, TRAFFIC[0])])
    assert single.stage == pytest.approx(0.003)
    assert (single.send, single.receive) == (0.0, 0.0)


def test_what_is_doubtful_counts_for_less() -> None:
    found = fitted([Trial(0.001, 0.0, Traffic(0, 0)), Trial(0.003, 1.0, Traffic(0, 0))])
    assert found.stage == pytest.approx(0.001, rel=0.05)


def test_costs_are_stretched_together() -> None:
    assert NodeCosts(1.0, 2.0, 3.0).times(2.0) == NodeCosts(2.0, 4.0, 6.0)


def test_cuts_worth_a_trial() -> None:
    assert trial_cuts(graph([FIRST_INPUT], [0], [0, 1], [2])) == [(), (0,), (1,)]
    assert trial_cuts(graph([FIRST_INPUT], [0])) == [(), (0,)]
    assert trial_cuts(graph([FIRST_INPUT])) == [()]


def test_bytes_that_come_and_go() -> None:
    manifest = fork()
    assert traffic(manifest) == {
        "first": Traffic(received=4, sent=8 + 8 + 16),
        "left": Traffic(received=8, sent=2),
        "right": Traffic(received=8 + 16, sent=2),
    }


def fork() -> ChainManifest:
    """``first`` gives one tensor to both others and to the client, and one to ``right`` alone."""
    return ChainManifest.sealed(
        name="fork",
        inputs=(Port(tensor="x", name="x"),),
        outputs=tuple(Port(tensor=name, name=name) for name in ("l", "r")),
        stages=(
            Stage(name="first", inputs=("x",), outputs=("a", "b"), actor="m:A"),
            Stage(name="left", inputs=("a",), outputs=("l",), actor="m:A"),
            Stage(name="right", inputs=("a", "b"), outputs=("r",), actor="m:A"),
        ),
        edges=(
            edge("x", 4, targets=("first",)),
            edge("a", 8, source="first", targets=("left", "right")),
            edge("b", 16, source="first", targets=("right",)),
            edge("l", 2, source="left", to_client=True),
            edge("r", 2, source="right", to_client=True),
        ),
    )


def edge(
    name: str,
    size: int,
    *,
    source: str | None = None,
    targets: tuple[str, ...] = (),
    to_client: bool = False,
) -> Edge:
    spec = TensorSpec(name=name, dtype=DType.UINT8, shape=(-1, size), bound_bytes=64 * size)
    return Edge(tensor=spec, source=source, targets=targets, to_client=to_client)
