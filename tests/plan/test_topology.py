"""Device files and profiles become a problem: what is in it besides the operators' work."""

from __future__ import annotations

import pytest

from edgechain.plan.topology import Device, problem_on
from edgechain.spec.chain import ModelSource
from edgechain.spec.profile import DeviceProfile
from edgechain.spec.topology import DeviceConfig
from tests.spec.graphs import DIAMOND

MODEL = ModelSource(file="diamond.tflite", sha256="0" * 64)


def device(name: str, *, send: float = 0.0, receive: float = 0.0) -> Device:
    """Operators of a millisecond each; bytes cost so many milliseconds a megabyte."""
    profile = DeviceProfile(
        device=name,
        model=MODEL,
        interpreter="litert",
        threads=1,
        operator_ms=(1.0,) * 6,
        send_ms_per_mb=send,
        receive_ms_per_mb=receive,
    )
    return Device(name, DeviceConfig(), 1, profile)


def test_what_the_clients_tensors_cost_is_in_the_problem() -> None:
    made = problem_on(DIAMOND, [device("free"), device("dear", send=1e6, receive=5e5)])
    free, dear = (sum(u.seconds[name] for u in made.problem.units) for name in ("free", "dear"))
    assert free == pytest.approx(0.006)
    assert dear == pytest.approx(0.006 + 4 * 0.5e-3 + 4 * 1e-3), "four bytes come, four go"
