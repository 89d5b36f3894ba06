"""Small graphs to cut, written down and invented."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from edgechain.spec.graph import Activation, Operator, OpGraph

FIRST_INPUT = 1000
"""Tensor indexes of model inputs start here; operator i makes tensor i (and 100 + i)."""


def graph(
    *sources: Sequence[int],
    outputs: Sequence[int] | None = None,
    bound: tuple[tuple[frozenset[int], str], ...] = (),
    crosses: dict[int, str] | None = None,
) -> OpGraph:
    """One operator for each of ``sources``, reading those tensors and making its own index."""
    operators = tuple(
        Operator(index, "ADD", tuple(inputs), (index,)) for index, inputs in enumerate(sources)
    )
    read = {tensor for op in operators for tensor in op.inputs}
    made = [tensor for op in operators for tensor in op.outputs]
    fed = sorted(read - set(made))
    tensors = {
        tensor: Activation(
            tensor, f"t{tensor}", "float32", (1,), 4, (crosses or {}).get(tensor, "")
        )
        for tensor in [*fed, *made]
    }
    left = tuple(t for t in made if t not in read) if outputs is None else tuple(outputs)
    return OpGraph(operators, tensors, tuple(fed), left, bound)


#                1 -> 3
#   input -> 0 <         > 4 -> 5 (also reads 0: a tensor that skips stages)
#                2 ->
DIAMOND = graph([FIRST_INPUT], [0], [0], [1], [2, 3], [4, 0])


@st.composite
def dags(draw: st.DrawFn) -> OpGraph:
    """A random DAG of up to a dozen operators in execution order; every one reads something."""
    count = draw(st.integers(min_value=1, max_value=12))
    sources = [
        draw(
            st.lists(
                st.sampled_from([FIRST_INPUT, FIRST_INPUT + 1, *range(index)]),
                min_size=1,
                max_size=3,
            )
        )
        for index in range(count)
    ]
    extra = draw(st.sets(st.sampled_from(range(count))))
    plain = graph(*sources)
    return graph(*sources, outputs=sorted(set(plain.outputs) | extra))


@st.composite
def grouped(draw: st.DrawFn) -> tuple[OpGraph, tuple[tuple[int, ...], ...]]:
    """A random DAG and its operators dealt into groups, most often not a valid partition."""
    cut = draw(dags())
    count = len(cut.operators)
    owner = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    groups: dict[int, list[int]] = {}
    for op, group in enumerate(owner):
        groups.setdefault(group, []).append(op)
    return cut, tuple(tuple(group) for group in groups.values())
