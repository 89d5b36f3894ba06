from __future__ import annotations

import numpy as np

from edgechain.model.samples import index_limit, random_array, random_samples
from edgechain.spec.tensor import DType
from tests.model import special
from tests.model.made import row


def test_the_same_seed_gives_the_same_inputs_and_runs_differ() -> None:
    model = row().model()
    first, again = (random_samples(model, count=2, seed=5) for _ in range(2))
    assert first[0][0].tobytes() == again[0][0].tobytes()
    assert first[0][0].tobytes() != first[1][0].tobytes()


def test_an_open_batch_takes_turns() -> None:
    samples = random_samples(special.open_batch().model(), count=3, seed=1)
    assert [sample[0].shape for sample in samples] == [(1, 4), (2, 4), (1, 4)]


def test_indexes_stay_inside_their_table() -> None:
    model = special.lookup().model()
    assert index_limit(model.tree, model.main.inputs[0]) == 4
    for sample in random_samples(model, count=5, seed=1):
        assert 0 <= sample[1].min() <= sample[1].max() < 10


def test_every_type_gets_its_range() -> None:
    random = np.random.default_rng(0)
    small = random_array(DType.INT8, (4000,), random)
    assert (small.min(), small.max()) == (-128, 127)
    assert random_array(DType.INT64, (100,), random).max() < 100
    assert set(random_array(DType.BOOL, (50,), random).tolist()) == {True, False}
    assert random_array(DType.COMPLEX64, (3,), random).dtype == np.complex64
    assert random_array(DType.FLOAT32, (), random).shape == ()
