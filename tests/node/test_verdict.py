"""What a node dies of is one error in words of ours, wherever in nested groups it was."""

from __future__ import annotations

import asyncio

import pytest

from edgechain.errors import AddressInUse, EdgechainError, NodeFailed
from edgechain.node.verdict import verdict

OURS = AddressInUse("taken")


@pytest.mark.parametrize(
    "error",
    [
        OURS,
        ExceptionGroup("", [OURS]),
        ExceptionGroup("", [OSError("first"), ExceptionGroup("", [ValueError("no"), OURS])]),
    ],
)
def test_ours_is_told_before_what_is_foreign(error: BaseException) -> None:
    assert verdict(error) is OURS


def test_what_is_foreign_is_told_in_our_words() -> None:
    found = verdict(ExceptionGroup("", [ExceptionGroup("", [OSError(19, "No such device")])]))
    assert isinstance(found, NodeFailed)
    assert str(found) == "it ended by OSError: [Errno 19] No such device"


def test_a_cancellation_passes_through() -> None:
    cancelled = asyncio.CancelledError()
    found = verdict(BaseExceptionGroup("", [cancelled]))
    assert found is cancelled
    assert not isinstance(found, EdgechainError)
