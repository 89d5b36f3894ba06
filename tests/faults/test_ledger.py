"""The ledger sees every fault it is there for."""

from __future__ import annotations

import pytest

from edgechain.errors import Unavailable
from tests.faults.hash_chain import Answer, Run
from tests.faults.ledger import Ledger, longest_gap, together


def right(number: int) -> bytes:
    return bytes([number])


def answer(number: int, count: int | None = None) -> Answer:
    """The right answer, of a run of its own unless told otherwise."""
    return Answer(right(number), number, (Run(1, number if count is None else count, 0.0),))


def ledger_with(requests: int) -> Ledger:
    ledger = Ledger(right)
    for _ in range(requests):
        ledger.submit(0.0, 1.0)
    return ledger


def test_right_answers_and_typed_errors_are_no_faults() -> None:
    ledger = ledger_with(3)
    ledger.answered(0, 0.5, answer(0))
    ledger.failed(1, 1.05, Unavailable("s", "gone"))
    ledger.answered(2, 1.05, answer(2))
    account = ledger.account()
    assert (account.faults, account.right, account.failed) == (0, 2, 1)
    assert str(account) == "0 lost, 0 doubled, 0 mixed, 0 late of 3 (1 Unavailable)"
    assert together([account, account]).share == pytest.approx(2 / 3)


def test_a_request_without_an_end_is_lost() -> None:
    ledger = ledger_with(2)
    ledger.answered(0, 0.5, answer(0))
    assert ledger.account().faults == 1, "as long as it is open the books are not even"
    ledger.give_up()
    assert (ledger.account().lost, ledger.account().faults) == (1, 1)


@pytest.mark.parametrize("of", [1, 9])
def test_another_answer_is_mixed(of: int) -> None:
    ledger = ledger_with(2)
    ledger.answered(0, 0.5, Answer(right(of), 0, answer(0).runs))
    ledger.answered(1, 0.5, answer(1))
    assert (ledger.account().mixed, ledger.account().faults) == (1, 1)


def test_a_second_end_is_doubled() -> None:
    ledger = ledger_with(1)
    ledger.answered(0, 0.5, answer(0))
    ledger.failed(0, 0.6, Unavailable("s", "gone"))
    assert (ledger.account().doubled, ledger.account().right, ledger.account().faults) == (1, 1, 1)


def test_one_run_for_two_requests_is_doubled() -> None:
    ledger = ledger_with(2)
    ledger.answered(0, 0.5, answer(0, count=7))
    ledger.answered(1, 0.5, answer(1, count=7))
    assert ledger.account().doubled == 1


def test_later_than_the_deadline_is_late_whatever_the_end() -> None:
    ledger = ledger_with(2)
    ledger.answered(0, 1.06, answer(0))
    ledger.failed(1, 1.06, Unavailable("s", "gone"))
    assert (ledger.account().late, ledger.account().faults) == (2, 2)


def test_an_error_of_no_kind_of_ours_is_a_fault() -> None:
    ledger = ledger_with(1)
    ledger.failed(0, 0.1, KeyError("x"))
    assert (ledger.account().untyped, ledger.account().faults) == (1, 1)
    assert ledger.oddities == ["request 0: KeyError: 'x'"]


def test_the_longest_gap_counts_right_answers_only() -> None:
    ledger = ledger_with(4)
    for number, ended in ((0, 0.1), (1, 0.2), (3, 0.9)):
        ledger.answered(number, ended, answer(number))
    ledger.failed(2, 0.5, Unavailable("s", "gone"))
    assert longest_gap(ledger.ends, 0.0, 1.0) == pytest.approx(0.7)
    assert longest_gap(ledger.ends, 0.0, 3.0) == pytest.approx(2.1)
