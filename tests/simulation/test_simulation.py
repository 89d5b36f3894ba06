"""The short version of the simulation and of the deadlock study; and that runs can be repeated."""

from __future__ import annotations

import pytest

from tests.faults.short import holds
from tests.simulation.mutants import MUTANTS, applied
from tests.simulation.run import run_seed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


def test_the_real_classes_keep_the_promise_and_mutants_are_noticed() -> None:
    holds("simulation", scale=0.006)


def test_nothing_waits_for_ever() -> None:
    holds("deadlock", scale=0.008)


def test_a_seed_is_the_same_run_every_time() -> None:
    told: list[list[str]] = [[], []]
    for lines in told:
        run_seed(3, lines.append)
    assert told[0] == told[1]
    assert len(told[0]) > 100


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_changes_our_code_and_leaves_no_trace(name: str) -> None:
    changes = MUTANTS[name].changes()
    before = [vars(owner).get(attribute) for owner, attribute, _ in changes]
    with applied(name):
        during = [vars(owner).get(attribute) for owner, attribute, _ in changes]
    after = [vars(owner).get(attribute) for owner, attribute, _ in changes]
    assert all(one is not other for one, other in zip(before, during, strict=True))
    assert before == after
