from __future__ import annotations

from hypothesis import given

from edgechain.plan.branches import parallel_branches
from edgechain.spec.graph import OpGraph
from tests.spec.graphs import DIAMOND, FIRST_INPUT, dags, graph


def test_the_branches_of_a_diamond_run_side_by_side() -> None:
    partition = parallel_branches(DIAMOND, [1.0] * 6)
    assert partition is not None
    assert partition.groups == ((0,), (1, 3), (2,), (4, 5))


def test_a_row_has_no_branches() -> None:
    assert parallel_branches(graph([FIRST_INPUT], [0], [1]), [1.0] * 3) is None


def test_a_shortcut_around_a_branch_is_no_branch() -> None:
    residual = graph([FIRST_INPUT], [0], [1], [2, 0])
    assert parallel_branches(residual, [1.0] * 4) is None


def test_two_inputs_are_a_fork_too() -> None:
    joined = graph([FIRST_INPUT], [FIRST_INPUT + 1], [0, 1])
    partition = parallel_branches(joined, [1.0] * 3)
    assert partition is not None
    assert partition.groups == ((0,), (1,), (2,))


def test_the_fork_that_saves_most_is_chosen() -> None:
    two_forks = graph([FIRST_INPUT], [0], [0], [1, 2], [3], [3], [4, 5])
    small = parallel_branches(two_forks, [1, 1, 1, 1, 9, 9, 1])
    assert small is not None
    assert small.groups == ((0, 1, 2, 3), (4,), (5,), (6,))


def test_little_work_is_no_branch() -> None:
    assert parallel_branches(DIAMOND, [100, 1, 0.1, 1, 100, 100]) is None
    assert parallel_branches(DIAMOND, [100, 1, 0.1, 1, 100, 100], least_share=0.0) is not None


def test_state_across_branches_forbids_them() -> None:
    sources = ([FIRST_INPUT], [0], [0], [1, 2])
    assert parallel_branches(graph(*sources), [1.0] * 4) is not None
    tied = graph(*sources, bound=((frozenset({1, 2}), "they share v"),))
    assert parallel_branches(tied, [1.0] * 4) is None


@given(dags())
def test_branches_never_need_each_other(cut: OpGraph) -> None:
    """A partition exists only if it is acyclic; what is more, no branch feeds another."""
    partition = parallel_branches(cut, [1.0] * len(cut.operators), least_share=0.0)
    if partition is None:
        return
    owner = {op: number for number, group in enumerate(partition.groups) for op in group}
    fed = {
        (owner[before], owner[op.index])
        for op in cut.operators
        for before in cut.predecessors(op.index)
    }
    free = [
        (a, b)
        for a in range(len(partition.groups))
        for b in range(a)
        if (a, b) not in fed and (b, a) not in fed
    ]
    assert free
