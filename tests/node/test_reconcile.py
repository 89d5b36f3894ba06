"""Whatever the generations on a node are: following the advice leads to what is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgechain.node.reconcile import MAX_GENERATIONS, Action, Drop, Load, Promote, reconcile
from edgechain.spec.ids import Generation
from edgechain.spec.status import GenerationState as State

A, B, C = (Generation(letter * 64) for letter in "abc")


@pytest.mark.parametrize(
    ("wanted", "running", "actions"),
    [
        ((A, None), {A: State.CURRENT}, []),
        ((A, B), {A: State.CURRENT}, [Load(B)]),
        ((A, B), {A: State.CURRENT, B: State.LOADING}, []),
        ((A, B), {A: State.CURRENT, B: State.READY}, []),
        ((A, B), {A: State.CURRENT, B: State.FAILED}, []),
        ((B, None), {A: State.CURRENT, B: State.READY}, [Promote(B)]),
        ((B, A), {A: State.CURRENT, B: State.READY}, [Promote(B)]),
        ((B, None), {A: State.CURRENT, B: State.LOADING}, []),
        ((B, None), {A: State.CURRENT}, [Load(B)]),
        ((B, None), {A: State.CURRENT, B: State.FAILED}, []),
        ((A, None), {A: State.CURRENT, B: State.READY}, [Drop(B)]),
        ((A, None), {A: State.CURRENT, B: State.LOADING}, [Drop(B)]),
        ((A, None), {A: State.CURRENT, B: State.FAILED}, [Drop(B)]),
        ((A, None), {A: State.CURRENT, B: State.RETIRING}, []),
        ((A, B), {A: State.CURRENT, B: State.RETIRING}, []),
        ((A, C), {A: State.CURRENT, B: State.RETIRING}, []),
        ((A, C), {A: State.CURRENT, B: State.READY}, [Drop(B)]),
        ((A, C), {A: State.CURRENT, B: State.ENDING}, []),
        ((A, C), {A: State.CURRENT, B: State.FAILED}, [Drop(B), Load(C)]),
        ((B, C), {A: State.CURRENT}, [Load(B)]),
        ((B, C), {A: State.CURRENT, C: State.READY}, [Drop(C)]),
        ((B, C), {A: State.CURRENT, B: State.READY}, [Promote(B)]),
        ((B, C), {A: State.RETIRING, B: State.CURRENT}, []),
        ((B, C), {B: State.CURRENT}, [Load(C)]),
    ],
)
def test_the_next_step(
    wanted: tuple[Generation, Generation | None],
    running: dict[Generation, State],
    actions: list[Action],
) -> None:
    assert reconcile(*wanted, running) == actions


def follow(running: dict[Generation, State], actions: list[Action]) -> None:
    """Do what is said, as a node does."""
    for action in actions:
        match action:
            case Load(generation):
                assert generation not in running
                running[generation] = State.LOADING
            case Promote(generation):
                (before,) = [g for g, state in running.items() if state is State.CURRENT]
                running[before], running[generation] = State.RETIRING, State.CURRENT
            case Drop(generation) if running[generation] is State.FAILED:
                del running[generation]
            case Drop(generation):
                running[generation] = State.ENDING


def go_on(running: dict[Generation, State], generation: Generation, fails: bool) -> None:
    """Something that takes its time has happened."""
    match running.get(generation):
        case State.LOADING:
            running[generation] = State.FAILED if fails else State.READY
        case State.RETIRING | State.ENDING:
            del running[generation]
        case _:
            return


generations = st.sampled_from([A, B, C])
wants = st.tuples(generations, st.none() | generations)


@given(st.lists(st.tuples(st.none() | wants, generations, st.booleans()), max_size=40), wants)
def test_it_ends_where_it_should(
    history: list[tuple[tuple[Generation, Generation | None] | None, Generation, bool]],
    last: tuple[Generation, Generation | None],
) -> None:
    running = {A: State.CURRENT}
    wanted: tuple[Generation, Generation | None] = (A, None)
    for change, generation, fails in history:
        go_on(running, generation, fails)
        wanted = change or wanted
        follow(running, reconcile(*wanted, running))
        states = list(running.values())
        assert states.count(State.CURRENT) == 1
        assert sum(s is not State.FAILED for s in states) <= MAX_GENERATIONS
    running = {g: s for g, s in running.items() if s is not State.FAILED}  # told anew
    for _ in range(20):
        for generation in (A, B, C):
            go_on(running, generation, fails=False)
        follow(running, reconcile(*last, running))
    current, beside = last
    expected = {current: State.CURRENT}
    if beside not in (None, current):
        expected[beside] = State.READY
    assert running == expected
