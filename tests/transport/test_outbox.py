"""Two lanes: nothing is lost, control goes first, and the goodbye last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgechain.spec.message import Bye, Cancel, RefusalKind, Refused, Released
from edgechain.transport.outbox import MAX_OWED, MAX_TOGETHER, Outbox
from tests.runtime.keys import freed, key
from tests.transport.ears import Done
from tests.transport.words import tensor

steps = st.lists(st.tuples(st.sampled_from(["cancel", "free", "tensor"]), st.integers(0, 5)))


@given(steps)
def test_each_lane_keeps_its_order_and_control_goes_first(said: list[tuple[str, int]]) -> None:
    outbox = Outbox()
    for what, number in said:
        if what == "tensor":
            outbox.add_tensor(tensor(b"", Done(), key=key(number)))
        elif what == "free":
            outbox.note(freed(key(number)))
        else:
            outbox.add(Cancel(key(number)))
    outbox.add(Bye())
    controls = []
    while (control := outbox.take_control()) is not None:
        if isinstance(control, Released):
            controls += [("free", one.sequence) for one in control.keys]
        elif isinstance(control, Cancel):
            controls.append(("cancel", control.key.sequence))
    assert controls == [one for what in ("cancel", "free") for one in said if one[0] == what]
    tensors = []
    while outbox.take_goodbye() is None:
        send = outbox.take_tensor()
        assert send is not None
        tensors.append(("tensor", send.key.sequence))
    assert tensors == [one for one in said if one[0] == "tensor"]


@given(st.lists(st.integers(0, 3)), st.integers(0, 3))
def test_an_attempt_is_taken_out_whole_and_alone(keys: list[int], gone: int) -> None:
    outbox = Outbox()
    for number in keys:
        outbox.add_tensor(tensor(b"", Done(), key=key(number)))
    assert [send.key for send in outbox.take_attempt(key(gone))] == [key(gone)] * keys.count(gone)
    assert outbox.take_attempt(key(gone)) == []
    rest = [outbox.take_tensor() for _ in range(len(outbox))]
    assert [one.key.sequence for one in rest if one] == [n for n in keys if n != gone]


def test_who_does_not_listen_owes_and_who_does_owes_no_more() -> None:
    outbox = Outbox()
    for number in range(MAX_OWED + 1):
        assert not outbox.is_overdue
        outbox.note(freed(key(number)))
    assert outbox.is_overdue
    assert (outbox.has_control, len(outbox)) == (False, MAX_OWED + 1)
    outbox.mention()
    assert len(outbox) == MAX_OWED // MAX_TOGETHER + 1
    assert outbox.take_control()
    assert not outbox.is_overdue


def test_a_refusal_is_the_last_word_until_it_is_taken() -> None:
    outbox = Outbox()
    outbox.add(Refused(RefusalKind.MALFORMED, "nonsense"))
    assert outbox.has_last_word
    outbox.take_control()
    assert (len(outbox), outbox.has_last_word) == (0, False)


def test_nothing_follows_a_goodbye() -> None:
    outbox = Outbox()
    outbox.add(Bye())
    outbox.add(Cancel(key(1)))
    assert (outbox.has_last_word, outbox.is_closing, len(outbox)) == (True, True, 1)
