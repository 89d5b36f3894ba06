"""How a profile's boundary tensors are packed: what shrinks, what does not, what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from edgechain.cli.packing import CHUNK_BYTES, PackingMeter
from edgechain.spec.profile import MOST_SHARES
from tests.spec.graphs import FIRST_INPUT, graph

ROW = graph([FIRST_INPUT], [0], [1])
ZEROS = np.zeros(3 * CHUNK_BYTES // 4, dtype=np.float32)
NOISE = np.random.default_rng(0).integers(0, 256, 2 * CHUNK_BYTES + 5, dtype=np.uint8)


def test_zeros_shrink_and_noise_crosses_as_it_is() -> None:
    meter = PackingMeter(ROW)
    meter.look(0, ZEROS)
    meter.look(1, NOISE)
    found = meter.found(1.0)
    assert found is not None
    assert found.shares["t0"] < 0.01
    assert found.shares["t1"] == 1.0
    assert found.pack_ms_per_mb > 0
    assert found.unpack_ms_per_mb > 0


def test_a_chunk_that_gets_no_smaller_costs_no_more_than_itself() -> None:
    meter = PackingMeter(ROW)
    half = np.concatenate([NOISE[:CHUNK_BYTES], np.zeros(CHUNK_BYTES, dtype=np.uint8)])
    meter.look(0, half)
    found = meter.found(1.0)
    assert found is not None
    assert found.shares["t0"] == pytest.approx(0.5, abs=0.01)


def test_seconds_are_those_of_the_clock() -> None:
    meter = PackingMeter(ROW)
    meter.look(0, ZEROS)
    once, twice = meter.found(1.0), meter.found(2.0)
    assert once is not None
    assert twice is not None
    assert twice.pack_ms_per_mb == pytest.approx(2 * once.pack_ms_per_mb, abs=1e-5)
    assert twice.shares == once.shares


def test_a_tensor_counts_once_and_the_models_outputs_do_not() -> None:
    meter = PackingMeter(ROW)
    meter.look(0, ZEROS)
    meter.look(0, NOISE)
    meter.look(2, ZEROS)
    found = meter.found(1.0)
    assert found is not None
    assert list(found.shares) == ["t0"]
    assert found.shares["t0"] < 0.01


def test_where_nothing_crosses_nothing_is_known() -> None:
    meter = PackingMeter(ROW)
    assert meter.found(1.0) is None
    meter.look(0, np.zeros(0, dtype=np.float32))
    assert meter.found(1.0) is None


def test_of_very_many_tensors_the_largest_are_told() -> None:
    count = MOST_SHARES + 10
    meter = PackingMeter(graph(*([FIRST_INPUT] if at == 0 else [at - 1] for at in range(count))))
    for tensor in range(count - 1):
        meter.look(tensor, np.zeros(100 + tensor, dtype=np.uint8))
    found = meter.found(1.0)
    assert found is not None
    assert len(found.shares) == MOST_SHARES
    assert f"t{count - 2}" in found.shares
    assert "t0" not in found.shares
