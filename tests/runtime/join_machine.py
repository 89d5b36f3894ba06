"""A join beside a model of it: tensors of several attempts in any order, twice, and given up."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgechain.runtime.join import Join, JoinStatistics
from edgechain.spec.ids import RequestKey
from tests.runtime.keys import key

CAPACITY = 5
WANTED = frozenset({2, 3, 7})

keys = st.builds(key, st.integers(0, 2), session=st.integers(1, 2), attempt=st.integers(1, 2))
tensors = st.sampled_from(sorted(WANTED))


class Joins(RuleBasedStateMachine):
    """What is there, by attempt, says what a join has to answer."""

    kind: ClassVar[type[Join]] = Join

    def __init__(self) -> None:
        super().__init__()
        self.join = self.kind(WANTED, CAPACITY)
        self.there: dict[RequestKey, set[int]] = {}
        self.duplicates = 0

    @rule(key=keys, tensor=tensors)
    def add(self, key: RequestKey, tensor: int) -> None:
        if key not in self.there and len(self.there) == CAPACITY:
            self.one_too_many(key, tensor)
            return
        there = self.there.setdefault(key, set())
        self.duplicates += tensor in there
        there.add(tensor)
        assert self.join.add(key, tensor) is (there == WANTED)
        if there == WANTED:
            del self.there[key]

    def one_too_many(self, key: RequestKey, tensor: int) -> None:
        try:
            self.join.add(key, tensor)
        except OverflowError:
            return
        raise AssertionError("more attempts wait than there are slots")

    @rule(key=keys, tensor=st.sampled_from([0, 1, 4, 8]))
    def add_what_nobody_wants(self, key: RequestKey, tensor: int) -> None:
        try:
            self.join.add(key, tensor)
        except KeyError:
            return
        raise AssertionError("a tensor that is not wanted was taken")

    @rule(key=keys)
    def discard(self, key: RequestKey) -> None:
        self.join.discard(key)
        self.there.pop(key, None)

    @invariant()
    def says_how_full_it_is(self) -> None:
        wanted = JoinStatistics(len(self.there), CAPACITY, self.duplicates)
        assert self.join.statistics() == wanted


class _Counting(Join):
    def add(self, key: RequestKey, tensor: int) -> bool:
        missing = self._missing.get(key)
        return super().add(key, min(missing) if missing and tensor in self._wanted else tensor)


class _WeakKey(Join):
    def add(self, key: RequestKey, tensor: int) -> bool:
        return super().add(key._replace(attempt=1), tensor)


class _Keeping(Join):
    def discard(self, key: RequestKey) -> None:
        """Forgets to forget."""


class CountingJoins(Joins):
    kind = _Counting


class WeakJoins(Joins):
    kind = _WeakKey


class KeepingJoins(Joins):
    kind = _Keeping


BROKEN: dict[str, type[Joins]] = {
    "a join that counts tensors, whichever they are": CountingJoins,
    "a join that takes two attempts for one": WeakJoins,
    "a join that keeps what was given up": KeepingJoins,
}
