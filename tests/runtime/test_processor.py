from __future__ import annotations

import os
import time

import pytest

from edgechain.runtime.processor import is_finely_clocked, processor_seconds

WORK = 0.05


@pytest.mark.parametrize("clock", [True, False])
def test_it_is_what_the_process_itself_says(clock: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    own = time.process_time
    if not clock:
        monkeypatch.setattr(time, "clock_gettime", refuse)
    before, start = processor_seconds(os.getpid()), own()
    while own() - start < WORK:
        pass
    assert processor_seconds(os.getpid()) - before == pytest.approx(WORK, abs=0.03)


def test_ticks_are_no_fine_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_finely_clocked()
    monkeypatch.setattr(time, "clock_gettime", refuse)
    assert not is_finely_clocked()


def refuse(clock: int) -> float:
    raise OSError(f"no clock {clock}")


def test_a_process_that_is_gone_has_none() -> None:
    with pytest.raises(OSError, match=r"No such file"):
        processor_seconds(2**22 + 1)
